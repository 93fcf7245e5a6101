// Who may do what, and what a change of content takes away.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"OtherUsers", "", R"(
mkdir /d 0700
open f /a rw,creat 0600
close f
as 1000 1000
stat /a
open f /a r
close f
open f /b rw,creat 0644
write f x
fstat f
fchmod f 06777
write f y
close f
chown /b 1000 1000
unlink /b
)"},
    {"DefaultPermissions", "[default_permissions]", R"(
mkdir /d 0700
mkdir /p 0777
chmod /p 01777
open f /a rw,creat 0600
close f
open f /p/root rw,creat 0644
close f
as 1000 1000
stat /a
open f /a r
stat /d/x
mkdir /e 0755
unlink /p/root
open f /p/b rw,creat 0644
write f x
chmod /p/b 0600
chown /p/b 0 0
chmod /a 0777
close f
unlink /p/b
access /a read
access /p write
)"},
    {"WithoutKillpriv", "[refuse:killpriv_v2]", R"(
open f /a rw,creat 0644
write f *10000
pread f 5000 100
pread f 100 9990
pwrite f xyz 4095
fstat f
close f
open f /a rw
read f 20000
close f
open f /a rw,trunc
fstat f
write f *5000
ftruncate f 100
pread f 1000 0
close f
stat /a
chmod /a 06755
open f /a rw
as 1000 1000
write f x
fstat f
close f
as 0 0
chmod /a 06755
open f /a rw
as 1000 1000
ftruncate f 1
fstat f
close f
)"},
    {"KillprivTheFirst", "[refuse:killpriv_v2][want:killpriv]", R"(
open f /a rw,creat 0644
write f *10000
pread f 5000 100
pread f 100 9990
pwrite f xyz 4095
fstat f
close f
open f /a rw
read f 20000
close f
open f /a rw,trunc
fstat f
write f *5000
ftruncate f 100
pread f 1000 0
close f
stat /a
chmod /a 06755
open f /a rw
as 1000 1000
write f x
fstat f
close f
)"},
    {"KillprivTheSecond", "", R"(
open f /a rw,creat 0644
write f *10000
pread f 5000 100
pread f 100 9990
pwrite f xyz 4095
fstat f
close f
open f /a rw
read f 20000
close f
open f /a rw,trunc
fstat f
write f *5000
ftruncate f 100
pread f 1000 0
close f
stat /a
chmod /a 06755
open f /a rw
as 1000 1000
write f x
fstat f
close f
as 0 0
chmod /a 06755
open f /a rw
as 1000 1000
ftruncate f 1
fstat f
close f
)"},
    {"SearchingIsAPermission", "[default_permissions]", R"(
mkdir /d 0711; mkdir /d/e 0700; mkdir /d/e/f 0777; mknod /d/x 0100644; as 1000 1000; stat /d/x; open d /d r,dir; stat /d/e; stat /d/e/f; open f /d/e/f/new rw,creat 0644; access /d/e exec; chmod /d/e/f 0700; as 0 0; stat /d/e/f; chmod /d/e 0777; as 1000 1000; stat /d/e/f
)"},
    {"ClassesOfUsers", "[default_permissions]", R"(
mknod /f 0100000; chmod /f 0640; chown /f 1000 2000; as 1000 1; open f /f rw; close f; as 2 2000; open f /f r; open f /f w; as 3 3; open f /f r; as 0 0; chmod /f 0044; as 1000 2000; open f /f r; as 2 2000; open f /f r; close f; as 3 3; open f /f r; close f
)"},
    {"SupplementaryGroups", "[default_permissions]", R"(
mknod /f 0100640; chown /f 0 2000; mkdir /d 0770; chown /d 0 3000; as 1000 1000; open f /f r; groups 2000; open f /f r; close f; open f /d/a rw,creat 0644; groups 2000 3000; open f /d/a rw,creat 0644; close f; chown /d/a 4294967295 3000; chown /d/a 4294967295 4000; groups; stat /d/a
)"},
    {"RootMayDoMost", "[default_permissions]", R"(
mknod /f 0100000; chown /f 1000 1000; open f /f rw; close f; access /f read,write; access /f exec; chmod /f 0010; access /f exec; mkdir /d 0; open f /d/a rw,creat 0; close f; open d /d r,dir; close d; chown /d 5 5; open f /d/a rw; close f
)"},
    {"StickyDirectories", "[default_permissions]", R"(
mkdir /t 0777; chmod /t 01777; mknod /t/root 0100666; as 1000 1000; mknod /t/a 0100666; mkdir /t/d 0777; as 2000 2000; unlink /t/a; rmdir /t/d; rename /t/a /t/b; mknod /t/mine 0100644; rename /t/mine /t/a; rename /t/mine /t/a exchange; unlink /t/mine
as 1000 1000; unlink /t/root; rename /t/a /t/b; unlink /t/b; rmdir /t/d; as 0 0; chown /t 3000 3000; mknod /t/x 0100644; as 3000 3000; unlink /t/x
)"},
    {"OwnersChangeModes", "[default_permissions]", R"(
mknod /f 0100644; chown /f 1000 1000; as 1000 1000; chmod /f 06755; stat /f; chmod /f 0400; open f /f w; chmod /f 0600; open f /f w; close f; as 2000 2000; chmod /f 0666; as 1000 2000; chmod /f 02755; stat /f; groups 1000; chmod /f 02755; stat /f
)"},
    {"OwnersGiveNothingAway", "[default_permissions]", R"(
mknod /f 0100644; chown /f 1000 1000; as 1000 1000; chown /f 2000 4294967295; chown /f 1000 4294967295; chown /f 4294967295 2000; groups 2000; chown /f 4294967295 2000; chown /f 1000 1000; chown /f 4294967295 4294967295; as 2000 2000; chown /f 4294967295 2000; chown /f 4294967295 4294967295; stat /f
)"},
    {"TimesAreForOwnersAndWriters", "[default_permissions]", R"(
mknod /f 0100666; mknod /g 0100644; chmod /f 0666; as 1000 1000; utimens /f now now; utimens /f 1 2; utimens /f now omit; utimens /f omit now; utimens /g now now; utimens /f omit omit; as 0 0; chown /g 1000 1000; as 1000 1000; utimens /g 1 2; utimens /g now omit
)"},
    {"TruncatingNeedsWriting", "[default_permissions]", R"(
mknod /f 0100444; chown /f 1000 1000; as 1000 1000; truncate /f 5; open f /f r; ftruncate f 5; close f; chmod /f 0600; open f /f w; chmod /f 0400; ftruncate f 5; fstat f; write f x; close f; open f /f w; open f /f r,trunc
)"},
    {"MakingNeedsWriting", "[default_permissions]", R"(
mkdir /d 0755; mknod /d/f 0100644; as 1000 1000; mkdir /d/x 0755; mknod /d/x 0100644; symlink x /d/x; link /d/f /d/x; open f /d/x rw,creat 0644; open f /d/f r,creat 0644; close f; open f /d/f w,creat 0644; open f /d rw,tmpfile 0600; unlink /d/f; rename /d/f /d/g; rename /d/f /x; rmdir /d; mkdir /d/f 0755
)"},
    {"MovingDirectoriesNeedsWritingThem", "[default_permissions]", R"(
mkdir /a 0777; mkdir /b 0777; chmod /a 0777; chmod /b 0777; mkdir /a/d 0755; mkdir /a/e 0755; chown /a/e 1000 1000; as 1000 1000; rename /a/d /b/d; rename /a/e /b/e; rename /a/d /a/f; rename /b/e /a/f exchange; rename /a/f /b/x; stat /a/f
)"},
    {"AttributesNeedPermissions", "[default_permissions]", R"(
mknod /f 0100644; setxattr /f user.x y; mknod /g 0100600; setxattr /g user.x y; mkdir /t 0777; chmod /t 01777; as 1000 1000; getxattr /f user.x; setxattr /f user.x z; removexattr /f user.x; getxattr /g user.x; listxattr /g; setxattr /g user.x z; setxattr /t user.x y; getxattr /f trusted.x; setxattr /f trusted.x y; listxattr /f
)"},
    {"AccessIsTheKernelsOwn", "[default_permissions]", R"(
mknod /f 0100640; symlink f /l; mkdir /d 0750; access /f read,write; access /f exec; laccess /l read,write; as 1000 1000; access /f exists; access /f read; access /d exec; access /l read; laccess /l read,write,exec; access / write; groups 0; access /f read; access /f write
)"},
    {"DirectoriesInheritGroups", "[default_permissions]", R"(
mkdir /d 0777; chown /d 0 2000; chmod /d 02777; as 1000 1000; mkdir /d/e 0755; stat /d/e; open f /d/f rw,creat 02755; fstat f; close f; mknod /d/g 0102755; lstat /d/g; open f /d rw,tmpfile 02711; fstat f; close f; umask 0; mkdir /d/h 0777; stat /d/h
)"},
    {"PermissionsAreRefreshed", "[default_permissions]", R"(
mknod /f 0100600; as 1000 1000; open f /f r; as 0 0; setxattr /f user.mode 666; as 1000 1000; open f /f r; close f; access /f write; as 0 0; setxattr /f user.mode 600; as 1000 1000; open f /f w; close f; stat /f; open f /f w
)"},
    {"PermissionsWithoutAttributes", "[default_permissions][uncached]", R"(
mknod /f 0100600; mkdir /d 0700; as 1000 1000; open f /f r; stat /d/x; mkdir /d/x 0755; access /f read; as 0 0; chmod /f 0644; as 1000 1000; open f /f r; close f
)"},
    {"ServersDecide", "", R"(
mkdir /d 0; mknod /f 0100000; as 1000 1000; open f /f rw; write f x; fstat f; close f; stat /d/x; mkdir /d/x 0755; chmod /f 0777; chown /f 1000 1000; unlink /f; utimens /d 1 2; rmdir /d/x; truncate /d 0; rmdir /d
)"},
    {"SetIdBitsAreDropped", "", R"(
mknod /f 0100666; chmod /f 06777; as 1000 1000; open f /f rw; write f x; fstat f; close f; as 0 0; chmod /f 06766; as 1000 1000; truncate /f 0; stat /f; as 0 0; chmod /f 06777; as 1000 1000; open f /f w,trunc; close f; stat /f; as 0 0; chmod /f 06777; as 1000 1000; open f /f rw; fallocate f - 0 10; fstat f; close f
)"},
    {"SetIdBitsAreDroppedByTheKernel", "[refuse:killpriv_v2]", R"(
mknod /f 0100666; chmod /f 06777; as 1000 1000; open f /f rw; write f x; fstat f; write f y; close f; as 0 0; chmod /f 06766; as 1000 1000; truncate /f 0; stat /f; as 0 0; chmod /f 02777; as 1000 1000; open f /f w,trunc; close f; stat /f; as 0 0; chmod /f 04777; as 1000 1000; open f /f rw; fallocate f - 0 10; fstat f; close f
)"},
    {"SetIdBitsAreDroppedPastTheCache", "[open:direct_io]", R"(
mknod /f 0100666; chmod /f 06777; as 1000 1000; open f /f rw; write f x; fstat f; close f; as 0 0; chmod /f 06777; open f /f rw; write f x; fstat f; close f
)"},
    {"SetIdBitsAreDroppedByTheKernelPastTheCache", "[open:direct_io][refuse:killpriv_v2]", R"(
mknod /f 0100666; chmod /f 06777; as 1000 1000; open f /f rw; write f x; fstat f; close f; as 0 0; chmod /f 06777; as 1000 1000; open f /f rw,direct; pwrite f x 5; fstat f; close f
)"},
    {"SetIdBitsAreDroppedByCopies", "", R"(
open g /g rw,creat 0644; write g *100; mknod /f 0100666; chmod /f 06777; as 1000 1000; open f /f rw; copy_file_range g 0 f 0 50; fstat f; close f; close g
)"},
    {"SetIdBitsAndAtomicTruncation", "[want:atomic_o_trunc]", R"(
mknod /f 0100666; chmod /f 06777; as 1000 1000; open f /f w,trunc; fstat f; close f; as 0 0; chmod /f 06777; as 1000 1000; open f /f w,creat,trunc; fstat f; close f; stat /f
)"},
    {"OnlyTheOwnerMayEnter", "[private]", R"(
mkdir /d 0777; mknod /f 0100666; open g /f rw; open d / r,dir; as 1000 1000; stat /; stat /f; open f /f r; access / read; mkdir /x 0755; getdents d; read g 1; write g x; fstat g; fchmod g 0600; ftruncate g 0; fsync g; statvfs /; fstatvfs g; fgetxattr g user.x; flistxattr g; fsetxattr g user.x y
futimens g now now; lseek g 0 end; lseek g 0 data; fallocate g - 0 10; openat f d f r; close g; close d
)"},
    {"OnlyTheOwnerMayEnterByGroup", "[private]", R"(
mknod /f 0100666; as 0 1000; stat /f; open f /f r; as 1000 0; stat /f; as 0 0; stat /f
)"},
    {"MountedForReading", "[read_only]", R"(
stat /; mkdir /d 0755; mknod /f 0100644; symlink x /l; open f /f rw,creat 0644; open f /f r,creat 0644; open f / rw,tmpfile 0600; unlink /f; rmdir /d; rename /a /b; link /f /g; chmod / 0700; chown / 1 1; utimens / now now; truncate /f 0; setxattr / user.x y
removexattr / user.x; access / write; access / read; open d / r,dir; getdents d; fsync d; fchmod d 0700; close d; statvfs /
)"},
};

}  // namespace

std::span<const Script> scripts_on_permissions() {
  return kScripts;
}

}  // namespace fusereplay::testing

// Operations that the filesystem lacks.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr std::string_view kOpens = R"(
open f /a rw,creat 0644
close f
open f /a rw,creat,excl 0644
open f /a r
fstat f
close f
open f /b w,creat,trunc 0600
write f hello
close f
open g /b r
pread g 10 0
close g
mkdir /d 0755
open d /d r,dir
getdents d
fsync d
close d
open d /d r,dir
getdents d
fsync d
close d
stat /a
unlink /a
)";

constexpr Script kScripts[] = {
    {"WithoutFlush", "[without:flush]", R"(
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
)"},
    {"WithoutOpen", "[without:open]", kOpens},
    {"WithoutOpendir", "[without:opendir]", kOpens},
    {"WithoutOpens", "[without:open,opendir,create]", kOpens},
    {"WithoutCreate", "[without:create]", kOpens},
    {"WithoutSync", "[without:fsync,fsyncdir]", R"(
open f /a rw,creat 0644
close f
open f /a rw,creat,excl 0644
open f /a r
fstat f
close f
open f /b w,creat,trunc 0600
write f hello
close f
open g /b r
pread g 10 0
close g
mkdir /d 0755
open d /d r,dir
getdents d
fsync d
close d
open d /d r,dir
getdents d
fsync d
close d
stat /a
unlink /a
open f /b rw
fsync f
fdatasync f
close f
)"},
    {"WithoutTmpfile", "[without:tmpfile]", R"(
open f / rw,tmpfile 0600
open f / rw,tmpfile 0600
stat /
)"},
    {"WithoutRenameFlags", "[without:rename2]", R"(
mkdir /a 0755
mkdir /b 0755
rename /a /b exchange
rename /a /c noreplace
rename /a /c noreplace
rename /a /b
)"},
    {"WithoutLink", "[without:link]", R"(
open f /a rw,creat 0644
link /a /b
link /a /b
stat /a
close f
)"},
    {"WithoutFallocateAndSeek", "[without:fallocate,lseek]", R"(
open f /a rw,creat 0644
write f *5000
fallocate f - 0 100
fallocate f - 0 100
lseek f 0 data
lseek f 100 hole
lseek f 6000 data
close f
)"},
    {"WithoutCopyFileRange", "[without:copy_file_range]", R"(
open a /a rw,creat 0644
open b /b rw,creat 0644
write a *3000
pread a 3000 0
fstat a
close a
close b
)"},
    {"WithoutLookup", "[without:lookup]", R"(
stat /a; mkdir /a 0755; open f /a rw,creat 0644
)"},
    {"WithoutSetattr", "[without:setattr]", R"(
mknod /f 0100644; chmod /f 0600; chown /f 1 1; truncate /f 5; utimens /f 1 2; open f /f rw,trunc; chmod /f 0600
)"},
    {"WithoutReadlink", "[without:readlink]", R"(
symlink f /l; mknod /f 0100644; readlink /l; readlink /l; stat /l; unlink /l
)"},
    {"WithoutSymlink", "[without:symlink]", R"(
symlink f /l; symlink f /l; lstat /l
)"},
    {"WithoutMknod", "[without:mknod]", R"(
mknod /f 0100644; mknod /f 0100644; open f /f rw,creat 0644; close f
)"},
    {"WithoutMkdir", "[without:mkdir]", R"(
mkdir /d 0755; mkdir /d 0755; stat /d
)"},
    {"WithoutUnlinkAndRmdir", "[without:unlink,rmdir]", R"(
mknod /f 0100644; mkdir /d 0755; unlink /f; unlink /f; rmdir /d; rmdir /d; stat /f; stat /d
)"},
    {"WithoutRename", "[without:rename]", R"(
mknod /f 0100644; rename /f /g; rename /f /g; rename /f /h noreplace; rename /f /g exchange; stat /h
)"},
    {"WithoutRead", "[without:read]", R"(
open f /a rw,creat 0644; write f *5000; close f; open f /a r; pread f 10 0; pread f 10 4096; read f 10; close f
)"},
    {"WithoutWrite", "[without:write]", R"(
open f /a rw,creat 0644; write f abc; write f abc; pread f 10 0; fstat f; close f
)"},
    {"WithoutReadAndWritePastTheCache", "[without:read,write][open:direct_io]", R"(
open f /a rw,creat 0644; write f abc; pread f 10 0; fstat f; close f
)"},
    {"WithoutGetxattrAlone", "[without:getxattr]", R"(
open f /a rw,creat 0644; fsetxattr f user.x y; write f x; fgetxattr f user.x; flistxattr f; write f y; ftruncate f 0; fchown f 1 1; close f; mknod /b 0100644; truncate /b 5; chown /b 1 1
)"},
    {"WithoutSetxattrAlone", "[without:setxattr]", R"(
mknod /f 0100644; setxattr /f user.x y; setxattr /f user.x y; getxattr /f user.x; listxattr /f; removexattr /f user.x
)"},
    {"WithoutListxattrAlone", "[without:listxattr]", R"(
mknod /f 0100644; setxattr /f user.x y; listxattr /f; listxattr /f 0; llistxattr /f; getxattr /f user.x
)"},
    {"WithoutRemovexattrAlone", "[without:removexattr]", R"(
open f /a rw,creat 0644; fsetxattr f user.x y; fremovexattr f user.x; fremovexattr f user.x; fsetxattr f security.capability %cap; write f x; write f y; close f
)"},
    {"WithoutFsyncAlone", "[without:fsync]", R"(
open f /a w,creat,sync 0644; write f x; write f y; fsync f; fdatasync f; close f; open d / r,dir; fsync d; close d
)"},
    {"WithoutFsyncdirAlone", "[without:fsyncdir]", R"(
open d / r,dir; fsync d; fdatasync d; close d; open f /a w,creat 0644; fsync f; close f
)"},
    {"WithoutLseekAlone", "[without:lseek]", R"(
open f /a rw,creat 0644; write f *100; pwrite f x 50000; lseek f 0 data; lseek f 0 hole; lseek f 50001 data; lseek f -1 hole; lseek f 50000 data; fstat f; close f
)"},
    {"WithoutFallocateAlone", "[without:fallocate]", R"(
open f /a rw,creat 0644; fallocate f - 0 100; fallocate f punch,keep 0 100; write f x; fstat f; close f
)"},
    {"WithoutOpenAndTruncated", "[without:open][want:atomic_o_trunc]", R"(
open f /a rw,creat 0644; write f *5000; close f; open f /a w,trunc; fstat f; write f x; close f; open f /a r; read f 10; close f; open f /a r,trunc; fstat f; close f
)"},
    {"WithoutOpenCachesAreKept", "[without:open]", R"(
mknod /a 0100644; open f /a rw; write f *5000; pread f 10 0; close f; open f /a r; pread f 10 0; setxattr /a user.behind CHANGED; close f; open f /a r; pread f 10 0; close f; open f /a rw; ftruncate f 5; fsync f; close f
)"},
};

}  // namespace

std::span<const Script> scripts_on_without() {
  return kScripts;
}

}  // namespace fusereplay::testing

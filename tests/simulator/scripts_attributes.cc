// Attributes: showing and changing them.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr std::string_view kStatx = R"(
open f /a rw,creat 0644
statx /a - basic
statx /a - basic,btime
statx /a - btime
statx /a - btime
write f hello
statx /a - mode
statx /a - size
statx /a force mode
write f more
statx /a lazy basic
statx /a lazy btime
statx /a - -
statx /a force -
stat /a
symlink a /l
statx /l link btime
statx /l - btime
statx /none - btime
statx / - btime
close f
)";

constexpr Script kScripts[] = {
    {"ModesAndMasks", "", R"(
umask 027
open f /a rw,creat 0666
fstat f
fchmod f 04711
fstat f
close f
mkdir /d 01777
stat /d
chmod /a 0
stat /a
umask 0
mkdir /e 0777
stat /e
)"},
    {"Owners", "", R"(
open f /a rw,creat 0644
chown /a 1000 1001
fstat f
fchown f 0 4294967295
fstat f
chown /a 4294967295 4294967295
symlink a /l
lchown /l 5 6
lstat /l
chown /l 7 8
stat /a
close f
mkdir /d 0755
chown /d 3 4
stat /d
)"},
    {"Times", "", R"(
open f /a rw,creat 0644
close f
utimens /a 1000000000 1100000000
stat /a
utimens /a omit 1200000000
utimens /a now now
utimens /a omit omit
stat /a
)"},
    {"Filesystems", "", R"(
statvfs /
mkdir /d 0755
statvfs /d
)"},
    {"Access", "", R"(
open f /a rw,creat 0644
close f
access /a exists
access /a read,write
access /a exec
access / read,exec
access /none exists
)"},
    {"ServerMasks", "[want:dont_mask]", R"(
umask 027
open f /a rw,creat 0666
fstat f
close f
mkdir /d 0777
stat /d
mknod /n 0100666
stat /n
)"},
    {"AccessIsAsked", "[access]", R"(
open f /a rw,creat 0644
close f
access /a exists
access /a read
access /a write
access /a read,write
access / exec
as 1000 1000
access /a read
)"},
    {"ExtendedStat", "", kStatx},
    {"WithoutStatx", "[without:statx]", kStatx},
    {"UncachedStatx", "[uncached]", kStatx},
    {"ModeBits", "", R"(
mknod /f 0100644; chmod /f 07777; stat /f; chmod /f 0100600; stat /f; chmod /f 040755; stat /f; mkdir /d 0755; chmod /d 07000; stat /d; symlink f /l; chmod /l 0640; stat /f; chmod / 01777; stat /; chmod /none 0; chmod /f/ 0600
)"},
    {"OwnersAndSetIdBits", "", R"(
mknod /f 0104755; chmod /f 06755; chown /f 1 2; stat /f; chmod /f 06755; chown /f 4294967295 4294967295; stat /f; chmod /f 02644; chown /f 4294967295 5; stat /f; mkdir /d 02755; chmod /d 06755; chown /d 1 1; stat /d
)"},
    {"OwnersOfLinks", "", R"(
mknod /f 0100644; symlink f /l; lchown /l 3 4; lstat /l; chown /l 5 6; stat /l; lstat /l; lchown /f 7 8; stat /f; symlink none /m; chown /m 1 1; lchown /m 1 1; chown /none 1 1
)"},
    {"OwnersByDescriptor", "", R"(
open f /a rw,creat 04755; fchmod f 06711; fchown f 1 1; fstat f; fchown f 4294967295 3; fchmod f 0; fstat f; close f; open d / r,dir; fchmod d 0711; fchown d 0 7; fstat d; close d; stat /
)"},
    {"TimesOfEveryKind", "", R"(
mknod /f 0100644; utimens /f 1 2; utimens /f now 3; utimens /f 4 now; utimens /f omit 5; utimens /f 6 omit; utimens /f omit omit; utimens /f now omit; utimens /none omit omit; utimens /none now now; stat /f
)"},
    {"TimesOfLinksAndDirectories", "", R"(
mkdir /d 0755; symlink d /l; symlink none /m; utimens /l 1 2; lutimens /l 3 4; lutimens /m 5 6; utimens /m 7 8; utimens / 9 10; lutimens /d now now; lstat /l; stat /d; lutimens /l omit omit
)"},
    {"TimesByDescriptor", "", R"(
open f /a rw,creat 0644; futimens f 1 2; futimens f now now; futimens f omit omit; futimens f omit now; fstat f; close f; open f /a r; futimens f 3 4; unlink /a; futimens f 5 6; fstat f; close f
)"},
    {"ChangesFail", "[fail:setattr=EROFS]", R"(
mknod /f 0100644; stat /f; chmod /f 0600; chown /f 1 1; utimens /f 1 2; truncate /f 5; lchown /f 1 1; stat /f; access /f read
)"},
    {"ChangesAreInterrupted", "[fail:setattr=EINTR]", R"(
mknod /f 0100644; stat /f; chmod /f 0600; stat /f; chown /f 1 1; stat /f; utimens /f 1 2; stat /f
)"},
    {"ShowingFails", "[fail:getattr=EIO]", R"(
open f /a rw,creat 0644; fstat f; write f x; fstat f; stat /a; pread f 5 0; lseek f 0 end; statx /a force size; statx /a lazy size; close f
)"},
    {"ShowingIsLacking", "[without:getattr]", R"(
open f /a rw,creat 0644; write f x; fstat f; stat /a; read f 1; close f
)"},
    {"WhatAWriteMakesUncertain", "", R"(
open f /a rw,creat 0644; statx /a - all; write f x; statx /a - mode; statx /a - nlink; statx /a - atime; statx /a - mtime; statx /a - mtime; write f x; statx /a - ctime; write f x; statx /a - blocks; write f x; statx /a - size; close f
)"},
    {"WhatAReadMakesUncertain", "", R"(
open f /a rw,creat 0644; write f *100; stat /a; read f 1; pread f 10 0; statx /a - mtime; statx /a - size; statx /a - atime; statx /a - atime; pread f 10 0; statx /a - atime; close f
)"},
    {"WhatNamesMakeUncertain", "", R"(
mkdir /d 0755; stat /d; stat /; mknod /d/f 0100644; statx /d - mode; statx /d - nlink; stat /d/f; link /d/f /d/g; statx /d/f - mode; statx /d/f - ctime; rename /d/g /d/h; statx /d/h - mode; statx /d/h - ctime; statx /d - mtime
unlink /d/h; statx /d/f - nlink; statx /d/f - ctime; rmdir /d; statx / - nlink
)"},
    {"WhatLinksMakeUncertain", "", R"(
symlink x /l; lstat /l; readlink /l; statx /l link mode; statx /l link atime; stat /l; statx /l link atime
)"},
    {"WhatListingMakesUncertain", "", R"(
mkdir /d 0755; stat /d; open d /d r,dir; getdents d; statx /d - mode; statx /d - atime; getdents d; statx /d - atime; close d
)"},
    {"WhatAttributesOfOthersMakeUncertain", "", R"(
mknod /f 0100644; stat /f; setxattr /f user.x y; statx /f - mode; statx /f - ctime; removexattr /f user.x; statx /f - mtime; statx /f - ctime; removexattr /f user.x; statx /f - ctime; getxattr /f user.x; statx /f - ctime
)"},
    {"WhatTruncationMakesUncertain", "", R"(
open f /a rw,creat 0644; stat /a; ftruncate f 100; statx /a - ctime; truncate /a 50; statx /a - mtime; fallocate f - 0 200; statx /a - mode; statx /a - blocks; fallocate f keep 0 300; statx /a - blocks; fallocate f punch,keep 0 10; statx /a - size; close f
)"},
    {"AskedByForceOrNever", "", R"(
mknod /f 0100644; statx /f force basic; statx /f force mode; statx /f force -; statx /f lazy basic; statx /f lazy,link all; statx /f force btime; statx /f lazy btime; drop_caches; statx /f lazy basic; statx /f lazy btime
)"},
    {"AskedByForceOrNeverUncached", "[uncached]", R"(
mknod /f 0100644; statx /f lazy basic; statx /f force basic; statx /f - -; statx /f lazy -; statx /f force -; statx /f - mode; statx /f lazy all; statx /f - all; statx /f lazy all
)"},
    {"ExtendedShowingFails", "[fail:statx=EIO]", R"(
mknod /f 0100644; statx /f - all; statx /f - basic; statx /f - btime; stat /f; statx /f lazy btime; statx /f - btime
)"},
    {"AskedForAccess", "[access]", R"(
mknod /f 0100600; mkdir /d 0700; access /f exists; access /f read; access /f exec; access /d exec; access /f write; access /none read; laccess /f read; symlink none /l; laccess /l read; access /l read; laccess /l exists; as 1000 1000; access /f read,exec
)"},
    {"AccessFails", "[access]", R"(
setxattr / user.fail access=EPERM; mknod /f 0100600; access /f exists; access /f read; access /none read; access /f/x exists; access / exec
)"},
    {"AccessWithoutAsking", "", R"(
mknod /f 0100644; access /f exec; chmod /f 0755; access /f exec; mkdir /d 0; access /d exec; as 1000 1000; access /f write; access /d read; chmod /f 0600; access /f exec; laccess /f exists; access /d/x exists
)"},
    {"ExecutableOrNot", "[uncached]", R"(
mknod /f 0100644; access /f exec; access /f read; chmod /f 0744; access /f exec; as 1000 1000; access /f exec
)"},
    {"StatisticsByPathAndDescriptor", "", R"(
mkdir /d 0755; mknod /d/f 0100644; symlink f /d/l; symlink none /m; statvfs /d/f; statvfs /d/l; statvfs /m; statvfs /none; open f /d/f path; fstatvfs f; close f; open f /d/f r; unlink /d/f; fstatvfs f; close f; as 1000 1000; statvfs /
)"},
    {"StatisticsFail", "[fail:statfs=EIO]", R"(
statvfs /; open f /a rw,creat 0644; fstatvfs f; close f; mkdir /d 0755; statvfs /d
)"},
    {"StatisticsAreLacking", "[without:statfs]", R"(
statvfs /; statvfs /
)"},
    {"MasksAndModes", "", R"(
umask 0777; mknod /f 0100666; lstat /f; umask 0; mkdir /d 07777; stat /d; open f /a rw,creat 07777; fstat f; close f; umask 077; mkdir /e 0777; stat /e; symlink x /l; lstat /l; open f / rw,tmpfile 0777; fstat f; close f
)"},
    {"MasksLeftToTheServer", "[want:dont_mask]", R"(
umask 077; mkdir /d 0777; mknod /p 0010666; open f /a rw,creat 0666; fstat f; close f; open f / rw,tmpfile 0666; fstat f; close f; stat /d; lstat /p
)"},
    {"HugeTimeouts", "[entry:huge][attr:huge]", R"(
mknod /f 0100644; stat /f; sleep 20; stat /f; chmod /f 0600; stat /f; rename /f /g; stat /g
)"},
};

}  // namespace

std::span<const Script> scripts_on_attributes() {
  return kScripts;
}

}  // namespace fusereplay::testing

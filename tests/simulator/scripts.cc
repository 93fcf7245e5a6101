#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"CreateWriteReadRemove", R"(
open f /a rw,creat 0644
write f hello
pread f 100 1
close f
stat /a
stat /a
unlink /a
stat /a
)"},
    {"UnlinkedButOpen", R"(
open f /a rw,creat 0644
unlink /a
pwrite f x 0
pread f 10 0
fstat f
ftruncate f 100
fstat f
close f
)"},
    {"Directories", R"(
mkdir /d 0755
mkdir /d/e 0700
stat /d
stat /d/e
rmdir /d
rmdir /d/e
stat /d
rmdir /d
rmdir /d
)"},
    {"CreateTwice", R"(
open f /a rw,creat,excl 0600
open g /a rw,creat,excl 0600
open g /a rw,creat 0600
close g
close f
mkdir /a 0755
mknod /a 0100644
symlink x /a
)"},
    {"MissingNames", R"(
open f /none r
stat /none
stat /none/deeper
unlink /none
rmdir /none
rename /none /other
readlink /none
chmod /none 0600
)"},
    {"NotADirectory", R"(
open f /a rw,creat 0644
close f
stat /a/b
open f /a/b rw,creat 0644
mkdir /a/b 0755
stat /a/
unlink /a/
rmdir /a
open f /a r,dir
)"},
    {"DirectoriesAreNotFiles", R"(
mkdir /d 0755
unlink /d
open f /d w
open f /d rw,creat 0644
open f /d r
read f 10
write f x
close f
truncate /d 0
)"},
    {"DotsInPaths", R"(
mkdir /d 0755
stat /d/.
stat /d/..
stat /d/../d/./
rmdir /d/.
rmdir /d/..
mkdir /d/. 0755
unlink /d/.
rename /d/. /e
stat //d//
)"},
    {"ReadingInPieces", R"(
open f /a rw,creat 0644
write f *100000
lseek f 0 set
read f 10
read f 10
read f 5000
lseek f 20000 set
read f 100
pread f 100 90000
pread f 100 99990
pread f 100 200000
close f
)"},
    {"ReadingAll", R"(
open f /a rw,creat 0644
write f *1000000
close f
open f /a r
read f 131072
read f 131072
read f 131072
read f 131072
read f 131072
read f 131072
read f 131072
read f 131072
close f
)"},
    {"ReadingByPages", R"(
open f /a rw,creat 0644
write f *200000
close f
open f /a r
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
close f
)"},
    {"ReadingAtRandom", R"(
open f /a rw,creat 0644
write f *1000000
close f
open f /a r
pread f 100 500000
pread f 100 504096
pread f 10000 200000
pread f 100 700000
pread f 300000 300000
pread f 100 0
close f
)"},
    {"WritingInPieces", R"(
open f /a rw,creat 0644
write f *100
write f *4096
write f *10000
pwrite f *8192 100
pwrite f x 50000
fstat f
pread f 10 49995
close f
)"},
    {"WritingMuch", R"(
open f /a w,creat 0644
write f *3000001
fstat f
close f
)"},
    {"Appending", R"(
open f /a w,creat,append 0644
write f one
write f two
close f
open f /a rw,append
write f three
pread f 100 0
pwrite f four 0
pread f 100 0
close f
)"},
    {"Truncating", R"(
open f /a rw,creat 0644
write f *10000
ftruncate f 5000
pread f 10 4995
truncate /a 8000
pread f 10 4995
fstat f
truncate /a 0
fstat f
close f
truncate /none 0
)"},
    {"OpeningWithTruncation", R"(
open f /a rw,creat 0644
write f *10000
close f
open f /a w,trunc
fstat f
close f
open f /a rw,creat,trunc 0644
write f abc
close f
stat /a
)"},
    {"Duplicates", R"(
open f /a rw,creat 0644
dup g f
write f abc
write g def
close f
pread g 10 0
close g
close g
)"},
    {"AccessModes", R"(
open f /a w,creat 0644
read f 10
close f
open f /a r
write f x
ftruncate f 0
close f
open f /a path
fstat f
read f 10
close f
)"},
    {"Listing", R"(
mkdir /d 0755
open f /d/one rw,creat 0644
close f
open f /d/two rw,creat 0644
close f
mkdir /d/three 0755
open d /d r,dir
getdents d
getdents d
lseek d 0 set
getdents d
close d
stat /d/one
)"},
    {"ListingUnknownNames", R"(
mkdir /d 0755
mkdir /d/a 0755
mkdir /d/b 0755
open f /d/c rw,creat 0600
close f
drop_caches
open d /d r,dir
getdents d
getdents d
close d
stat /d/a
stat /d/b
stat /d/c
)"},
    {"ListingInSmallPieces", R"(
mkdir /d 0755
mkdir /d/a 0755
mkdir /d/b 0755
mkdir /d/c 0755
mkdir /d/e 0755
open d /d r,dir
getdents d 10
getdents d 64
getdents d 64
getdents d 64
lseek d 3 set
getdents d 64
close d
)"},
    {"RemovingFromAListedDirectory", R"(
mkdir /d 0755
mkdir /d/a 0755
mkdir /d/b 0755
open d /d r,dir
getdents d
rmdir /d/a
lseek d 0 set
getdents d
rmdir /d/b
rmdir /d
lseek d 0 set
getdents d
fstat d
close d
)"},
    {"Renaming", R"(
open f /a rw,creat 0644
write f a
rename /a /b
stat /a
stat /b
open g /c rw,creat 0644
rename /b /c
fstat g
fstat f
close f
close g
stat /c
)"},
    {"RenamingDirectories", R"(
mkdir /a 0755
mkdir /b 0755
mkdir /a/x 0755
rename /a/x /b/y
rename /b /a
rename /a /b/y/z
rename /b/y /a/q
rmdir /b
rename /a /a/q/r
stat /a/q
)"},
    {"RenamingOverOtherKinds", R"(
mkdir /d 0755
open f /f rw,creat 0644
close f
rename /f /d
rename /d /f
mkdir /e 0755
rename /d /e
stat /e
rename /f /f
)"},
    {"RenameFlags", R"(
open f /a rw,creat 0644
close f
mkdir /d 0755
rename /a /d noreplace
rename /a /b noreplace
rename /b /d exchange
stat /b
stat /d
rename /b /none exchange
rename /d /w whiteout
lstat /d
)"},
    {"Links", R"(
open f /a rw,creat 0644
link /a /b
stat /a
stat /b
link /a /b
unlink /a
stat /b
fstat f
unlink /b
fstat f
link /b /c
close f
mkdir /d 0755
link /d /e
)"},
    {"SymbolicLinks", R"(
mkdir /d 0755
symlink d /l
symlink /d/f /abs
symlink loop /loop
readlink /l
lstat /l
stat /l
mkdir /l/x 0755
open f /abs rw,creat 0644
close f
stat /d/f
stat /loop
open f /l r,nofollow
readlink /d
unlink /l
stat /d/x
)"},
    {"SpecialFiles", R"(
mknod /fifo 0010644
mknod /sock 0140600
mknod /chr 0020666 0x103
mknod /reg 0100640
mknod /plain 0640
lstat /fifo
lstat /sock
lstat /chr
lstat /reg
lstat /plain
unlink /fifo
)"},
    {"ModesAndMasks", R"(
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
    {"Owners", R"(
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
    {"Times", R"(
open f /a rw,creat 0644
close f
utimens /a 1000000000 1100000000
stat /a
utimens /a omit 1200000000
utimens /a now now
utimens /a omit omit
stat /a
)"},
    {"ExtendedAttributes", R"(
open f /a rw,creat 0644
close f
setxattr /a user.one first
setxattr /a user.two second xcreate
setxattr /a user.two third xcreate
setxattr /a user.none x xreplace
getxattr /a user.one
getxattr /a user.one 0
getxattr /a user.one 2
getxattr /a user.none
listxattr /a
listxattr /a 0
listxattr /a 3
removexattr /a user.one
removexattr /a user.one
listxattr /a
stat /a
symlink a /l
mknod /fifo 0010644
setxattr /fifo user.one x
getxattr /fifo user.one
)"},
    {"Filesystems", R"(
statvfs /
mkdir /d 0755
statvfs /d
)"},
    {"Access", R"(
open f /a rw,creat 0644
close f
access /a exists
access /a read,write
access /a exec
access / read,exec
access /none exists
)"},
    {"Syncing", R"(
open f /a rw,creat 0644
write f x
fsync f
fdatasync f
close f
open d / r,dir
fsync d
close d
)"},
    {"Allocating", R"(
open f /a rw,creat 0644
fallocate f - 0 10000
fstat f
pwrite f *10000 0
fallocate f keep,punch 4096 4096
pread f 10 5000
fallocate f zero 0 100
pread f 10 95
fallocate f keep 0 100000
fstat f
fallocate f collapse 0 4096
fallocate f punch 0 4096
fallocate f - 0 0
close f
open f /a r
fallocate f - 0 10
close f
)"},
    {"HolesAndData", R"(
open f /a rw,creat 0644
pwrite f x 100000
lseek f 0 data
lseek f 100000 hole
lseek f 0 hole
lseek f 200000 data
lseek f 0 end
lseek f -10 cur
lseek f -1 set
close f
)"},
    {"CopyingRanges", R"(
open a /a rw,creat 0644
open b /b rw,creat 0644
write a *20000
copy_file_range a 0 b 0 20000
pread b 10 100
copy_file_range a 19000 b 30000 5000
fstat b
copy_file_range a 0 a 5 10
copy_file_range a 30000 b 0 10
close a
close b
stat /b
)"},
    {"FilesWithoutAName", R"(
open f / rw,tmpfile 0600
write f hello
fstat f
open g / r,tmpfile 0600
stat /
close f
)"},
    {"NegativeEntries", R"(
stat /a
stat /a
mkdir /a 0755
rmdir /a
stat /a
open f /a rw,creat 0644
close f
unlink /a
open f /a rw,creat 0644
close f
)"},
    {"Forgetting", R"(
mkdir /d 0755
open f /d/a rw,creat 0644
stat /d/a
drop_caches
fstat f
stat /d/a
close f
drop_caches
stat /d/a
)"},
    {"WithoutCaches", R"([uncached]
mkdir /d 0755
open f /d/a rw,creat 0644
write f hello
fstat f
stat /d/a
pread f 10 0
pread f 10 0
close f
open f /d/a rw,creat 0644
close f
unlink /d/a
rename /d /e
open d /e r,dir
getdents d
close d
rmdir /e
)"},
    {"LongNames", R"(
stat /*255
mkdir /*255 0755
mkdir /*256 0755
stat /*1025
stat /*4000
stat /*4096
)"},
    {"OtherUsers", R"(
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
    {"DefaultPermissions", R"([default_permissions]
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
    {"DirectIo", R"([open:direct_io]
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
open f /a rw,append
write f tail
pread f 10 100
lseek f 0 end
close f
)"},
    {"KeptCaches", R"([open:keep_cache]
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
    {"KeptCachesWithoutAutoInvalidation", R"([open:keep_cache][refuse:auto_inval]
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
    {"ExplicitInvalidation", R"([refuse:auto_inval][want:explicit_inval]
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
    {"AtomicTruncation", R"([want:atomic_o_trunc]
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
    {"SynchronousReadahead", R"([refuse:async_read]
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
    {"SmallWrites", R"([refuse:big_writes]
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
    {"FewPages", R"([refuse:max_pages]
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
open f /a rw
pwrite f *400000 0
pread f 300000 0
close f
)"},
    {"NoFlushAsked", R"([open:noflush]
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
    {"WithoutFlush", R"([without:flush]
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
    {"WithoutKillpriv", R"([refuse:killpriv_v2]
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
    {"KillprivTheFirst", R"([refuse:killpriv_v2][want:killpriv]
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
    {"KillprivTheSecond", R"(
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
    {"ServerMasks", R"([want:dont_mask]
umask 027
open f /a rw,creat 0666
fstat f
close f
mkdir /d 0777
stat /d
mknod /n 0100666
stat /n
)"},
    {"WithoutOpen", R"([without:open]
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
)"},
    {"WithoutOpendir", R"([without:opendir]
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
)"},
    {"WithoutOpens", R"([without:open,opendir,create]
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
)"},
    {"WithoutCreate", R"([without:create]
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
)"},
    {"WithoutSync", R"([without:fsync,fsyncdir]
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
    {"PlainListings", R"([refuse:readdirplus,readdirplus_auto]
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
mkdir /d/x 0755
mkdir /d/y 0755
open d /d r,dir
getdents d 64
getdents d 64
getdents d 64
close d
stat /d/x
)"},
    {"AlwaysReaddirplus", R"([refuse:readdirplus_auto]
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
mkdir /d/x 0755
mkdir /d/y 0755
open d /d r,dir
getdents d 64
getdents d 64
getdents d 64
close d
stat /d/x
)"},
    {"SerialDirectories", R"([refuse:parallel]
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
)"},
    {"WithoutTmpfile", R"([without:tmpfile]
open f / rw,tmpfile 0600
open f / rw,tmpfile 0600
stat /
)"},
    {"WithoutRenameFlags", R"([without:rename2]
mkdir /a 0755
mkdir /b 0755
rename /a /b exchange
rename /a /c noreplace
rename /a /c noreplace
rename /a /b
)"},
    {"WithoutLink", R"([without:link]
open f /a rw,creat 0644
link /a /b
link /a /b
stat /a
close f
)"},
    {"WithoutExtendedAttributes", R"([without:getxattr,setxattr,listxattr,removexattr]
open f /a rw,creat 0644
write f x
setxattr /a user.x y
setxattr /a user.x y
getxattr /a user.x
getxattr /a user.x 0
listxattr /a
listxattr /a 0
removexattr /a user.x
removexattr /a user.x
chown /a 5 5
close f
)"},
    {"ShortSetxattr", R"([refuse:setxattr_ext]
open f /a rw,creat 0644
setxattr /a user.x y
getxattr /a user.x
close f
)"},
    {"WithoutFallocateAndSeek", R"([without:fallocate,lseek]
open f /a rw,creat 0644
write f *5000
fallocate f - 0 100
fallocate f - 0 100
lseek f 0 data
lseek f 100 hole
lseek f 6000 data
close f
)"},
    {"WithoutCopyFileRange", R"([without:copy_file_range]
open a /a rw,creat 0644
open b /b rw,creat 0644
write a *3000
pread a 3000 0
fstat a
close a
close b
)"},
    {"AccessIsAsked", R"([access]
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
    {"NegativeAnswers", R"(
stat /negative
stat /negative
open f /negative r
mkdir /negative 0755
stat /negative
stat /broken
mkdir /broken 0755
open f /broken rw,creat 0644
rename /negative /broken
rename /broken /negative
link /negative /broken
unlink /broken
rmdir /negative
open f /negative rw,creat 0644
stat /negative
close f
)"},
    {"UncachedDirectIo", R"([uncached][open:direct_io]
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
    {"UncachedListings", R"([uncached]
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
mkdir /d/x 0755
mkdir /d/y 0755
open d /d r,dir
getdents d 64
getdents d 64
getdents d 64
close d
stat /d/x
drop_caches
stat /d/y
)"},
    {"OpenWithFlags", R"(
open f /a rw,creat,sync 0644
write f abc
close f
open f /a rw,direct
pread f 4096 0
close f
open f /a r,nofollow
read f 10
close f
symlink a /l
open f /l r
read f 10
close f
open f /l r,nofollow
open f /l path,nofollow
fstat f
close f
open f /l rw,creat,excl 0644
symlink none /dangling
open f /dangling r
open f /dangling rw,creat 0644
close f
stat /none
)"},
    {"DeepPaths", R"(
mkdir /a 0755
mkdir /a/b 0755
mkdir /a/b/c 0755
open f /a/b/c/f rw,creat 0644
close f
rename /a/b /x
stat /x/c/f
stat /a/b/c/f
symlink /x/c /a/link
stat /a/link/f
stat /a/link/../c/f
rename /x/c /a/c
stat /a/link/f
stat /a/c/f
unlink /a/c/f
rmdir /a/c
rmdir /x
)"},
    {"RemovedDirectories", R"(
mkdir /d 0755
open d /d r,dir
rmdir /d
getdents d
fstat d
mkdir /d 0755
mkdir /d/e 0755
stat /d/e
close d
)"},
    {"HoldingWhileReplaced", R"(
open f /a rw,creat 0644
write f first
open g /b rw,creat 0644
write g second
rename /b /a
pread f 10 0
pread g 10 0
fstat f
fstat g
stat /a
ftruncate f 2
fchmod f 0600
fstat f
close f
close g
)"},
    {"ExchangingDirectories", R"(
mkdir /a 0755
mkdir /b 0755
mkdir /a/x 0755
mkdir /b/y 0755
rename /a/x /b/y exchange
stat /a/x
stat /b/y
rename /a /b exchange
stat /a/y
stat /b/x
stat /a
rename /a /b/x exchange
rename /a/y /a exchange
)"},
    {"ExtendedStat", R"(
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
)"},
    {"WithoutStatx", R"([without:statx]
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
)"},
    {"UncachedStatx", R"([uncached]
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
)"},
};

}  // namespace

std::span<const Script> fidelity_scripts() {
  return kScripts;
}

}  // namespace fusereplay::testing

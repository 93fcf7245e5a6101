// Names: making, moving and removing them.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"CreateWriteReadRemove", "", R"(
open f /a rw,creat 0644
write f hello
pread f 100 1
close f
stat /a
stat /a
unlink /a
stat /a
)"},
    {"UnlinkedButOpen", "", R"(
open f /a rw,creat 0644
unlink /a
pwrite f x 0
pread f 10 0
fstat f
ftruncate f 100
fstat f
close f
)"},
    {"Directories", "", R"(
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
    {"CreateTwice", "", R"(
open f /a rw,creat,excl 0600
open g /a rw,creat,excl 0600
open g /a rw,creat 0600
close g
close f
mkdir /a 0755
mknod /a 0100644
symlink x /a
)"},
    {"MissingNames", "", R"(
open f /none r
stat /none
stat /none/deeper
unlink /none
rmdir /none
rename /none /other
readlink /none
chmod /none 0600
)"},
    {"NotADirectory", "", R"(
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
    {"DirectoriesAreNotFiles", "", R"(
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
    {"DotsInPaths", "", R"(
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
    {"Renaming", "", R"(
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
    {"RenamingDirectories", "", R"(
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
    {"RenamingOverOtherKinds", "", R"(
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
    {"RenameFlags", "", R"(
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
    {"Links", "", R"(
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
    {"SymbolicLinks", "", R"(
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
    {"SpecialFiles", "", R"(
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
    {"LongNames", "", R"(
stat /*255
mkdir /*255 0755
mkdir /*256 0755
stat /*1025
stat /*4000
stat /*4096
)"},
    {"DeepPaths", "", R"(
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
    {"RemovedDirectories", "", R"(
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
    {"HoldingWhileReplaced", "", R"(
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
    {"ExchangingDirectories", "", R"(
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
    {"FortyLinksInAPath", "", R"(
mknod /l0 0100644; times 40 symlink l# /l@; stat /l40; stat /l39; symlink l40 /l41; stat /l41; lstat /l41; open f /l41 r; open f /l40 r; close f
)"},
    {"LinksInTheMiddle", "", R"(
mkdir /a 0755; mkdir /a/b 0755; symlink a /x; symlink b /a/y; symlink .. /a/b/up; symlink /a/b/up/y /z; stat /x/y; stat /x/y/up
stat /z; open f /z/up/y/../new w,creat 0600; close f; stat /a/new; rename /x/new /z/moved; stat /a/b/moved; unlink /x/y/moved; rmdir /x
)"},
    {"LinksThatLeadAstray", "", R"(
symlink none /l; symlink l/x /m; mknod /f 0100644; symlink f/x /n; stat /l; stat /m; stat /n; mkdir /l 0755; mkdir /l/x 0755; unlink /n; stat /m/y
)"},
    {"TargetsAreWhatWasGiven", "", R"(
symlink .. /up; symlink ././/up/./ /odd; symlink *4095 /long; symlink *4096 /longer; symlink - /empty; readlink /up; readlink /odd
readlink /long; stat /odd; stat /long; lstat /long; symlink x /up; symlink x /none/y; symlink x /new/
)"},
    {"ReadingWhatIsNoLink", "", R"(
mkdir /d 0755; mknod /f 0100644; mknod /p 0010644; readlink /d; readlink /f; readlink /p; readlink /; readlink /none; symlink f /l; readlink /l/; readlink /f/l
)"},
    {"EmptyPaths", "", R"(
stat -; open f - r; mkdir - 0755; rmdir -; unlink -; rename - /a; rename /a -; link - /a; symlink x -; readlink -; mknod - 0100644; chmod - 0600
chown - 1 1; truncate - 0; access - exists; statvfs -; getxattr - user.x; utimens - now now
)"},
    {"RelativePathsBeginAtTheRoot", "", R"(
mkdir d 0755; stat d; stat ./d; stat d/../d/.; mkdir ../e 0755; stat /e; open f d/new w,creat 0600; close f; rename d/new moved; unlink ./moved; rmdir d
)"},
    {"SlashesAtTheEnd", "", R"(
mkdir /d/ 0755; mkdir /e// 0755; mknod /f/ 0100644; symlink x /l/; mknod /f 0100644; rename /d/ /g/; rename /f/ /h; rename /f /h/; rename /g /i/
link /f /k/; rmdir /i/; unlink /e/; unlink /f/; rmdir /f/; stat /e/; lstat /e/
)"},
    {"MakingWhatIsThere", "", R"(
mkdir /d 0755; mknod /f 0100644; symlink none /l; mkdir /d 0755; mkdir /f 0755; mkdir /l 0755; mknod /d 0100644; mknod /l 0100644; symlink x /d
symlink x /l; link /f /d; link /f /l; mkdir / 0755; mkdir /d/.. 0755; mkdir /d/. 0755; mknod / 0100644
)"},
    {"MakingInWhatIsNoDirectory", "", R"(
mknod /f 0100644; mkdir /f/x 0755; mknod /f/x 0100644; symlink x /f/x; link /f /f/x; rename /f /f/x; mkdir /none/x 0755; mknod /none/x 0100644
symlink x /none/x; link /f /none/x; rename /f /none/x; unlink /f/x; rmdir /f/x
)"},
    {"NodesOfEveryType", "", R"(
mknod /d 0040755; mknod /l 0120777; mknod /odd 0170644; mknod /f 0100644 5; mknod /blk 0060600 0x801; mknod /white 0020000; lstat /f; lstat /blk; lstat /white
umask 077; mknod /p 0010666; lstat /p; chmod /p 0640; chown /p 3 4; utimens /p 1000 2000; lstat /p; truncate /p 5; link /p /q; rename /q /r; unlink /p; lstat /r
)"},
    {"NodesOfOthers", "", R"(
chmod / 0777; as 1000 1000; mknod /f 0100644; mknod /p 0010644; mknod /s 0140644; mknod /chr 0020644 0x103; mknod /blk 0060644 0x103; mknod /white 0020000
lstat /f; lstat /white; symlink f /l; lstat /l; mkdir /d 02755; stat /d
)"},
    {"LinkedNames", "", R"(
mkdir /d 0755; mknod /f 0100644; symlink f /s; link /f /d/f; link /s /t; lstat /t; link /f /f; link /d /e; link /none /x; link /f/ /x; link /s/ /x
stat /f; unlink /f; stat /d/f; link /d/f /f; stat /f; drop_caches; stat /f; stat /d/f
)"},
    {"LinkingAnOpenFile", "", R"(
open f /a w,creat 0644; flink f /b; fstat f; unlink /a; unlink /b; flink f /c; fstat f; close f; open d / r,dir; flink d /e; close d
)"},
    {"HardLinksOfOthers", "", R"(
open f /a rw,creat 0666; close f; mknod /b 0100600; mknod /suid 0104755; symlink a /s; mknod /p 0010666; chmod / 0777; as 1000 1000
link /a /a2; link /b /b2; link /suid /suid2; link /s /s2; link /p /p2
)"},
    {"RemovingNonEmptyDirectories", "", R"(
mkdir /d 0755; mkdir /d/e 0755; mknod /d/f 0100644; rmdir /d; rmdir /d/e; rmdir /d; unlink /d/f; rmdir /d; stat /d; rmdir /d; mkdir /d 0700; stat /d/f
)"},
    {"RemovingTheRoot", "", R"(
rmdir /; rmdir /.; rmdir /..; unlink /; unlink /..; rename / /a; rename /a /; rename /. /a; rename /.. /a; mkdir /d 0755; rename /d /.; rename /d /..; rename /d/.. /e
)"},
    {"RemovingOpenDirectories", "", R"(
mkdir /d 0755; mkdir /d/e 0755; open d /d r,dir; open e /d/e r,dir; rmdir /d/e; rmdir /d; fstat d; fstat e; getdents e; lseek e 0 set; fchmod d 0700; fstat d
mkdir /d 0711; fstat d; stat /d; fsync d; close e; close d
)"},
    {"RemovingOpenFiles", "", R"(
open f /a rw,creat 0644; open g /a r; write f hello; unlink /a; fstat f; read g 10; close f; read g 10; fstat g; fchmod g 0600; ftruncate g 1; fstat g
open h /a w,creat,excl 0644; fstat h; close g; close h
)"},
    {"RenamingOntoItself", "", R"(
mknod /a 0100644; mkdir /d 0755; rename /a /a; rename /d /d; link /a /b; rename /a /b; stat /a; stat /b; rename /a /b exchange; rename /a /b noreplace; rename /a /a noreplace
)"},
    {"RenamingOverFilesInUse", "", R"(
open f /a rw,creat 0644; open g /b rw,creat 0644; write f a; write g bb; rename /a /b; fstat f; fstat g; pread g 5 0; stat /b; stat /a; close g; rename /b /a; close f; stat /a
)"},
    {"RenamingDirectoriesInUse", "", R"(
mkdir /a 0755; mkdir /b 0755; mkdir /a/x 0755; mknod /a/x/f 0100644; open d /a/x r,dir; stat /a/x/f; rename /a/x /b/x; getdents d; stat /b/x/f; openat f d .. r,dir; fstat f
close f; openat f d f r; close f; stat /a/x; rename /b /a/c; stat /a/c/x/f; openat f d ../.. r,dir; fstat f; close f; close d
)"},
    {"RenamingOverDirectories", "", R"(
mkdir /a 0755; mkdir /b 0755; mkdir /b/x 0755; mkdir /c 0755; rename /a /b; rename /a /c; stat /a; stat /c; rename /c /b/x; rename /b /b/x/y; rename /b/x /b; stat /b/x
open d /b/x r,dir; mkdir /e 0755; rename /e /b/x; fstat d; getdents d; close d
)"},
    {"RenamingOverTheWrongKind", "", R"(
mkdir /d 0755; mknod /f 0100644; symlink f /l; rename /f /d; rename /d /f; rename /d /l; rename /l /d; rename /l /f; lstat /f; readlink /f; rename /d /f exchange; lstat /d; lstat /f
)"},
    {"RenamingInvalidates", "", R"(
mkdir /d 0755; mknod /d/a 0100644; stat /d; stat /d/a; rename /d/a /d/b; stat /d; stat /d/b; stat /d/a; rename /d/b /c; stat /d; stat /; stat /c; rename /d /e; stat /e; stat /d/a
)"},
    {"RenameFlagsThatDoNotGoTogether", "", R"(
mknod /a 0100644; mknod /b 0100644; rename /a /b noreplace,exchange; rename /a /b exchange,whiteout; rename /a /c noreplace,whiteout; lstat /a; rename /c /b whiteout; lstat /c; lstat /b
rename /none /b exchange; rename /b /none exchange; rename /none /b noreplace; rename /b /. noreplace; rename /. /b noreplace
)"},
    {"ExchangingKinds", "", R"(
mkdir /d 0755; mknod /d/x 0100644; mknod /f 0100600; symlink f /l; rename /d /f exchange; stat /f/x; stat /d; rename /l /f exchange; readlink /f; stat /l/x; rename /l/x /f exchange; readlink /l/x
rename /l /l/x exchange; rename /l/x /l exchange; rename /f/ /l exchange; rename /l /f/ exchange; rename /f /l/ exchange
)"},
    {"WhiteoutsOfOthers", "", R"(
mknod /f 0100666; chmod / 0777; as 1000 1000; rename /f /g whiteout; lstat /f; lstat /g; mknod /h 0100644; rename /h /i whiteout; lstat /h
)"},
    {"UnlinkingFails", "[fail:unlink=EPERM,rmdir=EBUSY]", R"(
mknod /f 0100644; mkdir /d 0755; stat /f; unlink /f; rmdir /d; stat /f; stat /d; open f /f r; close f
)"},
    {"UnlinkingFindsNothing", "[memfs][fail:unlink=ENOENT,rmdir=ENOENT]", R"(
mknod /f 0100644; mkdir /d 0755; mkdir /d/e 0755; stat /d/e; unlink /f; stat /f; rmdir /d; stat /d/e
)"},
    {"UnlinkingIsInterrupted", "[fail:unlink=EINTR,rmdir=EINTR]", R"(
mknod /f 0100644; mkdir /d 0755; unlink /f; stat /f; rmdir /d; stat /d
)"},
    {"RenamingFails", "[fail:rename=EXDEV,rename2=ENOSPC]", R"(
mknod /a 0100644; mknod /b 0100644; rename /a /b; stat /a; stat /b; rename /a /c; rename /a /b exchange; rename /a /c noreplace; stat /c
)"},
    {"RenamingFindsNothing", "[memfs][fail:rename=ENOENT]", R"(
mkdir /d 0755; mknod /a 0100644; mknod /b 0100644; rename /a /b; stat /a; stat /b; rename /a /d/x; stat /a
)"},
    {"RenamingIsInterrupted", "[memfs][fail:rename=EINTR,rename2=EINTR]", R"(
mknod /a 0100644; mknod /b 0100644; rename /a /b; stat /a; stat /b; rename /a /b exchange; stat /b; rename /a /c; stat /a
)"},
    {"LinkingFails", "[fail:link=EMLINK]", R"(
mknod /a 0100644; stat /a; link /a /b; stat /a; stat /b
)"},
    {"LinkingIsInterrupted", "[fail:link=EINTR]", R"(
mknod /a 0100644; stat /a; link /a /b; stat /a; stat /b
)"},
    {"MakingFails", "[fail:mkdir=EDQUOT,mknod=ENOSPC,symlink=EPERM]", R"(
mkdir /d 0755; mknod /f 0100644; symlink x /l; stat /d; lstat /f; lstat /l
)"},
    {"MakingFindsTheName", "[fail:mkdir=EEXIST,mknod=EEXIST,symlink=EEXIST]", R"(
stat /negative; mkdir /negative 0755; stat /negative; mknod /negative 0100644; symlink x /negative; mkdir /a 0755
)"},
    {"LookingUpFails", "", R"(
setxattr / user.fail lookup=EACCES; stat /a; open f /a rw,creat 0644; mkdir /a 0755; rename /a /b; setxattr / user.fail lookup=ENAMETOOLONG; unlink /a; symlink x /a
setxattr / user.fail lookup=ENOTDIR; rmdir /a; link /a /b; setxattr / user.fail lookup=ENOENT; stat /a; open f /a rw,creat 0644
)"},
    {"ReadingALinkFails", "[fail:readlink=EIO]", R"(
symlink x /l; readlink /l; stat /l; lstat /l; open f /l r; open f /l rw,creat 0644; stat /l/x; unlink /l
)"},
    {"StaleNamesAreTriedAgain", "", R"(
mkdir /d 0755; mknod /d/f 0100644; setxattr / user.fail getattr=ESTALE,setattr=ESTALE,unlink=ESTALE,rmdir=ESTALE,mkdir=ESTALE,rename=ESTALE,symlink=ESTALE
stat /d/f; chmod /d/f 0600; unlink /d/f; rmdir /d; mkdir /e 0755; rename /d/f /d/g; symlink x /l
)"},
    {"StaleCallsAreTriedAgain", "", R"(
mknod /f 0100644; symlink f /l; setxattr / user.fail setattr=ESTALE,link=ESTALE,mknod=ESTALE,readlink=ESTALE,statfs=ESTALE,getxattr=ESTALE,setxattr=ESTALE,listxattr=ESTALE,removexattr=ESTALE
truncate /f 0; chown /f 1 1; utimens /f now now; link /f /g; mknod /h 0100644; readlink /l; statvfs /f; getxattr /f user.x; setxattr /f user.x y; listxattr /f; removexattr /f user.x
)"},
    {"NamesAreBytes", "", R"(
mkdir /a:b 0755; mkdir /\\ 0755; mkdir /\xe4 0755; mkdir /ä 0755; mkdir /... 0755; mkdir /.x 0755; stat /...; stat /ä; rename /... /..a; open d / r,dir; getdents d; close d
)"},
    {"DeepDirectories", "", R"(
mkdir /d0 0755; times 30 mkdir /d0/x# 0755; mkdir /d0/x0/y 0755; mkdir /d0/x0/y/z 0755; rename /d0/x0/y/z /d0/x1/z; rename /d0/x1 /d0/x2/moved; stat /d0/x2/moved/z; rmdir /d0/x2; rmdir /d0/x2/moved/z
)"},
    {"ManyNames", "", R"(
times 300 mknod /f# 0100644; times 300 stat /f#; times 150 unlink /f#; open d / r,dir; getdents d; getdents d; close d; stat /f299; stat /f0
)"},
};

}  // namespace

std::span<const Script> scripts_on_names() {
  return kScripts;
}

}  // namespace fusereplay::testing

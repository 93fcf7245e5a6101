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
};

}  // namespace

std::span<const Script> scripts_on_names() {
  return kScripts;
}

}  // namespace fusereplay::testing

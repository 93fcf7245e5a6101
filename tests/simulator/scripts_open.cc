// Opening: flags and what they do.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"OpeningWithTruncation", "", R"(
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
    {"Duplicates", "", R"(
open f /a rw,creat 0644
dup g f
write f abc
write g def
close f
pread g 10 0
close g
close g
)"},
    {"AccessModes", "", R"(
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
    {"FilesWithoutAName", "", R"(
open f / rw,tmpfile 0600
write f hello
fstat f
open g / r,tmpfile 0600
stat /
close f
)"},
    {"OpenWithFlags", "", R"(
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
};

}  // namespace

std::span<const Script> scripts_on_open() {
  return kScripts;
}

}  // namespace fusereplay::testing

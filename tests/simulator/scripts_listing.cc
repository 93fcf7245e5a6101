// Directories: listing them.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"Listing", "", R"(
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
    {"ListingUnknownNames", "", R"(
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
    {"ListingInSmallPieces", "", R"(
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
    {"RemovingFromAListedDirectory", "", R"(
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
    {"PlainListings", "[refuse:readdirplus,readdirplus_auto]", R"(
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
    {"AlwaysReaddirplus", "[refuse:readdirplus_auto]", R"(
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
    {"SerialDirectories", "[refuse:parallel]", R"(
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
    {"UncachedListings", "[uncached]", R"(
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
};

}  // namespace

std::span<const Script> scripts_on_listing() {
  return kScripts;
}

}  // namespace fusereplay::testing

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
    {"ManyEntries", "", R"(
mkdir /d 0755; times 200 mknod /d/name# 0100644; open d /d r,dir; getdents d 4096; getdents d 4096; getdents d 2000; getdents d 32768; getdents d; close d; stat /d/name150
)"},
    {"ManyEntriesUnknown", "", R"(
mkdir /d 0755; times 200 mknod /d/name# 0100644; drop_caches; open d /d r,dir; getdents d 4096; getdents d 4096; stat /d/name5; getdents d 4096; getdents d 65536; getdents d; close d
)"},
    {"ManyEntriesOnlyNamed", "[refuse:readdirplus,readdirplus_auto]", R"(
mkdir /d 0755; times 200 mknod /d/name# 0100644; drop_caches; open d /d r,dir; getdents d 1000; getdents d 10000; getdents d 100000; getdents d; close d
)"},
    {"BuffersTooSmall", "", R"(
mkdir /d 0755; mknod /d/*100 0100644; mknod /d/b 0100644; open d /d r,dir; getdents d 0; getdents d 1; getdents d 23; getdents d 24; getdents d 24; getdents d 100; getdents d 128; getdents d; close d
)"},
    {"LongestNames", "", R"(
mkdir /d 0755; mknod /d/*255 0100644; mknod /d/*254 0100644; open d /d r,dir; getdents d 300; getdents d 300; getdents d 300; getdents d; close d
)"},
    {"RewindingAndSeeking", "", R"(
mkdir /d 0755; times 9 mknod /d/f# 0100644; open d /d r,dir; getdents d 100; lseek d 0 cur; lseek d 0 set; getdents d 100; lseek d 2 set; getdents d 64; lseek d 1000 set; getdents d; lseek d -1 set; lseek d 0 end; close d
)"},
    {"TwoStreams", "", R"(
mkdir /d 0755; times 9 mknod /d/f# 0100644; open a /d r,dir; open b /d r; getdents a 100; getdents b 200; getdents a 100; getdents b; close a; getdents b; close b
)"},
    {"OneStreamByTwoDescriptors", "", R"(
mkdir /d 0755; times 5 mknod /d/f# 0100644; open a /d r,dir; dup b a; getdents a 100; getdents b 100; lseek b 0 set; getdents a; close a; getdents b; close b
)"},
    {"ChangedWhileListed", "", R"(
mkdir /d 0755; times 9 mknod /d/f# 0100644; open d /d r,dir; getdents d 128; unlink /d/f8; mknod /d/new 0100644; rename /d/f7 /d/g7; getdents d; lseek d 0 set; getdents d; close d
)"},
    {"ListingsFillTheCache", "", R"(
mkdir /d 0755; mkdir /d/e 0755; mknod /d/f 0100640; symlink f /d/l; drop_caches; open d /d r,dir; getdents d; close d; lstat /d/e; lstat /d/f; lstat /d/l; open f /d/f r; close f; mkdir /d/e 0755; unlink /d/f
)"},
    {"ListingsFillTheCacheForNoTime", "[uncached]", R"(
mkdir /d 0755; mknod /d/f 0100640; drop_caches; open d /d r,dir; getdents d; close d; lstat /d/f
)"},
    {"ListingsFillTheCacheForNames", "[attr:none]", R"(
mkdir /d 0755; mknod /d/f 0100640; drop_caches; open d /d r,dir; getdents d; close d; lstat /d/f; access /d/f exists
)"},
    {"ListedAgainBecauseOfLookups", "", R"(
mkdir /d 0755; times 60 mknod /d/f# 0100644; drop_caches; open d /d r,dir; getdents d 500; getdents d 500; stat /d/f40; getdents d 500; getdents d 500; stat /d/f59; getdents d; close d
)"},
    {"EntriesOfEveryType", "", R"(
mkdir /d 0755; mkdir /d/e 0755; mknod /d/f 0100644; symlink f /d/l; mknod /d/p 0010644; mknod /d/s 0140644; mknod /d/c 0020644 0x103; mknod /d/b 0060644 0x103; drop_caches; open d /d r,dir; getdents d; close d; lstat /d/c; lstat /d/p
)"},
    {"HardLinksListed", "", R"(
mkdir /d 0755; mknod /d/a 0100644; link /d/a /d/b; link /d/a /c; drop_caches; open d /d r,dir; getdents d; close d; stat /d/b; stat /c; unlink /d/a; stat /d/b
)"},
    {"ListingTheRoot", "", R"(
mknod /f 0100644; open d / r,dir; getdents d; getdents d; close d; open d /.. r; getdents d; close d
)"},
    {"ListingFails", "[fail:readdir=EIO]", R"(
mkdir /d 0755; open d /d r,dir; getdents d; lseek d 5 set; getdents d; close d
)"},
    {"ListingIsLacking", "[without:readdir]", R"(
open d / r,dir; getdents d; getdents d; close d
)"},
    {"ListingFailsLater", "", R"(
mkdir /d 0755; times 100 mknod /d/f# 0100644; open d /d r,dir; getdents d 1000; setxattr / user.fail readdir=EPERM; getdents d 1000; setxattr / user.fail -; getdents d 1000; close d
)"},
    {"ListingThroughAnOldDescriptor", "", R"(
mkdir /d 0755; mknod /d/a 0100644; open d /d r,dir; rename /d /e; getdents d; mknod /e/b 0100644; lseek d 0 set; getdents d; unlink /e/a; unlink /e/b; rmdir /e; getdents d; lseek d 0 set; getdents d; close d
)"},
    {"ListingWhatOthersChanged", "", R"(
mkdir /d 0755; mknod /d/a 0100644; mknod /d/b 0100644; setxattr /d user.remove a; stat /d/a; open d /d r,dir; getdents d; close d; stat /d/a; stat /d/b; setxattr /d user.replace b; open d /d r,dir; getdents d; close d; stat /d/b
)"},
    {"ListingsWithoutOpendir", "[without:opendir,fsyncdir]", R"(
mkdir /d 0755; times 20 mknod /d/f# 0100644; open d /d r,dir; getdents d 200; open e /d r,dir; getdents e 200; lseek d 0 set; getdents d; fsync d; close d; close e; rmdir /d
)"},
    {"ReadingIsNotListing", "", R"(
mknod /f 0100644; open f /f r; getdents f; close f; open d / r,dir; read d 10; close d; open d / path,dir; getdents d; close d
)"},
    {"CachedListings", "[opendir:cache_dir,keep_cache]", R"(
mkdir /d 0755; times 9 mknod /d/f# 0100644; open d /d r,dir; getdents d; getdents d; lseek d 0 set; getdents d; getdents d; open e /d r,dir; getdents e 128; getdents e 128; getdents e; getdents e; close d; close e
)"},
    {"CachedListingsAreDropped", "[opendir:cache_dir]", R"(
mkdir /d 0755; times 9 mknod /d/f# 0100644; open d /d r,dir; getdents d; getdents d; lseek d 0 set; getdents d; getdents d; close d; open d /d r,dir; getdents d; getdents d; lseek d 0 set; getdents d; close d
)"},
    {"CachedListingsInPieces", "[opendir:cache_dir,keep_cache]", R"(
mkdir /d 0755; times 9 mknod /d/f# 0100644; open d /d r,dir; getdents d 100; getdents d 100; getdents d; getdents d; lseek d 0 set; getdents d 10; getdents d 200; lseek d 0 cur; close d; open d /d r,dir; getdents d 100; lseek d 0 set; getdents d; close d
)"},
    {"CachedListingsAfterChanges", "[opendir:cache_dir,keep_cache]", R"(
mkdir /d 0755; times 5 mknod /d/f# 0100644; open d /d r,dir; getdents d; getdents d; mknod /d/new 0100644; lseek d 0 set; getdents d; getdents d; unlink /d/f3; lseek d 0 set; getdents d; getdents d; lseek d 0 set; getdents d; close d
)"},
    {"CachedListingsChangedInTheMiddle", "[opendir:cache_dir,keep_cache]", R"(
mkdir /d 0755; times 5 mknod /d/f# 0100644; open d /d r,dir; getdents d; getdents d; lseek d 0 set; getdents d 100; mknod /d/new 0100644; getdents d 100; getdents d; open e /d r,dir; getdents e; getdents e; getdents d; close d; close e
)"},
    {"CachedListingsChangedBehind", "[opendir:cache_dir,keep_cache]", R"(
mkdir /d 0755; times 5 mknod /d/f# 0100644; open d /d r,dir; getdents d; getdents d; setxattr /d user.remove f2; lseek d 0 set; getdents d; statx /d force mtime; lseek d 0 set; getdents d; getdents d; close d
)"},
    {"CachedListingsWithoutInvalidation", "[opendir:cache_dir,keep_cache][attr:none][refuse:auto_inval]", R"(
mkdir /d 0755; times 5 mknod /d/f# 0100644; open d /d r,dir; getdents d; getdents d; setxattr /d user.remove f2; lseek d 0 set; getdents d; stat /d; lseek d 0 set; getdents d; getdents d; close d
)"},
    {"CachedListingsByUnknowns", "[opendir:cache_dir,keep_cache]", R"(
mkdir /d 0755; times 150 mknod /d/name# 0100644; drop_caches; open d /d r,dir; getdents d 4096; stat /d/name3; getdents d 32768; getdents d; drop_caches; lseek d 0 set; getdents d 4096; stat /d/name100; getdents d; getdents d; close d
)"},
    {"CachedListingsAndSeeking", "[opendir:cache_dir,keep_cache]", R"(
mkdir /d 0755; times 9 mknod /d/f# 0100644; open d /d r,dir; getdents d 128; lseek d 0 set; getdents d; getdents d; lseek d 2 set; getdents d 64; getdents d; close d
)"},
    {"CachedListingsWithoutOpendir", "[without:opendir]", R"(
mkdir /d 0755; times 9 mknod /d/f# 0100644; open d /d r,dir; getdents d; getdents d; lseek d 0 set; getdents d; close d; open d /d r,dir; getdents d; mknod /d/x 0100644; getdents d; lseek d 0 set; getdents d; close d
)"},
};

}  // namespace

std::span<const Script> scripts_on_listing() {
  return kScripts;
}

}  // namespace fusereplay::testing

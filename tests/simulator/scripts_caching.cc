// What the kernel keeps, for how long, and what it notices.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"NegativeEntries", "", R"(
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
    {"Forgetting", "", R"(
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
    {"WithoutCaches", "[uncached]", R"(
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
    {"NegativeAnswers", "", R"(
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
    {"NamesAreBelievedForNoTime", "[entry:none]", R"(
mkdir /d 0755; mknod /d/f 0100644; stat /d/f; stat /d/f; open f /d/f r; fstat f; close f; rename /d/f /d/g; link /d/g /h; unlink /d/g; rmdir /d; stat /h
)"},
    {"AttributesAreBelievedForNoTime", "[attr:none]", R"(
open f /a rw,creat 0644; fstat f; stat /a; write f *5000; fstat f; pread f 10 0; pread f 10 0; lseek f 0 end; ftruncate f 5; fstat f; close f; access /a exists; rename /a /b; stat /b
)"},
    {"NamesExpire", "[entry:small]", R"(
mkdir /d 0755; mknod /d/f 0100644; sleep 70; stat /d/f; sleep 70; open f /d/f r; sleep 70; fstat f; unlink /d/f; sleep 70; rmdir /d; close f
)"},
    {"AttributesExpire", "[attr:small]", R"(
open f /a rw,creat 0644; write f hello; sleep 70; fstat f; sleep 70; stat /a; sleep 70; pread f 10 0; sleep 70; pread f 10 0; close f
)"},
    {"WhatIsNotThereExpires", "[negative:small]", R"(
stat /negative; sleep 70; stat /negative; sleep 70; open f /negative rw,creat 0644; close f
)"},
    {"WhatIsNotThereIsBelieved", "", R"(
stat /negative; stat /negative; open f /negative r; unlink /negative; rmdir /negative; rename /negative /x; readlink /negative; stat /negative/x; mkdir /negative 0755; stat /negative; rmdir /negative; stat /negative
)"},
    {"WhatIsNotThereIsAskedForAgain", "[negative:none]", R"(
stat /negative; stat /negative; open f /negative r; unlink /negative; open f /negative rw,creat 0644; close f; stat /negative
)"},
    {"CreationBelievesWhatIsNotThere", "", R"(
stat /negative; open f /negative rw,creat 0644; close f; unlink /negative; stat /negative; open f /negative rw,creat,excl 0644; close f; stat /negativer; mknod /negativer 0100644; stat /negativer; stat /negatives; symlink x /negatives; lstat /negatives
)"},
    {"WhatWasRemovedBehind", "[entry:none]", R"(
mkdir /d 0755; mknod /d/f 0100644; open f /d/f r; setxattr /d user.remove f; stat /d/f; fstat f; mknod /d/f 0100600; stat /d/f; close f
)"},
    {"WhatWasReplacedBehind", "[memfs][entry:none]", R"(
mkdir /d 0755; mknod /d/f 0100644; open f /d/f r; setxattr /d user.replace f; stat /d/f; fstat f; open g /d/f r; fstat g; close f; close g; unlink /d/f
)"},
    {"WhatWasReplacedBehindAndBelieved", "", R"(
mkdir /d 0755; mknod /d/f 0100644; setxattr /d user.replace f; drop_caches; stat /d/f; setxattr /d user.remove f; drop_caches; stat /d/f; mknod /d/f 0100640; stat /d/f
)"},
    {"RevalidationFails", "[entry:none]", R"(
mkdir /d 0755; mknod /d/f 0100644; setxattr / user.fail lookup=EIO; stat /d; stat /d/f; setxattr / user.fail lookup=ENOMEM; stat /d; setxattr / user.fail lookup=EINTR; stat /d; setxattr / user.fail lookup=ENOENT; stat /d; setxattr / user.fail -; stat /d/f
)"},
    {"ModesChangedBehind", "[attr:none]", R"(
mknod /f 0100644; setxattr /f user.mode 600; stat /f; setxattr /f user.mode 4755; stat /f; open f /f w; setxattr /f user.mode 644; fstat f; close f
)"},
    {"ContentsChangedBehind", "[attr:none]", R"(
open f /a rw,creat 0644; write f *5000; pread f 10 0; setxattr /a user.behind CHANGED; pread f 10 0; setxattr /a user.behind *6000; pread f 10 5000; setxattr /a user.cut 3000; pread f 4096 2000; fstat f; close f
)"},
    {"ContentsChangedBehindUnnoticed", "", R"(
open f /a rw,creat 0644; write f *5000; pread f 10 0; setxattr /a user.behind CHANGED; pread f 10 0; setxattr /a user.behind *6000; pread f 10 5000; statx /a force size; pread f 10 0; pread f 10 5000; close f
)"},
    {"ContentsChangedBehindExplicitly", "[attr:none][refuse:auto_inval][want:explicit_inval]", R"(
open f /a rw,creat 0644; write f *5000; pread f 10 0; setxattr /a user.behind CHANGED; fstat f; pread f 10 0; setxattr /a user.behind *6000; fstat f; pread f 10 0; pread f 10 5000; setxattr /a user.cut 100; fstat f; pread f 200 0; close f; open f /a r; pread f 10 0; close f
)"},
    {"ContentsChangedBehindAndNobodyLooks", "[attr:none][refuse:auto_inval]", R"(
open f /a rw,creat 0644; write f *5000; pread f 10 0; setxattr /a user.behind CHANGED; fstat f; pread f 10 0; setxattr /a user.behind *6000; fstat f; pread f 10 0; pread f 10 5000; setxattr /a user.cut 100; fstat f; pread f 200 0; close f
)"},
    {"ContentsCutBehindTheReader", "", R"(
open f /a rw,creat 0644; write f *9000; close f; open f /a r; setxattr /a user.cut 100; pread f 200 50; fstat f; pread f 100 8000; close f; stat /a
)"},
    {"EvictedWhileOpen", "", R"(
mkdir /d 0755; open f /d/a rw,creat 0644; write f *5000; drop_caches; fstat f; pread f 10 0; stat /d/a; close f; drop_caches; stat /d/a; drop_caches; open f /d/a r; pread f 10 0; close f
)"},
    {"EvictedDirectories", "", R"(
mkdir /a 0755; mkdir /a/b 0755; mkdir /a/b/c 0755; open d /a/b/c r,dir; drop_caches; stat /a/b/c; getdents d; openat f d .. r,dir; fstat f; close f; close d; drop_caches; rmdir /a/b/c; rmdir /a/b; rmdir /a
)"},
    {"EvictedLinks", "", R"(
mknod /f 0100644; link /f /g; symlink f /l; stat /f; drop_caches; stat /g; stat /f; drop_caches; stat /l; unlink /f; drop_caches; stat /g; stat /l
)"},
    {"ModesOfDirectoriesExpireNames", "", R"(
mkdir /d 0755; mkdir /d/e 0755; stat /d/e; chmod /d 0700; stat /d/e; chown /d 1 1; stat /d/e; utimens /d 1 2; stat /d; chmod /d/e 0711; stat /d/e; stat /d
)"},
    {"RepliesFromMidwayChanges", "[uncached]", R"(
mkdir /d 0755; open f /d/a rw,creat 0644; write f *5000; pread f 5000 0; fstat f; truncate /d/a 100; fstat f; rename /d/a /d/b; fstat f; unlink /d/b; fstat f; close f; rmdir /d
)"},
    {"LinksAreKept", "[want:cache_symlinks]", R"(
mknod /f 0100644; symlink f /l; readlink /l; readlink /l; stat /l; open f /l r; close f; statx /l link atime; readlink /l; unlink /l; symlink g /l; readlink /l; stat /l; drop_caches; readlink /l
)"},
    {"LinksAreKeptWhileTheyAre", "[want:cache_symlinks][uncached]", R"(
mkdir /d 0755; symlink d /l; mknod /l/f 0100644; stat /l/f; lstat /l; readlink /l; setxattr /d user.x y; rename /l /m; readlink /m; stat /m/f; lutimens /m 1 2; readlink /m
)"},
    {"LinksAreKeptOnceRead", "[want:cache_symlinks][fail:readlink=EIO]", R"(
symlink x /l; readlink /l; readlink /l; setxattr / user.fail -; readlink /l; setxattr / user.fail readlink=EIO; readlink /l
)"},
};

}  // namespace

std::span<const Script> scripts_on_caching() {
  return kScripts;
}

}  // namespace fusereplay::testing

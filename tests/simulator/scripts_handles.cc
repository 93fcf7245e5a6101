// File handles: what outlives the kernel's inodes.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"HandlesOfWhatIsCached", "", R"(
open f /a rw,creat 0644; write f hello; close f; mkdir /d 0755; symlink /a /s; handle a /a; handle d /d; handle r /; handle s /s; handle t /s follow; handle n /none; open_handle f a rw; pread f 10 0; fstat f; stat /a; close f
open_handle d d r,dir; getdents d; fstat d; close d; open_handle r r r,dir; fstat r; close r; open_handle s s r; open_handle s s path; fstat s; close s; stat /d; stat /a
)"},
    {"HandlesOfDescriptors", "", R"(
open f /a rw,creat 0644; fhandle a f; unlink /a; open_handle g a r; fstat g; close f; fstat g; close g; open_handle g a r; open d / r; fhandle r d; close d; fhandle n none
)"},
    {"HandlesWithoutExportOfWhatWasForgotten", "", R"(
open f /a rw,creat 0644; write f hello; close f; mkdir /d 0755; handle a /a; handle d /d; handle r /; drop_caches; open_handle f a r; open_handle d d r; open_handle r r r; close r; stat /a; open_handle f a r; pread f 5 0; close f
)"},
    {"HandlesOfWhatWasForgotten", "[want:export_support]", R"(
open f /a rw,creat 0644; write f hello; close f; handle a /a; drop_caches; open_handle f a rw; pread f 10 0; fstat f; write f HELLO; stat /a; close f; stat /a; drop_caches; open_handle f a r; open_handle g a r; close f; pread g 10 0; close g
)"},
    {"HandlesOfForgottenDirectories", "[want:export_support]", R"(
mkdir /d 0755; handle d /d; handle r /; drop_caches; open_handle d d r,dir; fstat d; getdents d; mkdirat d x 0755; stat /d/x; close d; stat /d; drop_caches; open_handle r r r; close r; open_handle d d path; fstat d; close d
)"},
    {"HandlesOfDirectoriesDeepDown", "[want:export_support]", R"(
mkdir /a 0755; mkdir /a/b 0755; mkdir /a/b/c 0755; mkdir /a/x 0755; open f /a/b/f rw,creat 0644; close f; handle c /a/b/c; handle f /a/b/f; drop_caches; open_handle c c r,dir; fstatat c .. -; fstatat c ../../x -; stat /a/b/c; close c; stat /a/b
drop_caches; open_handle f f r; fstat f; close f; stat /a; drop_caches; open_handle c c r; fstatat c ../f -; close c
)"},
    {"HandlesOfDirectoriesListedPlainly", "[want:export_support][refuse:readdirplus]", R"(
mkdir /a 0755; mkdir /a/b 0755; mkdir /a/b/c 0755; mkdir /a/x 0755; handle c /a/b/c; drop_caches; open_handle c c r,dir; fstatat c .. -; stat /a/b/c; close c; stat /a/x
)"},
    {"HandlesOfDirectoriesAmongMany", "[want:export_support]", R"(
times 90 mkdir /directory-with-a-long-name-number-# 0755; mkdir /last 0755; handle l /last; handle f /directory-with-a-long-name-number-3; drop_caches; open_handle l l r,dir; fstat l; close l; stat /last; open_handle f f r; close f
)"},
    {"HandlesBesideTheirSiblings", "[want:export_support]", R"(
mkdir /a 0755; mkdir /a/b 0755; mkdir /a/b/c 0755; mkdir /a/b/d 0755; handle c /a/b/c; handle d /a/b/d; mkdir /e 0755; drop_caches; open_handle c c r; fstatat c ../d -; stat /e; close c; drop_caches; open_handle d d r; fstatat d ../c -; close d
)"},
    {"HandlesUncached", "[want:export_support][uncached]", R"(
mkdir /a 0755; mkdir /a/b 0755; open f /a/f rw,creat 0644; close f; handle b /a/b; handle f /a/f; open_handle b b r; fstatat b .. -; close b; open_handle f f rw; fstat f; write f x; close f; drop_caches; open_handle b b r; fstat b; close b; open_handle f f r; close f
)"},
    {"HandlesOfWhatWasRemoved", "[want:export_support]", R"(
open f /a rw,creat 0644; handle a /a; mkdir /d 0755; handle d /d; unlink /a; open_handle g a r; fstat g; close g; close f; drop_caches; open_handle g a r; open d /d r; rmdir /d; open_handle e d r; fstat e; getdents e; close e; close d; drop_caches; open_handle d d r; stat /a
)"},
    {"HandlesOfWhatMoved", "[want:export_support]", R"(
mkdir /a 0755; mkdir /b 0755; mkdir /a/x 0755; open f /a/f rw,creat 0644; close f; handle x /a/x; handle f /a/f; rename /a/x /b/y; rename /a/f /b/g; open_handle x x r; fstatat x .. -; close x; drop_caches; open_handle x x r; fstatat x .. -; close x; open_handle f f r; fstat f; close f; stat /b/y; stat /b/g
)"},
    {"HandlesThatAreWrong", "[want:export_support]", R"(
open f /a rw,creat 0644; close f; handle a /a; spoil a generation; open_handle f a r; drop_caches; open_handle f a r; handle a /a; spoil a nodeid; open_handle f a r; handle a /a; spoil a type; open_handle f a r; handle a /a; spoil a short; open_handle f a r; handle a /a; spoil a none; open_handle f a r
handle a /a; spoil a huge; open_handle f a r; handle a /a; spoil a negative; open_handle f a r; handle a /a; spoil a long; open_handle f a r; fstat f; close f; handle a /a; spoil a parent; open_handle f a r; close f; handle a /a; spoil a root; open_handle f a r; fstat f; close f; spoil a zero; open_handle f a r
)"},
    {"HandlesTooSmall", "[want:export_support]", R"(
open f /a rw,creat 0644; close f; handle a /a - 0; handle a /a - 8; handle a /a - 11; handle a /a - 12; handle a /a - 129; handle a /a fid; open_handle f a r; close f; handle a /a nofollow; handle a /a link
)"},
    {"HandlesForOthers", "[want:export_support]", R"(
open f /a rw,creat 0644; close f; chmod /a 0600; as 1000 1000; handle a /a; open_handle f a r; open_handle f a r,dir; as 0 0; handle a /a; open_handle f a r; close f; mkdir /d 0700; as 1000 1000; handle b /d/none; as 0 0
)"},
    {"HandlesOpenedEveryWay", "[want:export_support]", R"(
open f /a rw,creat 0644; write f hello; close f; mkdir /d 0755; symlink x /s; mknod /p 0010644; handle a /a; handle d /d; handle s /s; handle p /p; drop_caches; open_handle f a rw,trunc; fstat f; close f; open_handle f a w,append; write f xy; close f; open_handle f a r,dir; open_handle f a rw,creat; fstat f; close f
open_handle f a r,creat,excl; open_handle f a r,nofollow; close f; open_handle d d w; open_handle d d r,creat; open_handle s s r; open_handle s s path; fstat s; close s; open_handle p p path; fstat p; close p
)"},
    {"HandlesThatMayNotBeMade", "[want:no_export_support]", R"(
open f /a rw,creat 0644; close f; handle a /a; handle a /a fid; open_handle f a r; handle r / fid; open_handle r r r
)"},
    {"HandlesWhoseLookupFails", "[want:export_support][memfs]", R"(
open f /a rw,creat 0644; close f; mkdir /d 0755; mkdir /d/e 0755; handle a /a; handle e /d/e; drop_caches; setxattr / user.fail lookup=EIO; open_handle f a r; open_handle e e r; setxattr / user.fail -; open_handle f a r; close f; setxattr / user.fail opendir=EACCES; open_handle e e r; setxattr / user.fail -; open_handle e e r; close e
)"},
    {"HandlesOfATreeForReading", "[want:export_support][read_only]", R"(
handle r /; open_handle r r r,dir; getdents r; close r; open_handle r r w
)"},
    {"HandlesOfLinkedFiles", "[want:export_support]", R"(
mkdir /d 0755; open f /a rw,creat 0644; close f; link /a /d/b; handle a /a; handle b /d/b; unlink /a; drop_caches; open_handle f a r; fstat f; flink f /c; close f; stat /d/b; stat /c
)"},
};

}  // namespace

std::span<const Script> scripts_on_handles() {
  return kScripts;
}

}  // namespace fusereplay::testing

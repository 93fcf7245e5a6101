// mount(2) with MS_REMOUNT.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"RemountedForReading", "", R"(
mkdir /d 0755; open f /a rw,creat 0644; write f hello; close f; remount ro; open f /a r; pread f 10 0; close f; open f /a rw; open f /b rw,creat 0644; mkdir /e 0755; rmdir /d; rename /a /c; chmod /a 0600; access /a write; access /a read; setxattr /a user.x y; stat /a; remount rw; open f /a rw; write f HELLO; close f; mkdir /e 0755
)"},
    {"RemountedWhileBeingWritten", "", R"(
open f /a rw,creat 0644; write f hello; remount ro; pwrite f x 0; close f; remount ro; open f /a r; remount rw; remount ro; close f; remount rw; open f /a w; remount rw; remount ro; close f; mkdir /d 0755; open d /d r; remount ro; mkdir /d/e 0755; close d
)"},
    {"RemountedWithAFileThatHasNoName", "", R"(
open f /a rw,creat 0644; write f hello; close f; open f /a r; unlink /a; remount ro; pread f 5 0; close f; remount ro; remount rw; mkdir /d 0755; open d /d r; rmdir /d; remount ro; close d; remount ro; stat /
)"},
    {"RemountedForMandatoryLocks", "", R"(
open f /a rw,creat 0644; close f; remount mand; stat /a; open f /a rw; close f
)"},
    {"RemountingForgets", "", R"(
mkdir /d 0755; open f /d/a rw,creat 0644; close f; open g /d/a r; mkdir /e 0755; remount rw; stat /d/a; stat /e; close g; remount rw; stat /d/a
)"},
    {"MountedForReadingAndThenForWriting", "[read_only]", R"(
mkdir /d 0755; remount rw; mkdir /d 0755; stat /d; remount ro; rmdir /d; remount ro; stat /d
)"},
};

}  // namespace

std::span<const Script> scripts_on_remount() {
  return kScripts;
}

}  // namespace fusereplay::testing

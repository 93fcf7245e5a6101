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
};

}  // namespace

std::span<const Script> scripts_on_caching() {
  return kScripts;
}

}  // namespace fusereplay::testing

// Attributes: showing and changing them.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr std::string_view kStatx = R"(
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
)";

constexpr Script kScripts[] = {
    {"ModesAndMasks", "", R"(
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
    {"Owners", "", R"(
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
    {"Times", "", R"(
open f /a rw,creat 0644
close f
utimens /a 1000000000 1100000000
stat /a
utimens /a omit 1200000000
utimens /a now now
utimens /a omit omit
stat /a
)"},
    {"Filesystems", "", R"(
statvfs /
mkdir /d 0755
statvfs /d
)"},
    {"Access", "", R"(
open f /a rw,creat 0644
close f
access /a exists
access /a read,write
access /a exec
access / read,exec
access /none exists
)"},
    {"ServerMasks", "[want:dont_mask]", R"(
umask 027
open f /a rw,creat 0666
fstat f
close f
mkdir /d 0777
stat /d
mknod /n 0100666
stat /n
)"},
    {"AccessIsAsked", "[access]", R"(
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
    {"ExtendedStat", "", kStatx},
    {"WithoutStatx", "[without:statx]", kStatx},
    {"UncachedStatx", "[uncached]", kStatx},
};

}  // namespace

std::span<const Script> scripts_on_attributes() {
  return kScripts;
}

}  // namespace fusereplay::testing

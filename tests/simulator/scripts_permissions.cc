// Who may do what, and what a change of content takes away.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"OtherUsers", "", R"(
mkdir /d 0700
open f /a rw,creat 0600
close f
as 1000 1000
stat /a
open f /a r
close f
open f /b rw,creat 0644
write f x
fstat f
fchmod f 06777
write f y
close f
chown /b 1000 1000
unlink /b
)"},
    {"DefaultPermissions", "[default_permissions]", R"(
mkdir /d 0700
mkdir /p 0777
chmod /p 01777
open f /a rw,creat 0600
close f
open f /p/root rw,creat 0644
close f
as 1000 1000
stat /a
open f /a r
stat /d/x
mkdir /e 0755
unlink /p/root
open f /p/b rw,creat 0644
write f x
chmod /p/b 0600
chown /p/b 0 0
chmod /a 0777
close f
unlink /p/b
access /a read
access /p write
)"},
    {"WithoutKillpriv", "[refuse:killpriv_v2]", R"(
open f /a rw,creat 0644
write f *10000
pread f 5000 100
pread f 100 9990
pwrite f xyz 4095
fstat f
close f
open f /a rw
read f 20000
close f
open f /a rw,trunc
fstat f
write f *5000
ftruncate f 100
pread f 1000 0
close f
stat /a
chmod /a 06755
open f /a rw
as 1000 1000
write f x
fstat f
close f
as 0 0
chmod /a 06755
open f /a rw
as 1000 1000
ftruncate f 1
fstat f
close f
)"},
    {"KillprivTheFirst", "[refuse:killpriv_v2][want:killpriv]", R"(
open f /a rw,creat 0644
write f *10000
pread f 5000 100
pread f 100 9990
pwrite f xyz 4095
fstat f
close f
open f /a rw
read f 20000
close f
open f /a rw,trunc
fstat f
write f *5000
ftruncate f 100
pread f 1000 0
close f
stat /a
chmod /a 06755
open f /a rw
as 1000 1000
write f x
fstat f
close f
)"},
    {"KillprivTheSecond", "", R"(
open f /a rw,creat 0644
write f *10000
pread f 5000 100
pread f 100 9990
pwrite f xyz 4095
fstat f
close f
open f /a rw
read f 20000
close f
open f /a rw,trunc
fstat f
write f *5000
ftruncate f 100
pread f 1000 0
close f
stat /a
chmod /a 06755
open f /a rw
as 1000 1000
write f x
fstat f
close f
as 0 0
chmod /a 06755
open f /a rw
as 1000 1000
ftruncate f 1
fstat f
close f
)"},
};

}  // namespace

std::span<const Script> scripts_on_permissions() {
  return kScripts;
}

}  // namespace fusereplay::testing

// Operations that the filesystem lacks.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr std::string_view kOpens = R"(
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
)";

constexpr Script kScripts[] = {
    {"WithoutFlush", "[without:flush]", R"(
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
)"},
    {"WithoutOpen", "[without:open]", kOpens},
    {"WithoutOpendir", "[without:opendir]", kOpens},
    {"WithoutOpens", "[without:open,opendir,create]", kOpens},
    {"WithoutCreate", "[without:create]", kOpens},
    {"WithoutSync", "[without:fsync,fsyncdir]", R"(
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
open f /b rw
fsync f
fdatasync f
close f
)"},
    {"WithoutTmpfile", "[without:tmpfile]", R"(
open f / rw,tmpfile 0600
open f / rw,tmpfile 0600
stat /
)"},
    {"WithoutRenameFlags", "[without:rename2]", R"(
mkdir /a 0755
mkdir /b 0755
rename /a /b exchange
rename /a /c noreplace
rename /a /c noreplace
rename /a /b
)"},
    {"WithoutLink", "[without:link]", R"(
open f /a rw,creat 0644
link /a /b
link /a /b
stat /a
close f
)"},
    {"WithoutFallocateAndSeek", "[without:fallocate,lseek]", R"(
open f /a rw,creat 0644
write f *5000
fallocate f - 0 100
fallocate f - 0 100
lseek f 0 data
lseek f 100 hole
lseek f 6000 data
close f
)"},
    {"WithoutCopyFileRange", "[without:copy_file_range]", R"(
open a /a rw,creat 0644
open b /b rw,creat 0644
write a *3000
pread a 3000 0
fstat a
close a
close b
)"},
};

}  // namespace

std::span<const Script> scripts_on_without() {
  return kScripts;
}

}  // namespace fusereplay::testing

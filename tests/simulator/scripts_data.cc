// Data: reading, writing, seeking, allocating.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"ReadingInPieces", "", R"(
open f /a rw,creat 0644
write f *100000
lseek f 0 set
read f 10
read f 10
read f 5000
lseek f 20000 set
read f 100
pread f 100 90000
pread f 100 99990
pread f 100 200000
close f
)"},
    {"ReadingAll", "", R"(
open f /a rw,creat 0644
write f *1000000
close f
open f /a r
read f 131072
read f 131072
read f 131072
read f 131072
read f 131072
read f 131072
read f 131072
read f 131072
close f
)"},
    {"ReadingByPages", "", R"(
open f /a rw,creat 0644
write f *200000
close f
open f /a r
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
read f 4096
close f
)"},
    {"ReadingAtRandom", "", R"(
open f /a rw,creat 0644
write f *1000000
close f
open f /a r
pread f 100 500000
pread f 100 504096
pread f 10000 200000
pread f 100 700000
pread f 300000 300000
pread f 100 0
close f
)"},
    {"WritingInPieces", "", R"(
open f /a rw,creat 0644
write f *100
write f *4096
write f *10000
pwrite f *8192 100
pwrite f x 50000
fstat f
pread f 10 49995
close f
)"},
    {"WritingMuch", "", R"(
open f /a w,creat 0644
write f *3000001
fstat f
close f
)"},
    {"Appending", "", R"(
open f /a w,creat,append 0644
write f one
write f two
close f
open f /a rw,append
write f three
pread f 100 0
pwrite f four 0
pread f 100 0
close f
)"},
    {"Truncating", "", R"(
open f /a rw,creat 0644
write f *10000
ftruncate f 5000
pread f 10 4995
truncate /a 8000
pread f 10 4995
fstat f
truncate /a 0
fstat f
close f
truncate /none 0
)"},
    {"Syncing", "", R"(
open f /a rw,creat 0644
write f x
fsync f
fdatasync f
close f
open d / r,dir
fsync d
close d
)"},
    {"Allocating", "", R"(
open f /a rw,creat 0644
fallocate f - 0 10000
fstat f
pwrite f *10000 0
fallocate f keep,punch 4096 4096
pread f 10 5000
fallocate f zero 0 100
pread f 10 95
fallocate f keep 0 100000
fstat f
fallocate f collapse 0 4096
fallocate f punch 0 4096
fallocate f - 0 0
close f
open f /a r
fallocate f - 0 10
close f
)"},
    {"HolesAndData", "", R"(
open f /a rw,creat 0644
pwrite f x 100000
lseek f 0 data
lseek f 100000 hole
lseek f 0 hole
lseek f 200000 data
lseek f 0 end
lseek f -10 cur
lseek f -1 set
close f
)"},
    {"CopyingRanges", "", R"(
open a /a rw,creat 0644
open b /b rw,creat 0644
write a *20000
copy_file_range a 0 b 0 20000
pread b 10 100
copy_file_range a 19000 b 30000 5000
fstat b
copy_file_range a 0 a 5 10
copy_file_range a 30000 b 0 10
close a
close b
stat /b
)"},
};

}  // namespace

std::span<const Script> scripts_on_data() {
  return kScripts;
}

}  // namespace fusereplay::testing

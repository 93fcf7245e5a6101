// Files in memory: shared and private mappings, with the writeback cache and without.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"MappedReading", "", R"(
open f /a rw,creat 0644
write f *20000
close f
open f /a r
mmap m f 0 20000 r shared
load m 0 10
load m 5000 10000
load m 19990 100
load m 0 20480
munmap m
close f
)"},
    {"MappedReadingAround", "", R"(
open f /a rw,creat 0644
write f *400000
close f
open f /a r
mmap m f 0 400000 r shared
load m 200000 10
load m 100000 10
load m 260000 10
load m 240000 10
load m 0 400000
munmap m
close f
)"},
    {"MappedReadingOfAPart", "", R"(
open f /a rw,creat 0644
write f *400000
close f
open f /a r
mmap m f 204800 8192 r private
load m 0 8192
load m 8000 1000
munmap m
close f
)"},
    {"MappedReadingBesideRead", "", R"(
open f /a rw,creat 0644
write f *400000
close f
open f /a r
mmap m f 0 400000 r shared
read f 4096
load m 300000 10
read f 100000
load m 150000 10
pread f 100 390000
munmap m
close f
)"},
    {"MappedReadingWithoutReadahead", "[readahead:0]", R"(
open f /a rw,creat 0644
write f *40000
close f
open f /a r
mmap m f 0 40000 r shared
load m 0 1
load m 20000 10000
munmap m
close f
)"},
    {"MappedWriting", "", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 rw shared
store m 100 hello
store m 4090 crossing
pread f 20 95
load m 4085 20
munmap m
close f
stat /a
)"},
    {"MappedWritingMsync", "", R"(
open f /a rw,creat 0644
write f *40000
mmap m f 0 40000 rw shared
store m 100 one
store m 8192 two
store m 20480 three
msync m 0 4096 async
msync m 0 12288 sync
store m 100 again
msync m 0 40000 sync
msync m 0 40000 sync,invalidate
munmap m
close f
)"},
    {"MappedWritingFsync", "", R"(
open f /a rw,creat 0644
write f *40000
mmap m f 0 40000 rw shared
store m 100 one
fsync f
fsync f
store m 100 two
fdatasync f
munmap m
close f
)"},
    {"MappedClosedBeforeUnmapping", "", R"(
open f /a rw,creat 0644
write f *10000
mmap m f 0 10000 rw shared
store m 0 before
close f
store m 0 after
load m 0 10
munmap m
stat /a
)"},
    {"MappedUnlinked", "", R"(
open f /a rw,creat 0644
write f *10000
mmap m f 0 10000 rw shared
close f
unlink /a
store m 0 nameless
load m 0 20
munmap m
)"},
    {"MappedBehindTheEnd", "", R"(
open f /a rw,creat 0644
write f *5000
mmap m f 0 20000 rw shared
load m 4990 20
load m 8190 2
load m 8190 4
load m 8192 1
store m 5000 slack
store m 8192 x
load m 4990 20
munmap m
fstat f
close f
open f /a r
read f 10000
close f
)"},
    {"MappedAnEmptyFile", "", R"(
open f /a rw,creat 0644
mmap m f 0 4096 rw shared
load m 0 1
write f *100
load m 0 100
ftruncate f 0
load m 0 1
munmap m
close f
)"},
    {"MappedTruncated", "", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 rw shared
store m 0 dirty
store m 12288 dirty
ftruncate f 5000
load m 4990 20
load m 12288 1
ftruncate f 20000
load m 4990 20
load m 12288 10
munmap m
close f
)"},
    {"MappedExtended", "", R"(
open f /a rw,creat 0644
write f *100
mmap m f 0 20000 rw shared
store m 100 slack
pwrite f end 200
load m 95 110
pwrite f far 10000
load m 10000 3
munmap m
close f
)"},
    {"MappedPrivately", "", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 rw private
store m 100 mine
load m 95 15
pread f 15 95
pwrite f theirs 100
pwrite f theirs 5000
load m 95 15
load m 5000 10
munmap m
close f
)"},
    {"MappedPrivatelyOfAReader", "", R"(
open f /a rw,creat 0644
write f *20000
close f
open f /a r
mmap m f 0 20000 rw private
store m 100 mine
load m 0 200
munmap m
close f
)"},
    {"MappedPrivatelyTruncated", "", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 rw private
store m 100 mine
store m 12288 mine
ftruncate f 5000
load m 100 10
load m 12288 4
ftruncate f 20000
load m 12288 4
load m 100 10
munmap m
close f
)"},
    {"MappedTwice", "", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 rw shared
open g /a rw
mmap n g 4096 8192 rw shared
store m 4096 first
store n 5 second
load m 4096 15
close f
munmap m
store n 5 third
close g
munmap n
)"},
    {"MappedBesideWriting", "", R"(
open f /a rw,creat 0644
write f *10000
mmap m f 0 10000 rw shared
store m 0 mapped
pwrite f written 4
load m 0 20
store m 8 both
fsync f
munmap m
close f
)"},
    {"MappedRefused", "", R"(
mkdir /d 0755
open f /a rw,creat 0644
write f *10000
close f
open r /a r
open w /a w
open d /d r,dir
open p /a path
mmap m r 0 4096 rw shared
mmap m w 0 4096 r shared
mmap m w 0 4096 w shared
mmap m w 0 4096 w private
mmap m d 0 4096 r shared
mmap m p 0 4096 r shared
mmap m none 0 4096 r shared
mmap m r 0 0 r shared
mmap m r 100 4096 r shared
mmap m r 0 4096 r neither
mmap m r 0 4096 r shared,private
mmap m r 0 4096 none shared
load m 0 1
mmap n r 0 4096 r shared
load n 0 1
store n 0 x
load n 4096 1
munmap n
munmap n
munmap m
msync n 0 4096 sync
)"},
    {"MappedMsyncRefused", "", R"(
open f /a rw,creat 0644
write f *10000
mmap m f 0 10000 rw shared
msync m 0 4096 sync,async
msync m 100 4096 sync
msync m 0 0 sync
store m 0 x
msync m 0 0 sync
msync m 0 1 sync
open r /a r
mmap n r 0 10000 r shared
msync n 0 4096 sync
mmap o r 0 10000 rw private
store o 0 x
msync o 0 4096 sync
munmap m
munmap n
munmap o
close f
)"},
    {"MappedDirectIo", "[open:direct_io]", R"(
open f /a rw,creat 0644
write f *10000
mmap m f 0 10000 r shared
mmap m f 0 10000 rw private
load m 0 10
store m 0 private
pwrite f written 4096
load m 0 10
load m 4096 10
munmap m
close f
)"},
    {"MappedDirectIoAllowed", "[open:direct_io][want:direct_io_allow_mmap]", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 rw shared
store m 0 mapped
pread f 10 0
store m 8192 mapped
pwrite f written 8192
load m 8192 10
munmap m
pread f 10 0
close f
)"},
    {"MappedReadFails", "", R"(
open f /a rw,creat 0644
write f *20000
close f
setxattr / user.fail read=EIO
open f /a rw
mmap m f 0 20000 rw shared
load m 0 1
store m 0 x
setxattr / user.fail -
load m 0 1
munmap m
close f
)"},
    {"MappedWriteFails", "[fail:write=ENOSPC]", R"(
mknod /a 0100644
truncate /a 10000
open f /a rw
mmap m f 0 10000 rw shared
store m 0 lost
msync m 0 4096 sync
msync m 0 4096 sync
store m 0 lost
munmap m
fsync f
close f
)"},
    {"MappedWriteFailsAtClose", "[fail:write=ENOSPC]", R"(
mknod /a 0100644
truncate /a 10000
open f /a rw
mmap m f 0 10000 rw shared
store m 0 lost
close f
munmap m
)"},
    {"MappedWritingBack", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 rw shared
store m 100 hello
fstat f
close f
store m 100 again
store m 9000 again
munmap m
stat /a
)"},
    {"MappedWritingBackMsync", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *40000
mmap m f 0 40000 rw shared
msync m 8192 4096 sync
store m 100 one
msync m 0 4096 sync
store m 100 two
store m 101 three
msync m 0 40000 sync
munmap m
close f
)"},
    {"MappedReadingWritesBack", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 r private
load m 0 10
munmap m
write f *100
close f
)"},
    {"MappedExtendedWritingBack", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *100
mmap m f 0 20000 rw shared
store m 100 slack
pwrite f end 200
load m 95 110
fsync f
store m 203 slack
ftruncate f 5000
load m 195 20
munmap m
close f
)"},
    {"MappedReaderAndWriter", "[open:keep_cache]", R"(
open w /a rw,creat 0644
write w *20000
mmap m w 0 20000 rw shared
open r /a r
mmap n r 0 20000 r shared
store m 0 mapped
close w
munmap m
load n 0 10
close r
munmap n
)"},
    {"MappedOpenedAgain", "", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 rw shared
store m 0 mapped
store m 8192 mapped
open g /a r
pread g 10 0
close g
munmap m
close f
)"},
    {"MappedTruncatingOpen", "[want:atomic_o_trunc]", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 rw shared
store m 0 mapped
open g /a w,trunc
load m 0 1
write g *5000
load m 0 5000
close g
munmap m
close f
)"},
    {"MappedPunched", "", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 rw shared
store m 4096 mapped
store m 16000 mapped
fallocate f keep,punch 4096 5000
load m 4096 10
load m 9000 200
copy_file_range f 0 f 12288 4096
load m 12288 10
munmap m
close f
)"},
    {"MappedDropCaches", "", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 rw shared
close f
store m 0 mapped
drop_caches
load m 0 10
stat /a
munmap m
drop_caches
stat /a
)"},
    {"MappedChangedBehind", "[uncached]", R"(
open f /a rw,creat 0644
write f *20000
mmap m f 0 20000 r shared
load m 0 10
setxattr /a user.behind BEHIND
load m 0 10
stat /a
load m 0 10
setxattr /a user.cut 100
stat /a
load m 0 10
load m 5000 10
munmap m
close f
)"},
};

}  // namespace

std::span<const Script> scripts_on_memory() {
  return kScripts;
}

}  // namespace fusereplay::testing

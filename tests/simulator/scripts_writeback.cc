// The writeback cache: what stays in the kernel, and when it comes out.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"WritebackWritesAtClose", "[want:writeback]", R"(
open f /a rw,creat 0644
write f hello
write f *10000
fstat f
close f
stat /a
)"},
    {"WritebackWritesAtFsync", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *10000
fsync f
write f more
fdatasync f
fsync f
close f
)"},
    {"WritebackReadsAPartialPageFirst", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *10000
close f
open f /a rw
pwrite f xyz 100
pwrite f xyz 5000
pread f 200 50
pwrite f *4096 8192
close f
open f /a r
read f 20000
close f
)"},
    {"WritebackReadsForAFileOpenForWritingOnly", "[want:writeback]", R"(
open f /a w,creat 0644
write f *10000
close f
open f /a w
pwrite f xyz 100
pwrite f xyz 9999
pwrite f xyz 20000
close f
stat /a
)"},
    {"WritebackOfHoles", "[want:writeback]", R"(
open f /a rw,creat 0644
pwrite f x 0
pwrite f y 8192
pwrite f z 20480
fsync f
pread f 30000 0
close f
)"},
    {"WritebackAppends", "[want:writeback]", R"(
open f /a w,creat,append 0644
write f one
write f two
open g /a w,append
write g three
write f four
close f
close g
open f /a r
read f 100
close f
)"},
    {"WritebackTruncates", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *20000
ftruncate f 5000
fstat f
ftruncate f 10000
pread f 10000 0
close f
stat /a
)"},
    {"WritebackTruncatesToTheSameSize", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *5000
ftruncate f 5000
truncate /a 5000
truncate /a 4096
close f
)"},
    {"WritebackTruncatesByName", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *20000
truncate /a 4097
pread f 10000 0
write f tail
close f
)"},
    {"WritebackOpenTruncates", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *20000
open g /a w,trunc
fstat f
write g short
close g
close f
stat /a
)"},
    {"WritebackOpenTruncatesAtomically", "[want:writeback,atomic_o_trunc]", R"(
open f /a rw,creat 0644
write f *20000
open g /a w,trunc
fstat f
write g short
close g
close f
stat /a
)"},
    {"WritebackTwoHandles", "[want:writeback][open:keep_cache]", R"(
open f /a rw,creat 0644
open g /a rw
write f *5000
pwrite g second 100
pread f 200 50
close f
pwrite g third 4000
close g
)"},
    {"WritebackOpeningAgainDropsTheCache", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *13000
open g /a r
pread g 100 0
write f more
close g
close f
)"},
    {"WritebackReaderClosesFirst", "[want:writeback][open:keep_cache]", R"(
open f /a rw,creat 0644
open g /a r
write f *5000
close g
write f again
close f
)"},
    {"WritebackInManyWrites", "[want:writeback][max_write:16384]", R"(
open f /a rw,creat 0644
write f *100000
fsync f
pwrite f *4096 0
pwrite f *4096 8192
pwrite f *4096 12288
close f
)"},
    {"WritebackInLargeWrites", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *1000000
close f
open f /a rw
pwrite f *300000 4096
close f
)"},
    {"WritebackWithoutMaxPages", "[want:writeback][refuse:max_pages]", R"(
open f /a rw,creat 0644
write f *400000
close f
)"},
    {"WritebackWriteFails", "[want:writeback][fail:write=ENOSPC]", R"(
open f /a rw,creat 0644
write f *5000
fsync f
fsync f
write f *5000
close f
)"},
    {"WritebackWriteFailsAtClose", "[want:writeback][fail:write=EDQUOT]", R"(
open f /a rw,creat 0644
open g /a rw
write f *5000
close f
fsync g
fsync g
close g
open f /a r
fsync f
close f
)"},
    {"WritebackErrorIsForThoseWhoAreOpen", "[want:writeback][fail:write=EIO]", R"(
open f /a rw,creat 0644
open g /a rw
write f *5000
fsync f
open h /a rw
fsync h
fsync g
fsync g
close g
close f
close h
)"},
    {"WritebackErrorIsToldBySyncfs", "[want:writeback]", R"(
open f /a rw,creat 0644
setxattr / user.fail write=ENOSPC
write f *5000
open g / r,dir
syncfs f
syncfs f
syncfs g
close f
syncfs g
close g
)"},
    {"WritebackReadOfAPageFails", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *10000
close f
open f /a rw
setxattr / user.fail read=EACCES
pwrite f x 10
pwrite f *8192 4000
pwrite f *4096 4096
close f
)"},
    {"WritebackSyncfs", "[want:writeback]", R"(
open f /a rw,creat 0644
open g /b rw,creat 0644
write f *5000
write g *9000
syncfs f
syncfs g
close f
close g
)"},
    {"WritebackDropCaches", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *5000
drop_caches
pread f 100 0
close f
)"},
    {"WritebackDirectRead", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *10000
open g /a r,direct
pwrite f dirty 8192
pread g 4096 0
pread g 4096 8192
close g
close f
)"},
    {"WritebackDirectWrite", "[want:writeback][open:keep_cache]", R"(
open f /a rw,creat 0644
write f *10000
open g /a rw,direct
pwrite g *4096 4096
pread f 10000 0
pwrite f behind 5000
pwrite g *4096 0
pwrite g *4096 12288
fstat f
close g
close f
)"},
    {"WritebackThroughDirectIo", "[want:writeback][open:direct_io]", R"(
open f /a rw,creat 0644
write f *10000
write f more
pread f 100 9990
ftruncate f 50
close f
stat /a
)"},
    {"WritebackChmod", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *5000
chmod /a 0600
write f more
chown /a 1000 1000
write f more
utimens /a 1000 2000
utimens /a now now
write f more
utimens /a omit now
close f
stat /a
)"},
    {"WritebackUnlinked", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *5000
unlink /a
write f *5000
fstat f
close f
)"},
    {"WritebackNames", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *5000
link /a /b
rename /a /c
rename /b /c
setxattr /c user.x y
removexattr /c user.x
open g /d w,creat 0600
close g
rename /c /d exchange
rename /c /d
close f
)"},
    {"WritebackOfALinkOnly", "[want:writeback]", R"(
symlink x /l
mkdir /d 0755
rename /l /m
rename /d /e
mknod /f 0100644
link /f /g
unlink /f
unlink /m
rmdir /e
)"},
    {"WritebackFallocate", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *20000
fallocate f - 0 30000
fallocate f keep,punch 4096 5000
pread f 20000 0
fallocate f keep 0 50000
fstat f
close f
)"},
    {"WritebackCopies", "[want:writeback]", R"(
open f /a rw,creat 0644
open g /b rw,creat 0644
write f *20000
write g *9000
copy_file_range f 100 g 4000 10000
pread g 20000 0
fstat g
close f
close g
)"},
    {"WritebackCopiesBySplice", "[want:writeback][without:copy_file_range,copy_file_range_64]", R"(
open f /a rw,creat 0644
open g /b rw,creat 0644
write f *20000
copy_file_range f 100 g 4000 10000
pread g 20000 0
close f
close g
)"},
    {"WritebackSynchronous", "[want:writeback]", R"(
open f /a rw,creat,sync 0644
write f *5000
write f *5000
close f
open f /a rw,dsync
pwrite f x 0
pwritev f xy 1,1 9000 sync
close f
)"},
    {"WritebackSeeks", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *5000
lseek f 0 end
lseek f 0 hole
lseek f 0 data
lseek f 100 end
write f x
lseek f 5000 data
close f
)"},
    {"WritebackByOthers", "[want:writeback]", R"(
chmod / 0777
open f /a rw,creat 0644
chmod /a 06777
as 1000 1000
open g /a rw
write g *5000
fstat g
write g more
close g
as 0 0
close f
stat /a
)"},
    {"WritebackSetIdOfOthersWithoutKillpriv", "[want:writeback][refuse:killpriv_v2]", R"(
chmod / 0777
open f /a rw,creat 0644
chmod /a 06777
as 1000 1000
open g /a rw
write g *5000
fstat g
write g more
close g
)"},
    {"WritebackUncached", "[want:writeback][uncached]", R"(
open f /a rw,creat 0644
write f *5000
write f *5000
fstat f
stat /a
read f 10
pread f 10 0
close f
stat /a
)"},
    {"WritebackChangedBehind", "[want:writeback][uncached]", R"(
open f /a rw,creat 0644
write f *5000
fsync f
setxattr /a user.behind BEHIND
setxattr /a user.cut 100
stat /a
pread f 20 0
drop_caches
stat /a
close f
drop_caches
stat /a
open f /a r
read f 10000
close f
)"},
    {"WritebackWithoutFlush", "[want:writeback][without:flush,fsync]", R"(
open f /a rw,creat 0644
write f *5000
fsync f
write f more
close f
open f /a rw
write f x
close f
stat /a
)"},
    {"WritebackNoflush", "[want:writeback][open:noflush]", R"(
open f /a rw,creat 0644
write f *5000
dup g f
close f
write g more
close g
)"},
    {"WritebackWithoutOpen", "[want:writeback][without:open,create]", R"(
open f /a rw,creat 0644
write f *5000
open g /a w
pwrite g x 100
close f
close g
stat /a
)"},
    {"WritebackSetattrFails", "[want:writeback][fail:setattr=EPERM]", R"(
open f /a rw,creat 0644
write f *5000
fsync f
fsync f
write f x
close f
)"},
    {"WritebackTmpfile", "[want:writeback]", R"(
open f / rw,tmpfile 0600
write f *5000
flink f /named
write f more
close f
stat /named
)"},
    {"WritebackBlocks", "[want:writeback]", R"(
open f /a rw,creat 0644
write f *50000
fstat f
fsync f
fstat f
dup g f
close g
fstat f
close f
)"},
};

}  // namespace

std::span<const Script> scripts_on_writeback() {
  return kScripts;
}

}  // namespace fusereplay::testing

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
    {"ReadingAcrossTheEnd", "", R"(
open f /a rw,creat 0644; write f *5000; pread f 100 4950; pread f 4096 4096; pread f 1 5000; pread f 100 8192; lseek f 4999 set; read f 10; read f 10; read f 0; pread f 0 0; close f
)"},
    {"ReadingHoles", "", R"(
open f /a rw,creat 0644; pwrite f x 20000; pread f 10 0; pread f 10 19995; pread f 30000 0; ftruncate f 100000; pread f 100 20000; pread f 100000 50000; fstat f; close f
)"},
    {"EmptyFiles", "", R"(
open f /a rw,creat 0644; read f 10; pread f 10 5; write f -; fstat f; lseek f 0 end; lseek f 0 data; lseek f 0 hole; close f; open f /a r; read f 4096; close f
)"},
    {"PlacesFarOut", "", R"(
open f /a rw,creat 0644; pread f 1 0x7fffffffffffffff; pread f 10 0x7ffffffffffffff0; pwrite f x 0x7fffffffffffffff; pwrite f xx 0x7ffffffffffffffe; pread f 1 -1; pwrite f x -1; ftruncate f -1
truncate /a -5; lseek f 0x7fffffffffffffff set; read f 1; write f x; lseek f 1 cur; ftruncate f 0x7fffffffffffffff; fstat f; close f
)"},
    {"WritingIsReadBack", "", R"(
open f /a rw,creat 0644; pwrite f *3000 1000; pread f 10 1000; pread f 10 0; pwrite f *4096 4096; pread f 10 4096; pwrite f Z 4100; pread f 10 4096; pwrite f *2 8190; pread f 20 8180; close f
)"},
    {"OverwritingPartly", "", R"(
open f /a rw,creat 0644; write f *12288; close f; open f /a rw; pwrite f one 10; pread f 20 0; pwrite f two 5000; pwrite f *4096 4096; pread f 5000 4000; pwrite f *9000 2000; pread f 12288 0; close f
)"},
    {"AppendingAcrossPages", "", R"(
open f /a rw,creat,append 0644; write f *4095; write f ab; write f *4095; lseek f 0 set; read f 10; write f end; lseek f 0 cur; read f 10; fstat f; close f
)"},
    {"AppendingToWhatOthersWrote", "", R"(
open f /a w,creat,append 0644; open g /a w; write f abc; pwrite g *100 0; write f def; truncate /a 2; write f ghi; fstat f; setxattr /a user.behind *200; write f end; fstat f; close f; close g; stat /a
)"},
    {"SeekingAbout", "", R"(
open f /a rw,creat 0644; write f *100; lseek f 10 set; lseek f 10 cur; lseek f -5 cur; lseek f -50 cur; lseek f -100 end; lseek f -101 end; lseek f 50 end; read f 1; write f x; fstat f; lseek f 5 nowhere; close f
)"},
    {"SeekingToData", "", R"(
open f /a rw,creat 0644; write f *100; pwrite f x 50000; lseek f 0 data; lseek f 0 hole; lseek f 4096 data; lseek f 50001 data; lseek f 50001 hole; lseek f 50000 hole; lseek f -1 data; lseek f -1 hole; close f
)"},
    {"SeekingFails", "[fail:lseek=EIO]", R"(
open f /a rw,creat 0644; write f abc; lseek f 0 data; lseek f 0 hole; lseek f 0 end; lseek f 1 set; close f
)"},
    {"TruncatingCachedPages", "", R"(
open f /a rw,creat 0644; write f *10000; pread f 10000 0; ftruncate f 6000; ftruncate f 9000; pread f 5000 4500; ftruncate f 9000; ftruncate f 4096; ftruncate f 5000; pread f 2000 3500; close f
)"},
    {"TruncatingByPath", "", R"(
mkdir /d 0755; open f /a rw,creat 0644; write f *10000; symlink a /l; truncate /l 5000; fstat f; pread f 10 4995; truncate /d 0; truncate / 0; truncate /a/x 0; truncate /a/ 0; truncate /a 0x7fffffffffffffff; fstat f; close f
)"},
    {"TruncatingByDescriptor", "", R"(
open f /a r,creat 0644; ftruncate f 10; close f; open f /a w; ftruncate f 10; fstat f; unlink /a; ftruncate f 20; fstat f; close f; open f /b w,creat,append 0644; ftruncate f 30; write f x; fstat f; close f
)"},
    {"TruncationFails", "[fail:setattr=EFBIG]", R"(
open f /a rw,creat 0644; write f *5000; ftruncate f 100; truncate /a 100; pread f 10 200; fstat f; close f
)"},
    {"AllocatingEveryWay", "", R"(
open f /a rw,creat 0644; fallocate f - 0 5000; fallocate f keep 0 9000; fallocate f punch,keep 0 100; fallocate f punch 0 100; fallocate f zero 6000 100; fallocate f zero,keep 9000 100; fstat f
fallocate f collapse 0 4096; fallocate f insert 0 4096; fallocate f unshare 0 100; fallocate f punch,zero,keep 0 10; fallocate f collapse,keep 0 4096; fallocate f keep,unshare 0 1; close f
)"},
    {"AllocatingOddRanges", "", R"(
open f /a rw,creat 0644; fallocate f - 0 0; fallocate f - -1 10; fallocate f - 0 -1; fallocate f - 0x7fffffffffffffff 10; fallocate f - 0x7ffffffffffffff0 100; fallocate f keep 100 0; fstat f; close f
)"},
    {"AllocatingWhatIsNotWritable", "", R"(
open f /a w,creat 0644; fallocate f - 0 100; close f; open f /a r; fallocate f - 0 100; close f; open f /a w,append; fallocate f - 0 200; fallocate f punch,keep 0 10; fstat f; close f
)"},
    {"AllocatingFails", "[fail:fallocate=ENOSPC]", R"(
open f /a rw,creat 0644; write f *5000; fallocate f - 0 10000; fallocate f punch,keep 0 4096; pread f 10 0; fstat f; close f
)"},
    {"PunchingCachedPages", "", R"(
open f /a rw,creat 0644; write f *20000; pread f 20000 0; fallocate f punch,keep 100 50; pread f 10 95; fallocate f punch,keep 4096 8192; pread f 10 4090; pread f 10 12280; fallocate f zero 4000 200; pread f 300 3950; fallocate f zero 19000 3000; fstat f; close f
)"},
    {"CopyingWithinAFile", "", R"(
open f /a rw,creat 0644; write f *10000; copy_file_range f 0 f 10000 5000; copy_file_range f 0 f 4999 5000; copy_file_range f 0 f 5000 5000; copy_file_range f 100 f 100 10; copy_file_range f 14990 f 0 100; fstat f; pread f 10 14995; close f
)"},
    {"CopyingOddRanges", "", R"(
open f /a rw,creat 0644; open g /b rw,creat 0644; write f *5000; copy_file_range f 0 g 0 0; copy_file_range f 5000 g 0 10; copy_file_range f 4990 g 100 100; fstat g; copy_file_range f -1 g 0 10; copy_file_range f 0 g -1 10
copy_file_range f 0 g 0x7fffffffffffffff 10; copy_file_range f 0 g 0x7ffffffffffffff8 100; copy_file_range f 0x7fffffffffffffff g 0 10; close f; close g
)"},
    {"CopyingWhatMayNotBe", "", R"(
mkdir /d 0755; open d /d r,dir; open r /a r,creat 0644; open w /b w,creat 0644; open p /b w,append; write w abc; copy_file_range w 0 r 0 3; copy_file_range r 0 w 0 3; copy_file_range d 0 w 0 1; copy_file_range r 0 d 0 1; copy_file_range r 0 p 0 1
close d; close r; close w; close p
)"},
    {"CopyingOverCachedPages", "", R"(
open f /a rw,creat 0644; open g /b rw,creat 0644; write f *20000; write g *30000; pread g 30000 0; copy_file_range f 100 g 5000 10000; pread g 30000 0; fstat g; close f; close g
)"},
    {"CopyingFails", "[fail:copy_file_range=EIO]", R"(
open f /a rw,creat 0644; open g /b rw,creat 0644; write f *5000; copy_file_range f 0 g 0 5000; fstat g; close f; close g
)"},
    {"CopyingAcrossIsLeftToOthers", "[fail:copy_file_range=EXDEV]", R"(
open f /a rw,creat 0644; open g /b rw,creat 0644; write f *5000; copy_file_range f 0 g 0 100; fstat g; close f; close g
)"},
    {"CopyingTheOlderWay", "[without:copy_file_range_64]", R"(
open f /a rw,creat 0644; open g /b rw,creat 0644; write f *5000; copy_file_range f 0 g 0 100; copy_file_range f 100 g 100 100; fstat g; close f; close g
)"},
    {"CopyingByReadingAndWriting", "[without:copy_file_range]", R"(
open f /a rw,creat 0644; open g /b rw,creat 0644; write f *5000; copy_file_range f 100 g 200 1000; copy_file_range f 4990 g 0 100; fstat g; pread g 10 200; close f; close g
)"},
    {"SyncingWhatIsOpen", "", R"(
open f /a w,creat 0644; fsync f; fdatasync f; syncfs f; unlink /a; fsync f; close f; mkdir /d 0755; open d /d r; fsync d; fdatasync d; rmdir /d; fsync d; close d
)"},
    {"SyncingFails", "[fail:fsync=EIO,fsyncdir=ENOSPC]", R"(
open f /a w,creat 0644; write f x; fsync f; fdatasync f; close f; open f /a w,sync; write f abc; close f; open f /a w,dsync; pwrite f d 0; close f; open d / r,dir; fsync d; close d; stat /a
)"},
    {"SeveralBuffers", "", R"(
open f /a rw,creat 0644; writev f *10000 10,5000,0,4990; lseek f 100 set; readv f 10,0,20; lseek f 0 cur; preadv f 5000,100 4096; preadv f 100,100 9950; readv f 0; readv f -; writev f - -; pwritev f abcdef 2,4 20000
fstat f; preadv f 3 -2; pwritev f x 1 -2; close f
)"},
    {"WritesWithFlags", "", R"(
open f /a rw,creat 0644; pwritev f abc 3 0 append; pwritev f de 2 -1 append; lseek f 0 cur; pwritev f x 1 0 dsync; pwritev f y 1 1 sync; pwritev f z 1 2 sync,dsync; pwritev f q 1 0 hipri; pwritev f q 1 0 nowait; pwritev f q 1 0 atomic
pwritev f q 1 0 dontcache; pread f 20 0; setfl f append; pwritev f N 1 0 noappend; pwritev f A 1 0; pwritev f q 1 0 append,noappend; pread f 20 0; close f
)"},
    {"ReadsWithFlags", "", R"(
open f /a rw,creat 0644; write f abc; preadv f 3 0 hipri; preadv f 3 0 nowait; preadv f 3 0 append; preadv f 3 0 dsync; preadv f 3 0 sync; preadv f 3 0 atomic; preadv f 3 0 dontcache; preadv f 3 0 noappend; close f
)"},
    {"BuffersOfDirectoriesAndOthers", "", R"(
open d / r,dir; readv d 10; preadv d 10 0; writev d abc 3; close d; open f /a w,creat 0644; readv f 10; close f; open f /a r; writev f abc 3; pwritev f abc 3 0; close f; open f /a path; readv f 1; close f
)"},
    {"SeveralBuffersPastTheCache", "[open:direct_io]", R"(
open f /a rw,creat 0644; writev f *10000 10,5000,4990; lseek f 100 set; readv f 10,20; preadv f 5000,100 4096; pwritev f abcdef 2,4 20000; preadv f 100,100 19950; pwritev f x 1 0 append; pwritev f y 1 0 dsync; close f
)"},
    {"ReadingFails", "", R"(
open f /a rw,creat 0644; write f *10000; close f; open f /a r; setxattr / user.fail read=EIO; pread f 100 0; pread f 5000 4096; setxattr / user.fail -; pread f 100 0; setxattr / user.fail read=EIO; pread f 10 5000; pread f 100 0; close f
)"},
    {"ReadingFailsPastTheCache", "[open:direct_io][fail:read=EPERM]", R"(
open f /a rw,creat 0644; write f *10000; pread f 100 0; read f 100; fstat f; close f
)"},
    {"WritingFails", "", R"(
open f /a rw,creat 0644; write f *5000; setxattr / user.fail write=ENOSPC; pwrite f xyz 100; pread f 10 98; write f *5000; lseek f 0 cur; fstat f; setxattr / user.fail -; pread f 10 98; pwrite f xyz 100; pread f 10 98; close f
)"},
    {"WritingFailsPastTheCache", "[open:direct_io][fail:write=EDQUOT]", R"(
open f /a rw,creat 0644; write f *5000; fstat f; pread f 10 0; close f
)"},
    {"ShortReads", "[short:read]", R"(
open f /a rw,creat 0644; write f *10000; close f; open f /a r; pread f 100 0; fstat f; pread f 100 5000; stat /a; pread f 10000 0; close f; stat /a
)"},
    {"ShortReadsPastTheCache", "[short:read][open:direct_io]", R"(
open f /a rw,creat 0644; write f *10000; pread f 1000 0; read f 10000; fstat f; pread f 100 9990; close f
)"},
    {"ShortWrites", "[short:write]", R"(
open f /a rw,creat 0644; write f *10000; fstat f; pread f 20000 0; pwrite f *3 0; pread f 10 0; close f; stat /a
)"},
    {"ShortWritesPastTheCache", "[short:write][open:direct_io]", R"(
open f /a rw,creat 0644; write f *10000; lseek f 0 cur; fstat f; pwrite f *3 0; pread f 20000 0; close f
)"},
    {"ReadingInEveryStep", "", R"(
open f /a rw,creat 0644; write f *600000; close f; open f /a r; times 20 pread f 4096 #0000; lseek f 0 set; times 30 read f 8192; lseek f 300000 set; times 12 read f 10000; close f
)"},
    {"ReadingBackwards", "", R"(
open f /a rw,creat 0644; write f *400000; close f; open f /a r; pread f 4096 393216; pread f 4096 389120; pread f 4096 385024; pread f 4096 380928; pread f 20000 300000; pread f 20000 280000; close f
)"},
    {"ReadingByTwo", "", R"(
open f /a rw,creat 0644; write f *400000; close f; open f /a r; open g /a r; read f 4096; read g 4096; read f 4096; lseek g 200000 set; read g 4096; read f 4096; read g 4096; read f 20000; read g 20000; read f 50000; close f; close g
)"},
    {"ReadingAgain", "", R"(
open f /a rw,creat 0644; write f *300000; close f; open f /a r; read f 300000; lseek f 0 set; read f 300000; fstat f; pread f 10 100000; close f; open f /a r; pread f 10 100000; pread f 10 0; close f
)"},
    {"ReadingWithoutReadahead", "[readahead:0]", R"(
open f /a rw,creat 0644; write f *50000; close f; open f /a r; read f 100; read f 5000; read f 20000; pread f 4096 40960; close f
)"},
    {"ReadingWithLittleReadahead", "[readahead:16384]", R"(
open f /a rw,creat 0644; write f *200000; close f; open f /a r; times 10 read f 4096; read f 30000; pread f 4096 150000; pread f 4096 154096; pread f 60000 90000; close f
)"},
    {"ReadingWithMuchReadahead", "[readahead:1048576]", R"(
open f /a rw,creat 0644; write f *500000; close f; open f /a r; times 10 read f 4096; read f 200000; pread f 4096 400000; close f
)"},
    {"WritingLittleAtATime", "[max_write:4096]", R"(
open f /a rw,creat 0644; write f *10000; pwrite f *5000 100; pread f 20000 0; fstat f; close f
)"},
    {"WritingAFewPagesAtATime", "[max_write:65536]", R"(
open f /a rw,creat 0644; write f *200000; pwrite f *70000 100; pread f 70000 0; pread f 150000 0; close f; open f /a r,direct; pread f 150000 0; close f
)"},
    {"FewPagesPastTheCache", "[open:direct_io][refuse:max_pages]", R"(
open f /a rw,creat 0644; write f *300000; pread f 300000 0; pread f 300000 100; pwrite f *200000 1; close f
)"},
    {"LittleAtATimePastTheCache", "[open:direct_io][max_write:4096]", R"(
open f /a rw,creat 0644; write f *10000; pread f 10000 0; pread f 5000 100; pwrite f *5000 5; close f
)"},
    {"AFileOfWholePages", "", R"(
open f /a rw,creat 0644; write f *8192; close f; open f /a r; read f 8192; read f 1; pread f 4096 8192; pread f 8192 4096; close f; truncate /a 4096; open f /a r; read f 8192; close f
)"},
    {"DirectReadsAndWrites", "", R"(
open f /a rw,creat,direct 0644; write f *10000; pread f 100 50; pread f 5000 9000; pread f 10 10000; pread f 10 20000; pwrite f xyz 4095; pread f 10 4090; pwrite f *4096 20480; fstat f; pread f 30000 0; ftruncate f 100; pread f 200 0; close f
)"},
    {"DirectAndCached", "", R"(
open f /a rw,creat 0644; write f *10000; open g /a rw,direct; pread g 10 0; pread f 10000 0; pwrite g CHANGED 5000; pread f 10 4998; pwrite f AGAIN 5000; pread g 10 4998; pread f 10 0; close f; close g
)"},
    {"DirectWithoutAsynchrony", "[refuse:async_dio]", R"(
open f /a rw,creat,direct 0644; write f *10000; pread f 100 50; pread f 5000 9000; pread f 10 10000; pread f 20000 0; pwrite f *5000 8000; fstat f; close f
)"},
    {"DirectAndAppending", "", R"(
open f /a rw,creat,direct,append 0644; write f abc; write f def; pread f 10 0; pwrite f x 0; fstat f; close f; open f /a w,direct,sync; write f abc; close f
)"},
    {"DirectWritesFail", "[fail:write=EDQUOT]", R"(
open f /a rw,creat,direct 0644; write f *5000; fstat f; pread f 10 0; pwrite f x 0; setxattr / user.fail -; write f *100; setxattr / user.fail write=EIO; pwrite f x 0; pwrite f *200 50; fstat f; close f
)"},
    {"DirectWritesDropPagesFirst", "", R"(
open f /a rw,creat 0644; open g /a rw,direct; write f *12000; pread f 12000 0; setxattr / user.fail write=EIO; pwrite g xyz 5000; setxattr / user.fail -; pread f 12000 0; close f; close g
)"},
    {"DirectWritesDropPagesFirstPastTheCache", "[open:direct_io]", R"(
open f /a rw,creat 0644; write f *12000; setxattr / user.fail write=EIO; pwrite f xyz 5000; fstat f; setxattr / user.fail -; pread f 12000 0; close f
)"},
    {"DirectRequestsAreSentAtOnce", "[refuse:max_pages]", R"(
open f /a rw,creat,direct 0644; write f *400000; setxattr / user.fail write=EIO; pwrite f *300000 0; pwrite f *300000 300000; fstat f; setxattr / user.fail read=EPERM; pread f 300000 0; setxattr / user.fail -; pread f 300000 200000; close f
)"},
    {"DirectRequestsAreSentInTurn", "[refuse:max_pages,async_dio]", R"(
open f /a rw,creat,direct 0644; write f *400000; setxattr / user.fail write=EIO; pwrite f *300000 0; pwrite f *300000 300000; fstat f; setxattr / user.fail read=EPERM; pread f 300000 0; setxattr / user.fail -; pread f 300000 200000; close f
)"},
    {"DirectRequestsThatFallShort", "[refuse:max_pages][short:read]", R"(
open f /a rw,creat,direct 0644; write f *400000; pread f 300000 0; pread f 1000 100; fstat f; close f
)"},
    {"DirectWritesThatFallShort", "[refuse:max_pages][short:write]", R"(
open f /a rw,creat,direct 0644; write f *300000; fstat f; write f *1000; fstat f; close f; setxattr / user.x y; open f /a rw,direct; pwrite f *1000 0; fstat f; close f
)"},
};

}  // namespace

std::span<const Script> scripts_on_data() {
  return kScripts;
}

}  // namespace fusereplay::testing

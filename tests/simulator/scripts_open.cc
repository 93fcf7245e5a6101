// Opening: flags and what they do.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"OpeningWithTruncation", "", R"(
open f /a rw,creat 0644
write f *10000
close f
open f /a w,trunc
fstat f
close f
open f /a rw,creat,trunc 0644
write f abc
close f
stat /a
)"},
    {"Duplicates", "", R"(
open f /a rw,creat 0644
dup g f
write f abc
write g def
close f
pread g 10 0
close g
close g
)"},
    {"AccessModes", "", R"(
open f /a w,creat 0644
read f 10
close f
open f /a r
write f x
ftruncate f 0
close f
open f /a path
fstat f
read f 10
close f
)"},
    {"FilesWithoutAName", "", R"(
open f / rw,tmpfile 0600
write f hello
fstat f
open g / r,tmpfile 0600
stat /
close f
)"},
    {"OpenWithFlags", "", R"(
open f /a rw,creat,sync 0644
write f abc
close f
open f /a rw,direct
pread f 4096 0
close f
open f /a r,nofollow
read f 10
close f
symlink a /l
open f /l r
read f 10
close f
open f /l r,nofollow
open f /l path,nofollow
fstat f
close f
open f /l rw,creat,excl 0644
symlink none /dangling
open f /dangling r
open f /dangling rw,creat 0644
close f
stat /none
)"},
    {"AppendingIsSetLater", "", R"(
open f /a rw,creat 0644; write f abc; setfl f append; getfl f; pwrite f xy 0; write f z
setfl f -; getfl f; pwrite f Q 0; pread f 20 0; close f
)"},
    {"OtherStatusFlags", "", R"(
open f /a rw,creat 0644; setfl f append,nonblock,noatime; getfl f; setfl f sync,trunc,w; getfl f
as 1000 1000; setfl f -; setfl f noatime; setfl f nonblock; getfl f; close f
)"},
    {"DirectIsSetLater", "", R"(
open f /a rw,creat 0644; write f *9000; setfl f direct; pread f 100 4000; pwrite f xyz 5; setfl f -; pread f 10 0
pread f 10 8995; close f; open d / r,dir; setfl d direct; setfl d append; getfl d; close d
)"},
    {"OpenForNeither", "", R"(
open f /a rw,creat 0644; write f abc; close f; open f /a neither; getfl f
read f 10; write f x; fstat f; ftruncate f 1; fsync f; lseek f 0 end; fchmod f 0600; close f
)"},
    {"DirectoriesAreOpenedForReadingOnly", "", R"(
mkdir /d 0755; open f /d rw; open f /d w; open f /d r,trunc; open f /d r,append; getfl f; close f
open f /d r,creat; open f /d r,creat,dir; open f /new r,creat,dir 0644; stat /new; open f /d/ r,creat; open f /new/ rw,creat 0644
)"},
    {"FilesAreNoDirectories", "", R"(
open f /a rw,creat 0644; close f; open f /a r,dir; open f /a/ r; open f /a/. r; open f /a/.. r; open f /a path,dir
)"},
    {"PathOnlyDoesNothingElse", "", R"(
open f /a rw,creat 0644; write f abc; close f
open f /a path,trunc,append,w; getfl f; fstat f; fstatvfs f; close f; stat /a
open f /none path,creat 0644; open f /a path,creat,excl; close f
open d / path,dir; openat f d a r; read f 10; close f; close d
)"},
    {"NothingButLookingByPathOnly", "", R"(
open g /a rw,creat 0644; open f /a path
read f 1; write f x; pread f 1 0; lseek f 0 set; fsync f; syncfs f; ftruncate f 0; fallocate f - 0 10; fchmod f 0600
fchown f 1 1; futimens f now now; fsetxattr f user.x y; fgetxattr f user.x; flistxattr f; fremovexattr f user.x
copy_file_range f 0 g 0 10; setfl f append; getdents f; dup h f; fstat h; close h; close f; close g
)"},
    {"PathOnlyOfASymbolicLink", "", R"(
symlink none /l; open f /l path,nofollow; fstat f; close f; open f /l path; open f /l r,nofollow; open f /l w,nofollow
open f /l/ path,nofollow
)"},
    {"LinksToDirectories", "", R"(
mkdir /d 0755; symlink d /l; open f /l r,dir; close f; open f /l r,dir,nofollow; open f /l/ r,nofollow; getdents f; close f
open f /l/ w; open f /l rw,creat 0644
)"},
    {"CreatingThroughLinks", "", R"(
mkdir /d 0755; symlink d/new /l; symlink /d/abs /m; symlink l /twice; symlink none/new /n
open f /l rw,creat 0644; close f; open f /m rw,creat,excl 0644; open f /m rw,creat 0644; close f
open f /twice rw,creat,trunc 0600; close f; open f /n rw,creat 0644; stat /d/new; stat /d/abs
symlink d/ /o; open f /o rw,creat 0644; symlink new2/ /p; open f /p rw,creat 0644; stat /new2
)"},
    {"FilesWithoutANameGetOne", "", R"(
open f / rw,tmpfile 0640; write f hello; fstat f; flink f /named; fstat f; flink f /second; stat /named; stat /second
open g /named r; read g 10; unlink /named; unlink /second; flink f /third; fstat g; close g; close f
)"},
    {"ExclusiveFilesWithoutANameKeepNone", "", R"(
open f / rw,tmpfile,excl 0600; flink f /named; stat /named; fstat f; close f
)"},
    {"FilesWithoutANameNeedADirectory", "", R"(
open f /a rw,creat 0644; close f; open f /a rw,tmpfile 0600; open f /none rw,tmpfile 0600; open f / r,tmpfile 0600
mkdir /d 0755; symlink d /l; open f /l rw,tmpfile 0600; fstat f; close f; open f /l rw,tmpfile,nofollow 0600; close f
open f /d/ w,tmpfile,trunc 0600; write f x; read f 1; close f; open f /d rw,tmpfile,creat 0600; open f /a/x rw,tmpfile 0600
)"},
    {"ModesOfFilesWithoutAName", "", R"(
umask 027; open f / rw,tmpfile 0666; fstat f; close f; umask 0; open f / rw,tmpfile 06777; fstat f; close f
as 1000 1000; open f / rw,tmpfile 0600; fstat f; close f
)"},
    {"NoatimeIsForOwners", "", R"(
open f /a rw,creat 0666; close f; as 1000 1000; open f /a r,noatime; open f /a r; close f
as 0 0; chown /a 1000 1000; as 1000 1000; open f /a r,noatime; getfl f; read f 1; close f
)"},
    {"DirectoriesTakeNoDirectIo", "", R"(
mkdir /d 0755; open d /d r,dir,direct; open d /d r,direct; open d /d path,direct; fstat d; close d; rmdir /d
)"},
    {"WritesThatWaitForTheDisk", "", R"(
open f /a w,creat,dsync 0644; write f abc; pwrite f d 10; close f; open f /a w,sync; write f abc; setfl f append; write f x
close f; open f /a w,sync,append; write f tail; fsync f; close f
)"},
    {"FlagsThatGoNoFurther", "", R"(
open f /a rw,creat,cloexec,noctty,nonblock 0644; getfl f; close f; open f /a r,cloexec; getfl f; close f
open f /a w,excl; getfl f; close f; open f /a r,noctty,nonblock,noatime; getfl f; close f
)"},
    {"TruncatedByAReader", "", R"(
open f /a rw,creat 0644; write f *6000; close f; open f /a r,trunc; fstat f; read f 10; close f
open f /a r,creat,trunc; close f; stat /a
)"},
    {"TruncatedWhileOpen", "", R"(
open f /a rw,creat 0644; write f *6000; open g /a w,trunc; pread f 10 0; fstat f; write g xyz; pread f 10 0; close g; close f
)"},
    {"SeveralOpensOfOneFile", "", R"(
open f /a rw,creat 0644; open g /a r; open h /a w,append; write f one; read g 10; write h two; read g 10; fstat f
close f; read g 10; pread g 10 0; close h; close g
)"},
    {"SharedPositions", "", R"(
open f /a rw,creat 0644; write f *100; dup g f; lseek f 10 set; read g 5; read f 5; lseek g 0 cur; close f; read g 5; close g
)"},
    {"ClosedAndUnknownDescriptors", "", R"(
open f /a rw,creat 0644; close f; close f; read f 1; write f x; pread f 1 0; pwrite f x 0; lseek f 0 set; fstat f; fsync f
fdatasync f; syncfs f; ftruncate f 0; fallocate f - 0 1; fchmod f 0600; fchown f 1 1; futimens f now now; fstatvfs f
getdents f; dup g f; fgetxattr f user.x; flink f /b; copy_file_range f 0 f 0 1; getfl f; setfl f append; openat g f x r
)"},
    {"DescriptorsOfDirectories", "", R"(
mkdir /d 0755; open d /d r,dir; read d 10; pread d 10 0; write d x; ftruncate d 0; fallocate d - 0 10; lseek d 0 end
lseek d -1 set; lseek d 5 cur; lseek d 0 data; lseek d 0 hole; fsync d; fdatasync d; syncfs d; fchmod d 0700; fchown d 0 0
futimens d 1000 2000; fstat d; fstatvfs d; fsetxattr d user.x y; fgetxattr d user.x; close d
)"},
    {"OpeningWhatIsNoFile", "", R"(
mknod /fifo 0010644; mknod /sock 0140644; mknod /chr 0020644 0x103; mknod /blk 0060644 0x103
open f /fifo w,nonblock; open f /sock r; open f /sock rw; open f /chr r; open f /blk rw; open f /chr path; fstat f; close f
open f /sock path; fstat f; close f; open f /fifo r,dir; truncate /fifo 0; truncate /chr 0
)"},
    {"RelativeToADirectory", "", R"(
mkdir /d 0755; mkdir /d/e 0755; open d /d/e r,dir; openat f d new rw,creat 0644; write f x; close f; openat f d ../other w,creat 0644
close f; openat f d . r,dir; close f; openat f d .. r; close f; openat f d /d/other r; close f; openat f d - r
openat f d none r; rename /d/e /moved; openat f d new r; read f 1; close f; close d
)"},
    {"RelativeToWhatIsNoDirectory", "", R"(
open f /a rw,creat 0644; openat g f b r; openat g f /a r; close g; openat g none b r; openat g none /a r; close g; close f
)"},
    {"RelativeToARemovedDirectory", "", R"(
mkdir /d 0755; open d /d r,dir; rmdir /d; openat f d new rw,creat 0644; openat f d none r; openat f d . r,dir; fstat f; close f
openat f d .. r,dir; openat f d - rw,tmpfile 0600; close d
)"},
    {"CreationIsRefused", "[fail:create=EACCES]", R"(
open f /a rw,creat 0644; open f /a rw,creat,excl 0644; stat /a; open f / rw,tmpfile 0600; close f
)"},
    {"CreationFindsNoSpace", "[fail:create=ENOSPC,tmpfile=ENOSPC]", R"(
stat /negative; open f /negative rw,creat 0644; open f /negative rw,creat 0644; open f / rw,tmpfile 0600
)"},
    {"CreationFindsTheName", "[fail:create=EEXIST]", R"(
open f /negative rw,creat 0644; open f /negative rw,creat 0644; open f /a rw,creat,excl 0644; mkdir /a 0755
)"},
    {"OpeningIsRefused", "[fail:open=EACCES]", R"(
open f /a rw,creat 0644; write f x; close f; open f /a r; open f /a w,trunc; open f /a path; close f; stat /a
)"},
    {"OpeningRunsOutOfFiles", "[without:create][fail:open=ENFILE]", R"(
open f /a rw,creat 0644; open f /a rw,creat 0644; stat /a
)"},
    {"DirectoriesCannotBeOpened", "[fail:opendir=EACCES]", R"(
mkdir /d 0755; open d /d r,dir; open d / r; open d /d path; fstat d; close d
)"},
    {"MakingANodeFailsWhereCreationIsLacking", "[without:create][fail:mknod=EDQUOT]", R"(
open f /a rw,creat 0644; mknod /b 0100644; mkdir /d 0755; open f /d/a rw,creat,excl 0644
)"},
    {"TruncationAtOpenIsRefused", "[fail:setattr=EPERM]", R"(
open f /a rw,creat 0644; write f abc; close f; open f /a rw,trunc; stat /a; open f /a rw; ftruncate f 0; pread f 5 0; close f
)"},
    {"TruncationAtOpenIsRefusedAtOnce", "[want:atomic_o_trunc][fail:setattr=EPERM]", R"(
open f /a rw,creat 0644; write f abc; close f; open f /a rw,trunc; fstat f; write f x; close f; open f /a r,trunc; fstat f; close f
open f /a rw,creat,trunc 0644; fstat f; close f
)"},
    {"FilesThatCannotSeek", "[open:nonseekable]", R"(
open f /a rw,creat 0644; write f abc; lseek f 0 set; lseek f 0 cur; pread f 3 0; pwrite f x 0; write f def; close f
open f /a r; read f 2; read f 2; lseek f 0 end; readv f 1,1; preadv f 1,1 0; fstat f; copy_file_range f 0 f 10 1; close f
)"},
    {"FilesThatAreStreams", "[open:stream]", R"(
open f /a rw,creat 0644; write f abc; write f de; lseek f 0 set; pread f 3 0; pwrite f x 0; close f; open f /a r; read f 2
read f 2; fstat f; close f; open f /a rw,append; write f end; read f 10; close f
)"},
    {"StreamsPastTheCache", "[open:stream,direct_io]", R"(
open f /a rw,creat 0644; write f abc; write f de; pread f 3 0; close f; open f /a r; read f 2; read f 2; close f
)"},
    {"DirectoriesThatCannotSeek", "[opendir:nonseekable]", R"(
mkdir /d 0755; mkdir /d/a 0755; open d /d r,dir; getdents d; lseek d 0 set; getdents d; close d
)"},
    {"FlushIsSkippedForSome", "[open:noflush]", R"(
open f /a rw,creat 0644; dup g f; write f x; close f; write g y; close g; open d / r,dir; close d
)"},
    {"FlushFails", "[fail:flush=EIO]", R"(
open f /a rw,creat 0644; write f x; dup g f; close f; close g; stat /a; open f /a r; close f
)"},
    {"ParallelDirectWrites", "[open:direct_io,parallel_direct_writes]", R"(
open f /a rw,creat 0644; write f *9000; pwrite f *5000 100; pwrite f *5000 8000; fstat f; setfl f append; write f x
pread f 20000 0; close f; open f /a rw,append; write f y; fstat f; close f
)"},
    {"KeptPagesServeTheNextOpen", "[open:keep_cache]", R"(
open f /a rw,creat 0644; write f *5000; close f; open f /a r; read f 5000; close f; open f /a r; read f 5000; close f
setxattr /a user.behind OTHER; open f /a r; read f 10; close f
)"},
    {"DroppedPagesAreReadAgain", "", R"(
open f /a rw,creat 0644; write f *5000; close f; open f /a r; read f 5000; open g /a r; read g 5000; close g; close f
setxattr /a user.behind OTHER; open f /a r; read f 10; close f
)"},
    {"StaleCreationIsTriedAgain", "[fail:create=ESTALE]", R"(
open f /a rw,creat 0644; open f /a rw,creat,excl 0644
)"},
    {"StaleOpenIsTriedAgain", "[fail:open=ESTALE]", R"(
mknod /a 0100644; open f /a r; open f /a rw,trunc
)"},
};

}  // namespace

std::span<const Script> scripts_on_open() {
  return kScripts;
}

}  // namespace fusereplay::testing

// ioctl(2): what the VFS answers, the flags of files, and what goes to the filesystem.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"IoctlsOfTheVfsOnFiles", "[ioctl]", R"(
open f /a rw,creat 0644; write f *5000; ioctl f fionread; lseek f 100 set; ioctl f fionread; lseek f 9000 set; ioctl f fionread; ioctl f figetbsz; ioctl f fioqsize; ioctl f fioclex; ioctl f fionclex; ioctl f fibmap =0; ioctl f fibmap =7; ioctl f fibmap =-1
ioctl f fiemap *32; ioctl f fifreeze; ioctl f fithaw; ioctl f fioasync =0; ioctl f fioasync =1; ioctl f fionbio =1; getfl f; ioctl f fionbio =0; getfl f; close f
)"},
    {"IoctlsOfTheVfsOnDirectories", "[ioctl]", R"(
mkdir /d 0755; open d /d r,dir; ioctl d fionread; ioctl d figetbsz; ioctl d fioqsize; ioctl d fibmap =0; ioctl d fiemap *32; ioctl d fionbio =1; getfl d; ioctl d fifreeze; ioctl d resvsp *48; close d
)"},
    {"IoctlsOfTheVfsByOthers", "[ioctl]", R"(
open f /a rw,creat 0666; chmod /a 0666; as 1000 1000; ioctl f fibmap =0; ioctl f fifreeze; ioctl f fithaw; ioctl f fionread; ioctl f io:5 @1; close f; as 0 0
)"},
    {"IoctlsWithoutMemory", "[ioctl]", R"(
open f /a rw,creat 0644; ioctl f fionread @0; ioctl f fionbio @1; ioctl f figetbsz @0; ioctl f getflags @0; ioctl f setflags @0; ioctl f fsgetxattr @0; ioctl f fssetxattr @0; ioctl f iow:5:16 @1; ioctl f ior:5:16 @1; ioctl f ior:150:0 @1; close f
)"},
    {"IoctlsOfWhatIsNotOpen", "[ioctl]", R"(
ioctl f fionread; ioctl f io:5 @1; open f /a rw,creat 0644; close f; open f /a path; ioctl f io:5 @1; ioctl f getflags; ioctl f fioclex; close f
)"},
    {"IoctlsThatCarryNothing", "[ioctl]", R"(
open f /a rw,creat 0644; ioctl f io:0 @0; ioctl f io:7 @12345; ioctl f io:200 @1; ioctl f io:201 @1; ioctl f io:213 @1; ioctl f io:238 @1; ioctl f io:225 @1; close f
)"},
    {"IoctlsThatBringData", "[ioctl]", R"(
open f /a rw,creat 0644; ioctl f iow:5:16 hello; ioctl f iow:6:1 x; ioctl f iow:7:5000 *5000; ioctl f iow:8:16383 *16383; ioctl f iow:9:0; close f
)"},
    {"IoctlsThatTakeData", "[ioctl]", R"(
open f /a rw,creat 0644; ioctl f ior:5:16; ioctl f ior:6:1; ioctl f ior:7:5000; ioctl f ior:8:16383; ioctl f ior:150:100; ioctl f ior:213:8; close f
)"},
    {"IoctlsThatDoBoth", "[ioctl]", R"(
open f /a rw,creat 0644; ioctl f iowr:5:16 abcdefgh; ioctl f iowr:7:5000 *5000; ioctl f iowr:150:64 *64; ioctl f iowr:213:8 x; unlink /a; ioctl f iowr:5:3 abc; close f
)"},
    {"IoctlsBeyondTheRequest", "[ioctl][refuse:max_pages]", R"(
open f /a rw,creat 0644; ioctl f iowr:8:16383 *16383; close f
)"},
    {"IoctlsOfDirectories", "[ioctl]", R"(
open d / r,dir; ioctl d io:5 @9; ioctl d iowr:6:8 abc; ioctl d getversion; ioctl d fionread; close d; mkdir /d 0755; open d /d r,dir; rmdir /d; ioctl d iowr:6:8 abc; close d
)"},
    {"IoctlsNobodyKnows", "", R"(
open f /a rw,creat 0644; ioctl f io:5 @1; ioctl f iowr:5:16 abc; ioctl f getversion; ioctl f getflags; ioctl f setflags =64; ioctl f fsgetxattr; ioctl f io:5 @1; close f; open d / r,dir; ioctl d io:5 @1; close d
)"},
    {"IoctlsFail", "[ioctl][fail:ioctl=EPERM]", R"(
open f /a rw,creat 0644; ioctl f io:5 @1; ioctl f iowr:5:16 abc; ioctl f getflags; ioctl f setflags =64; close f; stat /a
)"},
    {"IoctlsWithoutOpen", "[ioctl][without:open,opendir]", R"(
open f /a rw,creat 0644; close f; open f /a rw; ioctl f iowr:5:4 abcd; ioctl f getflags; ioctl f setflags =64; ioctl f getflags; close f; open d / r,dir; ioctl d io:5 @1; ioctl d getflags; close d
)"},
    {"FlagsOfFiles", "[ioctl]", R"(
open f /a rw,creat 0644; ioctl f getflags; ioctl f setflags =64; ioctl f getflags; ioctl f fsgetxattr; ioctl f setflags =0; ioctl f getflags; stat /a; close f; open f /a w; ioctl f getflags; ioctl f setflags =128; close f; open f /a r; ioctl f setflags =192; ioctl f getflags; close f
)"},
    {"FlagsOfDirectories", "[ioctl]", R"(
mkdir /d 0755; open d /d r,dir; ioctl d getflags; ioctl d setflags =64; ioctl d getflags; ioctl d fsgetxattr; close d; open d / r,dir; ioctl d getflags; close d
)"},
    {"FlagsThatOnlyRootMaySet", "[ioctl]", R"(
open f /a rw,creat 0666; chown /a 1000 1000; as 1000 1000; ioctl f setflags =16; ioctl f setflags =32; ioctl f setflags =64; ioctl f getflags; as 1001 1001; ioctl f setflags =0; ioctl f getflags; as 0 0; ioctl f setflags =96; ioctl f getflags; close f
)"},
    {"FlagsInTheLongForm", "[ioctl]", R"(
open f /a rw,creat 0644; ioctl f fsgetxattr; ioctl f fssetxattr 0x80000000; ioctl f fsgetxattr; ioctl f fssetxattr 0x8000000000000000000000000500000000000000; ioctl f fsgetxattr; ioctl f fssetxattr 0x8008000000100000; ioctl f fsgetxattr; ioctl f setflags =64; ioctl f getflags
ioctl f fssetxattr 0x0010000000100000; ioctl f fssetxattr 0x0000000000000000ffffffff00000000; ioctl f fssetxattr 0x000000000000000000000000ffffffff; ioctl f fsgetxattr; close f; open d / r,dir; ioctl d fssetxattr 0x0008000000100000; ioctl d fssetxattr 0x0010000000100000; ioctl d fsgetxattr; close d
)"},
    {"FlagsOnAMountForReading", "[ioctl][read_only]", R"(
open d / r,dir; ioctl d getflags; ioctl d setflags =64; ioctl d fssetxattr 0x80000000; ioctl d io:5 @1; close d
)"},
    {"FlagsOfWhatHasGone", "[ioctl]", R"(
open f /a rw,creat 0644; unlink /a; ioctl f getflags; ioctl f setflags =64; close f; open f /b rw,creat 0644; rename /b /c; ioctl f setflags =64; ioctl f getflags; close f
)"},
    {"FlagsOfTheSource", "[passthrough]", R"(
open f /a rw,creat 0644; ioctl f getflags; ioctl f setflags =64; ioctl f getflags; ioctl f fsgetxattr; ioctl f setflags =0; ioctl f getflags; ioctl f setflags =0x40000000; close f; mkdir /d 0755; open d /d r,dir; ioctl d setflags =128; ioctl d getflags; close d
)"},
    {"FlagsWithoutAHandle", "[ioctl][fail:open=EMFILE,opendir=ENFILE]", R"(
open f /a rw,creat 0644; ioctl f getflags; ioctl f setflags =64; ioctl f io:5 @1; close f
)"},
    {"WhatTheSuperblockSays", "[ioctl]", R"(
open f /a rw,creat 0644; ioctl f getuuid; ioctl f getsysfspath; close f
)"},
    {"ReservingTheOldWay", "", R"(
open f /a rw,creat 0644; write f *100; ioctl f resvsp 0x00000000000000000000000000000000e803000000000000; fstat f; ioctl f resvsp 0x000001000000000000000000000000000a00000000000000; ioctl f resvsp 0x000002000000000000000000000000000a00000000000000
ioctl f resvsp 0x000009000000000000000000000000000a00000000000000; ioctl f unresvsp 0x000000000000000000000000000000000a00000000000000; pread f 20 0; ioctl f zerorange 0x000000000000000014000000000000000a00000000000000; pread f 20 15; ioctl f resvsp *0; ioctl f resvsp @0; close f
)"},
    {"CloningWhatCannotBeCloned", "", R"(
open f /a rw,creat 0644; open g /b rw,creat 0644; open d / r,dir; open r /a r; write f abc; ioctl g ficlone @f; ioctl d ficlone @f; ioctl g ficlone @d; ioctl r ficlone @g; ioctl g ficlone @999; close f; close g; close d; close r
)"},
    {"MeasuringVerity", "[ioctl]", R"(
open f /a rw,creat 0644; ioctl f measureverity 0x00000000; ioctl f measureverity 0x000008004142434445464748; ioctl f measureverity @0; close f
)"},
};

}  // namespace

std::span<const Script> scripts_on_ioctl() {
  return kScripts;
}

}  // namespace fusereplay::testing

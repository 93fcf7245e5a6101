// Two and three processes in forced order.
#include "tests/simulator/stage.h"

namespace fusereplay::testing {
namespace {

constexpr ConcurrentScript kScripts[] = {
    // i_rwsem of directories.
    {"TwoMkdirsOfOneDirectory", "", "hold MKDIR\n1 mkdir /d 0755\n2 mkdir /e 0755\nlet_go MKDIR\n1\n2\n"},
    {"MkdirsOfTwoDirectories", "",
     "1 mkdir /a 0755\n1 mkdir /b 0755\nhold MKDIR\n1 mkdir /a/x 0755\n2 mkdir /b/x 0755\nlet_go MKDIR\n1\n2\n"},
    {"MkdirOfTheSameName", "", "hold MKDIR\n1 mkdir /d 0755\n2 mkdir /d 0755\nlet_go MKDIR\n1\n2\n"},
    {"UnlinkHoldsTheDirectory", "",
     "1 mknod /a 0644\nhold UNLINK\n1 unlink /a\n2 mknod /b 0644\n3 stat /b\nlet_go UNLINK\n1\n2\n3\n"},
    {"UnlinkHoldsItsVictim", "",
     "1 mknod /a 0644\n2 open f /a rw\nhold UNLINK\n1 unlink /a\n2 ftruncate f 10\nlet_go UNLINK\n1\n2\n2 close f\n"},
    {"UnlinkDoesNotHoldUpReaders", "",
     "1 open f /a rw,creat 0644\n1 write f hello\n2 open g /a r\nhold UNLINK\n1 unlink /a\n2 pread g 5 0\n"
     "let_go UNLINK\n1\n2 close g\n1 close f\n"},
    {"RmdirHoldsItsVictim", "", "1 mkdir /d 0755\nhold RMDIR\n1 rmdir /d\n2 mknod /d/x 0644\nlet_go RMDIR\n1\n2\n"},
    {"LinkHoldsItsSource", "",
     "1 mknod /a 0644\n1 mkdir /d 0755\nhold LINK\n1 link /a /d/b\n2 chmod /a 0600\n3 mknod /c 0644\nlet_go "
     "LINK\n1\n2\n3\n"},
    {"SymlinkAndCreate", "",
     "hold SYMLINK\n1 symlink target /l\n2 open f /x w,creat 0644\nlet_go SYMLINK\n1\n2\n2 close f\n"},
    {"CreateHoldsTheDirectory", "",
     "hold CREATE\n1 open f /x w,creat 0644\n2 mkdir /d 0755\nlet_go CREATE\n1\n2\n1 close f\n"},
    {"TwoCreatesOfTheSameName", "",
     "hold CREATE\n1 open f /x w,creat 0644\n2 open g /x w,creat 0644\nlet_go CREATE\n1\n2\n1 close f\n2 close g\n"},
    {"ExclusiveCreateLoses", "",
     "hold CREATE\n1 open f /x w,creat 0644\n2 open g /x w,creat,excl 0644\nlet_go CREATE\n1\n2\n1 close f\n"},
    {"MknodThenOpenOfIt", "", "hold MKNOD\n1 mknod /x 0644\n2 open f /x r\nlet_go MKNOD\n1\n2\n2 close f\n"},
    // Renames.
    {"RenamesBetweenDirectories", "",
     "1 mkdir /a 0755\n1 mkdir /b 0755\n1 mkdir /c 0755\n1 mkdir /d 0755\n1 mknod /a/x 0644\n1 mknod /c/x 0644\n"
     "hold RENAME2\nhold RENAME\n1 rename /a/x /b/x\n2 rename /c/x /d/x\nlet_go RENAME\nlet_go RENAME2\n1\n2\n"},
    {"RenamesWithinTwoDirectories", "",
     "1 mkdir /a 0755\n1 mkdir /c 0755\n1 mknod /a/x 0644\n1 mknod /c/x 0644\n"
     "hold RENAME\n1 rename /a/x /a/y\n2 rename /c/x /c/y\nlet_go RENAME\n1\n2\n"},
    {"RenameHoldsBothDirectories", "",
     "1 mkdir /a 0755\n1 mkdir /b 0755\n1 mknod /a/x 0644\nhold RENAME\n1 rename /a/x /b/x\n2 mknod /a/n 0644\n"
     "3 mknod /b/n 0644\nlet_go RENAME\n1\n2\n3\n"},
    {"RenameHoldsItsFile", "",
     "1 mknod /a 0644\n2 open f /a rw\nhold RENAME\n1 rename /a /b\n2 ftruncate f 5\nlet_go RENAME\n1\n2\n2 close f\n"},
    {"RenameHoldsWhatItReplaces", "",
     "1 mknod /a 0644\n1 mknod /b 0644\n2 open f /b rw\nhold RENAME\n1 rename /a /b\n2 ftruncate f 5\nlet_go "
     "RENAME\n1\n2\n"
     "2 close f\n"},
    {"RenameOfADirectoryWithinItsParent", "",
     "1 mkdir /d 0755\nhold RENAME\n1 rename /d /e\n2 mknod /d/x 0644\nlet_go RENAME\n1\n2\n"},
    {"RenameOfADirectoryElsewhere", "",
     "1 mkdir /d 0755\n1 mkdir /e 0755\nhold RENAME\n1 rename /d /e/d\n2 mknod /d/x 0644\nlet_go RENAME\n1\n2\n"},
    {"ExchangeHoldsBothFiles", "",
     "1 mknod /a 0644\n1 mknod /b 0644\n2 open f /a rw\n3 open g /b rw\nhold RENAME2\n1 rename /a /b exchange\n"
     "2 ftruncate f 5\n3 ftruncate g 5\nlet_go RENAME2\n1\n2\n3\n2 close f\n3 close g\n"},
    // Lookups and listings.
    {"LookupsOfOneNameAreOne", "", "hold LOOKUP\n1 stat /x\n2 stat /x\nlet_go LOOKUP\n1\n2\n"},
    {"LookupsOfOneNameAreOneWithParallelDirops", "[want:parallel]",
     "hold LOOKUP\n1 stat /x\n2 stat /x\nlet_go LOOKUP\n1\n2\n"},
    {"LookupsOfTwoNamesWithParallelDirops", "[want:parallel]",
     "hold LOOKUP\n1 stat /x\n2 stat /y\nlet_go LOOKUP\n1\n2\n"},
    {"LookupsOfTwoNamesWithout", "[refuse:parallel]", "hold LOOKUP\n1 stat /x\n2 stat /y\nlet_go LOOKUP\n1\n2\n"},
    {"LookupsOfTwoDirectoriesWithout", "[refuse:parallel]",
     "1 mkdir /a 0755\n1 mkdir /b 0755\nhold LOOKUP\n1 stat /a/x\n2 stat /b/y\nlet_go LOOKUP\n1\n2\n"},
    {"LookupAndMkdir", "", "hold LOOKUP\n1 stat /x\n2 mkdir /y 0755\nlet_go LOOKUP\n1\n2\n"},
    {"MkdirAndLookup", "", "hold MKDIR\n1 mkdir /y 0755\n2 stat /x\nlet_go MKDIR\n1\n2\n"},
    {"RevalidationHoldsNothing", "[uncached]",
     "1 mknod /a 0644\nhold MKDIR\n1 mkdir /d 0755\n2 stat /a\nlet_go MKDIR\n1\n2\n"},
    {"RevalidationsOfOneNameAreMany", "[uncached]",
     "1 mknod /a 0644\nhold LOOKUP\n1 stat /a\n2 stat /a\nlet_go LOOKUP\n1\n2\n"},
    {"ListingsOfOneDirectory", "[want:parallel]",
     "1 mkdir /d 0755\n1 mknod /d/x 0644\n1 open f /d r,dir\n2 open g /d r,dir\nhold READDIRPLUS\nhold READDIR\n"
     "1 getdents f\n2 getdents g\n3 mknod /d/y 0644\nlet_go READDIRPLUS\nlet_go READDIR\n1\n2\n3\n1 close f\n2 close "
     "g\n"},
    {"ListingsOfOneDirectoryWithoutParallelDirops", "[refuse:parallel]",
     "1 mkdir /d 0755\n1 mknod /d/x 0644\n1 open f /d r,dir\n2 open g /d r,dir\nhold READDIRPLUS\nhold READDIR\n"
     "1 getdents f\n2 getdents g\nlet_go READDIRPLUS\nlet_go READDIR\n1\n2\n1 close f\n2 close g\n"},
    {"ListingWaitsForUnlink", "",
     "1 mkdir /d 0755\n1 mknod /d/x 0644\n2 open g /d r,dir\nhold UNLINK\n1 unlink /d/x\n2 getdents g\nlet_go "
     "UNLINK\n1\n2\n"
     "2 close g\n"},
    {"OpendirDoesNotWait", "",
     "1 mkdir /d 0755\n1 mknod /d/x 0644\nhold UNLINK\n1 unlink /d/x\n2 open g /d r,dir\nlet_go UNLINK\n1\n2 close "
     "g\n"},
    {"FsyncdirWaitsForMkdir", "",
     "1 mkdir /d 0755\n2 open g /d r,dir\nhold MKDIR\n1 mkdir /d/x 0755\n2 fsync g\nlet_go MKDIR\n1\n2\n2 close g\n"},
    {"ChmodOfTheDirectoryWaitsForMkdir", "",
     "1 mkdir /d 0755\nhold MKDIR\n1 mkdir /d/x 0755\n2 chmod /d 0700\nlet_go MKDIR\n1\n2\n"},
    {"GetattrDoesNotWait", "[attr:none]",
     "1 mkdir /d 0755\nhold MKDIR\n1 mkdir /d/x 0755\n2 stat /d\nlet_go MKDIR\n1\n"},
    {"TmpfileHoldsNothing", "",
     "1 mkdir /d 0755\nhold TMPFILE\n1 open f /d w,tmpfile 0600\n2 mkdir /d/x 0755\nlet_go TMPFILE\n1\n1 close f\n"},
    // Files.
    {"WritesOfOneFile", "",
     "1 open f /a rw,creat 0644\n2 open g /a rw\nhold WRITE\n1 pwrite f one 0\n2 pwrite g two 3\nlet_go WRITE\n1\n2\n"
     "1 close f\n2 close g\n"},
    {"DirectWritesOfOneFile", "[open:direct_io]",
     "1 open f /a rw,creat 0644\n2 open g /a rw\nhold WRITE\n1 pwrite f one 0\n2 pwrite g two 3\nlet_go WRITE\n1\n2\n"
     "1 close f\n2 close g\n"},
    {"ParallelDirectWrites", "[open:direct_io,parallel_direct_writes]",
     "1 open f /a rw,creat 0644\n1 pwrite f 0123456789 0\n2 open g /a rw\nhold WRITE\n1 pwrite f one 0\n2 pwrite g two "
     "3\n"
     "let_go WRITE\n1\n2\n1 close f\n2 close g\n"},
    {"ParallelDirectWritesThatExtend", "[open:direct_io,parallel_direct_writes]",
     "1 open f /a rw,creat 0644\n2 open g /a rw\nhold WRITE\n1 pwrite f one 0\n2 pwrite g two 3\n"
     "let_go WRITE\n1\n2\n1 close f\n2 close g\n"},
    {"TruncateWaitsForWrite", "",
     "1 open f /a rw,creat 0644\nhold WRITE\n1 pwrite f data 0\n2 truncate /a 2\nlet_go WRITE\n1\n2\n1 close f\n"},
    {"FsyncWaitsForWrite", "",
     "1 open f /a rw,creat 0644\n2 open g /a rw\nhold WRITE\n1 pwrite f data 0\n2 fsync g\nlet_go WRITE\n1\n2\n1 close "
     "f\n2 close g\n"},
    {"FallocateWaitsForSetattr", "",
     "1 open f /a rw,creat 0644\nhold SETATTR\n2 truncate /a 2\n1 fallocate f - 0 10\nlet_go SETATTR\n2\n1\n1 close "
     "f\n"},
    {"SetxattrWaitsForChmod", "",
     "1 mknod /a 0644\nhold SETATTR\n1 chmod /a 0600\n2 setxattr /a user.x value\nlet_go SETATTR\n1\n2\n"},
    {"GetxattrDoesNotWait", "",
     "1 mknod /a 0644\n1 setxattr /a user.x value\nhold SETATTR\n1 chmod /a 0600\n2 getxattr /a user.x\nlet_go "
     "SETATTR\n1\n"},
    {"ReadersOfOnePage", "",
     "1 open f /a rw,creat 0644\n1 pwrite f hello 0\n1 close f\n1 open f /a r\n2 open g /a r\nhold READ\n1 pread f 5 "
     "0\n"
     "2 pread g 5 0\nlet_go READ\n1\n2\n1 close f\n2 close g\n"},
    {"DirectReadsDoNotWait", "[open:direct_io]",
     "1 open f /a rw,creat 0644\n1 pwrite f hello 0\n2 open g /a r\nhold READ\n1 pread f 5 0\n2 pread g 5 0\nlet_go "
     "READ\n1\n2\n"
     "1 close f\n2 close g\n"},
    {"ReadBesideWrite", "[open:direct_io]",
     "1 open f /a rw,creat 0644\n1 pwrite f hello 0\n2 open g /a r\nhold WRITE\n1 pwrite f HELLO 0\n2 pread g 5 "
     "0\nlet_go WRITE\n1\n"
     "1 close f\n2 close g\n"},
    {"FlushOfOneBesideAnother", "",
     "1 open f /a rw,creat 0644\n2 open g /a rw\nhold FLUSH\n1 close f\n2 close g\nlet_go FLUSH\n1\n2\n"},
    {"UnlinkBeforeRelease", "",
     "1 open f /a rw,creat 0644\nhold RELEASE\n1 close f\n2 unlink /a\nlet_go RELEASE\n2 stat /a\n"},
    // Signals.
    {"SignalMakesAnInterrupt", "", "hold MKDIR\n1 mkdir /d 0755\nsignal 1\nlet_go MKDIR\n1\n"},
    {"SecondSignalMakesNone", "", "hold MKDIR\n1 mkdir /d 0755\nsignal 1\nsignal 1\nlet_go MKDIR\n1\n"},
    {"SignalInALockWaits", "", "hold MKDIR\n1 mkdir /d 0755\n2 mkdir /e 0755\nsignal 2\nfree let_go MKDIR\n1\n2\n"},
    {"SignalOfAFlush", "", "1 open f /a w,creat 0644\nhold FLUSH\n1 close f\nsignal 1\nlet_go FLUSH\n1\n"},
    {"SignalOfARead", "[open:direct_io]",
     "1 open f /a rw,creat 0644\n1 pwrite f hello 0\nhold READ\n1 pread f 5 0\nsignal 1\nlet_go READ\n1\n1 close f\n"},
    {"KillOfWhoWaits", "", "hold MKDIR\n1 mkdir /d 0755\nkill 1\nlet_go MKDIR\n2 stat /d\n"},
    // Locks of files.
    {"FlockOfTheServer", "[locks]",
     "1 open f /a rw,creat 0644\n2 open g /a rw\n1 flock f ex\n2 flock g ex,nb\n2 flock g sh\n1 flock f un\n2\n2 flock "
     "g un\n"
     "1 close f\n2 close g\n"},
    {"FlockOfTheKernel", "",
     "1 open f /a rw,creat 0644\n2 open g /a rw\n1 flock f ex\n2 flock g ex,nb\n2 flock g sh\n1 flock f un\n2\n2 flock "
     "g un\n"
     "1 close f\n2 close g\n"},
    {"FlockEndsWithItsFile", "[locks]",
     "1 open f /a rw,creat 0644\n2 open g /a rw\n1 flock f ex\n2 flock g ex\n1 close f\n2\n2 close g\n"},
    {"RecordLocksOfTheServer", "[locks]",
     "1 open f /a rw,creat 0644\n2 open g /a rw\n1 setlk f w 0 10\n2 setlk g r 9 1\n2 setlk g w 10 5\n2 getlk g w 0 0\n"
     "2 setlkw g r 0 1\n1 setlk f u 0 0\n2\n1 getlk f w 0 1\n1 close f\n2 close g\n"},
    {"RecordLocksOfTheKernel", "",
     "1 open f /a rw,creat 0644\n2 open g /a rw\n1 setlk f w 0 10\n2 setlk g r 9 1\n2 setlk g w 10 5\n2 getlk g w 0 0\n"
     "2 setlkw g r 0 1\n1 setlk f u 0 0\n2\n1 getlk f w 0 1\n1 close f\n2 close g\n"},
    {"RecordLocksEndWithAnyClose", "[locks]",
     "1 open f /a rw,creat 0644\n1 dup h f\n2 open g /a rw\n1 setlk f w 0 0\n2 setlkw g w 0 0\n1 close h\n2\n1 close "
     "f\n2 close g\n"},
    {"SignalEndsALockWait", "[locks]",
     "1 open f /a rw,creat 0644\n2 open g /a rw\n1 setlk f w 0 0\n2 setlkw g w 0 0\nsignal 2\n2\n1 close f\n2 close "
     "g\n"},
    {"SignalEndsALockWaitInTheKernel", "",
     "1 open f /a rw,creat 0644\n2 open g /a rw\n1 flock f ex\n2 flock g ex\nsignal 2\n2\n1 close f\n2 close g\n"},
    {"LocksOfReadOnlyFiles", "[locks]",
     "1 mknod /a 0644\n1 open f /a r\n1 setlk f w 0 0\n1 setlk f r 0 0\n1 flock f ex\n1 close f\n"},
    // Notifications.
    {"InvalEntry", "",
     "1 mknod /a 0644\n1 stat /a\nnotify inval_entry 1 a\n1 stat /a\nnotify inval_entry 1 none\nnotify inval_entry 77 "
     "a\n"
     "notify inval_entry 2 a\n"},
    {"ExpireOnly", "", "1 mknod /a 0644\n1 stat /a\nnotify expire 1 a\n1 stat /a\n"},
    {"InvalEntryOfANegative", "[negative:large]",
     "1 stat /negative\n1 stat /negative\nnotify inval_entry 1 negative\n1 stat /negative\n"},
    {"InvalEntryOfADirectoryInUse", "",
     "1 mkdir /d 0755\n1 mknod /d/x 0644\n2 open f /d/x r\nnotify inval_entry 1 d\n1 stat /d/x\n2 close f\n"},
    {"InvalInodeAttributes", "",
     "1 open f /a rw,creat 0644\n1 pwrite f hello 0\n1 close f\n1 open f /a r\n1 pread f 5 0\n1 stat /a\n1 stat /a\n"
     "notify inval_inode 2 -1 0\n1 stat /a\n1 pread f 5 0\n1 close f\n"},
    {"InvalInodePages", "",
     "1 open f /a rw,creat 0644\n1 pwrite f hello 0\n1 close f\n1 open f /a r\n1 pread f 5 0\n1 pread f 5 0\n"
     "notify inval_inode 2 0 0\n1 pread f 5 0\nnotify inval_inode 99 0 0\n1 close f\n"},
    {"Delete", "", "1 mknod /a 0644\n1 mknod /b 0644\nnotify delete 1 99 a\n1 stat /a\nnotify delete 1 3 b\n"},
    {"DeleteOfADirectory", "",
     "1 mkdir /d 0755\n1 mknod /d/x 0644\n2 open f /d/x r\nnotify delete 1 2 d\n2 close f\nnotify delete 1 2 d\n"},
    {"StoreAndRead", "",
     "1 open f /a rw,creat 0644\n1 pwrite f hello 0\n1 stat /a\nnotify store 2 0 HELLO\n1 pread f 5 0\nnotify store 1 "
     "0 x\n"
     "notify store 99 0 x\n1 close f\n"},
    {"StoreBeyondTheEnd", "", "1 open f /a rw,creat 0644\n1 stat /a\nnotify store 2 0 data\n1 stat /a\n1 close f\n"},
    {"Retrieve", "",
     "1 open f /a rw,creat 0644\n1 pwrite f hello 0\n1 pread f 5 0\nnotify retrieve 2 0 100\nnotify retrieve 2 100 1\n"
     "notify retrieve 99 0 1\n1 close f\n"},
    {"Epoch", "", "1 mknod /a 0644\n1 stat /a\nnotify epoch\n1 stat /a\n1 stat /a\n"},
    {"Prune", "", "1 mknod /a 0644\n1 stat /a\nnotify prune 2\n1 stat /a\nnotify prune 99\n"},
    {"PruneOfWhatIsOpen", "", "1 open f /a rw,creat 0644\nnotify prune 2\n1 stat /a\n1 close f\n"},
    {"InvalEntryWaitsForMkdir", "",
     "1 mknod /a 0644\n1 stat /a\nhold MKDIR\n1 mkdir /d 0755\nnotify inval_entry 1 a\nlet_go MKDIR\n1\ntold\n2 stat "
     "/a\n"},
    {"InvalEntryWaitsForLookup", "",
     "1 mknod /a 0644\nhold LOOKUP\n1 stat /x\nnotify inval_entry 1 a\nlet_go LOOKUP\n1\ntold\n"},
    {"InvalEntryBesideARevalidation", "[uncached]",
     "1 mknod /a 0644\n1 mknod /b 0644\nhold LOOKUP\n1 stat /b\nnotify inval_entry 1 a\nlet_go LOOKUP\n1\n"},
    {"ExpireWaitsToo", "", "1 mknod /a 0644\nhold MKDIR\n1 mkdir /d 0755\nnotify expire 1 a\nlet_go MKDIR\n1\ntold\n"},
    {"InvalInodeWaitsForARead", "",
     "1 open f /a rw,creat 0644\n1 pwrite f hello 0\n1 close f\n1 open f /a r\nhold READ\n1 pread f 5 0\nnotify "
     "inval_inode 2 0 0\n"
     "free let_go READ\n1\ntold\n1 close f\n"},
    {"AttributesBesideARead", "",
     "1 open f /a rw,creat 0644\n1 pwrite f hello 0\n1 close f\n1 open f /a r\nhold READ\n1 pread f 5 0\nnotify "
     "inval_inode 2 -1 0\n"
     "let_go READ\n1\n1 close f\n"},
    {"DeleteWaitsForTheChild", "",
     "1 open f /a rw,creat 0644\nhold SETATTR\n1 ftruncate f 5\nnotify delete 1 2 a\nlet_go SETATTR\n1\ntold\n1 close "
     "f\n"},
    {"InvalEntryIsNotHeldUpByFiles", "",
     "1 open f /a rw,creat 0644\nhold SETATTR\n1 ftruncate f 5\nnotify inval_entry 1 a\nlet_go SETATTR\n1\n1 close "
     "f\n"},
};

}  // namespace

std::span<const ConcurrentScript> concurrent_scripts() {
  return kScripts;
}

}  // namespace fusereplay::testing

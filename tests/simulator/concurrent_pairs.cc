#include "tests/simulator/concurrent_pairs.h"

#include <span>
#include <string_view>

namespace fusereplay::testing {
namespace {

/// One call, made by process $, and what must be there before.
struct Operation {
  std::string_view name;
  std::string_view request;  // the one that is held
  std::string_view before;
  std::string_view call;
  bool locks_pages = false;  // beside a READ, who has the page first is the kernel's choice
};

constexpr Operation kOnDirectory[] = {
    {"Lookup", "LOOKUP", "", "stat /d/none$"},
    {"Create", "CREATE", "", "open c$ /d/new$ w,creat 0644"},
    {"Mknod", "MKNOD", "", "mknod /d/node$ 0644"},
    {"Mkdir", "MKDIR", "", "mkdir /d/dir$ 0755"},
    {"Symlink", "SYMLINK", "", "symlink target /d/sym$"},
    {"Link", "LINK", "$ mknod /src$ 0644\n", "link /src$ /d/ln$"},
    {"Unlink", "UNLINK", "$ mknod /d/u$ 0644\n", "unlink /d/u$"},
    {"Rmdir", "RMDIR", "$ mkdir /d/r$ 0755\n", "rmdir /d/r$"},
    {"RenameWithin", "RENAME", "$ mknod /d/m$ 0644\n", "rename /d/m$ /d/n$"},
    {"RenameIn", "RENAME", "$ mknod /in$ 0644\n", "rename /in$ /d/in$"},
    {"RenameOut", "RENAME", "$ mknod /d/out$ 0644\n", "rename /d/out$ /out$"},
    {"Exchange", "RENAME2", "$ mknod /d/x$ 0644\n$ mknod /d/y$ 0644\n", "rename /d/x$ /d/y$ exchange"},
    {"RmdirOfIt", "RMDIR", "", "rmdir /d"},
    {"RenameOfIt", "RENAME", "", "rename /d /moved$"},
    {"Tmpfile", "TMPFILE", "", "open t$ /d w,tmpfile 0600"},
    {"Listing", "READDIRPLUS", "$ open l$ /d r,dir\n", "getdents l$"},
    {"Opendir", "OPENDIR", "", "open o$ /d r,dir"},
    {"Fsyncdir", "FSYNCDIR", "$ open s$ /d r,dir\n", "fsync s$"},
    {"Chmod", "SETATTR", "", "chmod /d 0700"},
    {"Utimens", "SETATTR", "", "utimens /d 1 2"},
    {"Setxattr", "SETXATTR", "", "setxattr /d user.a$ value"},
    {"Removexattr", "REMOVEXATTR", "$ setxattr /d user.b$ value\n", "removexattr /d user.b$"},
    {"Getxattr", "GETXATTR", "", "getxattr /d user.c$"},
    {"Listxattr", "LISTXATTR", "", "listxattr /d"},
    {"Getattr", "GETATTR", "", "statx /d force basic"},
    {"Statfs", "STATFS", "", "statvfs /d"},
};

constexpr Operation kOnFile[] = {
    {"Read", "READ", "", "pread f$ 5 0"},
    {"ReadElsewhere", "READ", "", "pread f$ 5 8192"},
    {"DirectRead", "READ", "$ open d$ /f r,direct\n", "pread d$ 4096 0"},
    {"Write", "WRITE", "", "pwrite f$ data 0", true},
    {"Append", "WRITE", "$ open a$ /f w,append\n", "write a$ more", true},
    {"DirectWrite", "WRITE", "$ open w$ /f w,direct\n", "pwrite w$ *4096 4096", true},
    {"Ftruncate", "SETATTR", "", "ftruncate f$ 100", true},
    {"Truncate", "SETATTR", "", "truncate /f 9000", true},
    {"OpenTruncating", "SETATTR", "", "open t$ /f w,trunc", true},
    {"Chmod", "SETATTR", "", "chmod /f 0600"},
    {"Utimens", "SETATTR", "", "utimens /f 1 2"},
    {"Setxattr", "SETXATTR", "", "setxattr /f user.a$ value"},
    {"Removexattr", "REMOVEXATTR", "$ setxattr /f user.b$ value\n", "removexattr /f user.b$"},
    {"Getxattr", "GETXATTR", "", "getxattr /f user.c$"},
    {"Listxattr", "LISTXATTR", "", "listxattr /f"},
    {"Fsync", "FSYNC", "", "fsync f$"},
    {"Fallocate", "FALLOCATE", "", "fallocate f$ - 0 20000", true},
    {"CopyInto", "COPY_FILE_RANGE_64", "$ open s$ /src$ rw,creat 0644\n$ pwrite s$ *5000 0\n",
     "copy_file_range s$ 0 f$ 0 5000", true},
    {"CopyFrom", "COPY_FILE_RANGE_64", "$ open s$ /src$ rw,creat 0644\n", "copy_file_range f$ 0 s$ 0 100"},
    {"SeekHole", "LSEEK", "", "lseek f$ 0 hole"},
    {"Open", "OPEN", "", "open o$ /f r", true},
    {"Flush", "FLUSH", "", "close f$"},
    {"Link", "LINK", "$ mkdir /l$ 0755\n", "link /f /l$/f"},
    {"Unlink", "UNLINK", "$ mkdir /u$ 0755\n$ link /f /u$/f\n", "unlink /u$/f"},
    {"Rename", "RENAME", "$ mkdir /r$ 0755\n$ link /f /r$/f\n", "rename /r$/f /r$/g"},
    {"Getattr", "GETATTR", "", "statx /f force basic"},
    {"Setlk", "SETLK", "", "setlk f$ w 0 10"},
    {"Getlk", "GETLK", "", "getlk f$ w 0 10"},
};

std::string of_process(std::string_view text, char process) {
  std::string made(text);
  for (char& letter : made) {
    if (letter == '$') letter = process;
  }
  return made;
}

std::vector<PairScript> pairs(std::string_view setup, std::span<const Operation> operations) {
  std::vector<PairScript> all;
  for (const Operation& held : operations) {
    for (const Operation& other : operations) {
      PairScript script;
      script.name = std::string(other.name) + "Beside" + std::string(held.name);
      script.steps = std::string(setup) + of_process(held.before, '1') + of_process(other.before, '2');
      const std::string free = held.request == "READ" && other.locks_pages ? "free " : "";
      script.steps += "hold " + std::string(held.request) + "\n1 " + of_process(held.call, '1') + "\n2 " +
                      of_process(other.call, '2') + "\n" + free + "let_go " + std::string(held.request) + "\n" + free +
                      "1\n" + free + "2\n";
      all.push_back(std::move(script));
    }
  }
  return all;
}

}  // namespace

std::vector<PairScript> directory_pairs() {
  return pairs("1 mkdir /d 0755\n2 stat /d\n", kOnDirectory);
}

// The file has three pages, none of them cached.
std::vector<PairScript> file_pairs() {
  return pairs(
      "1 open f1 /f rw,creat 0644\n1 pwrite f1 *10000 0\n2 open f2 /f rw\nnotify inval_inode 2 0 0\n2 stat /f\n",
      kOnFile);
}

}  // namespace fusereplay::testing

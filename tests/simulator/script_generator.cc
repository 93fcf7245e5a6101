#include "tests/simulator/script_generator.h"

#include <array>
#include <random>
#include <string_view>

namespace fusereplay::testing {
namespace {

class Generator {
 public:
  Generator(std::uint64_t seed, Variant variant) : random_(seed), variant_(variant) {}

  std::string tuning() {
    std::string text;
    if (variant_ == Variant::kWriteback) return writeback_tuning();
    if (below(3) == 0) text += "[uncached]";
    if (below(4) == 0) text += "[default_permissions]";
    if (below(2) == 0) return text;
    text +=
        word({"", "[open:direct_io]", "[open:keep_cache]", "[open:noflush]", "[open:nonseekable]", "[open:stream]"});
    text += word({"", "[want:atomic_o_trunc]", "[want:dont_mask]", "[want:explicit_inval]"});
    text += word({"", "[refuse:auto_inval]", "[refuse:async_read]", "[refuse:big_writes]", "[refuse:killpriv_v2]",
                  "[refuse:readdirplus]", "[refuse:readdirplus_auto]", "[refuse:max_pages]"});
    text += word({"", "[without:open]", "[without:create]", "[without:open,create]", "[without:flush,fsync,getxattr]",
                  "[without:rename2,link,lseek,statx]", "[access]"});
    return text;
  }

  std::string line() {
    if (variant_ == Variant::kWriteback && below(5) == 0) return memory_line();
    switch (below(40)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return "open " + fd() + " " + path() + " " + open_flags() + " 0" + std::to_string(pick({600, 644, 666, 4755}));
      case 4:
      case 5:
        return "close " + fd();
      case 6:
      case 7:
        return "read " + fd() + " " + size();
      case 8:
      case 9:
        return "pread " + fd() + " " + size() + " " + offset();
      case 10:
      case 11:
        return "write " + fd() + " *" + size();
      case 12:
      case 13:
        return "pwrite " + fd() + " *" + size() + " " + offset();
      case 14:
        return "lseek " + fd() + " " + offset() + " " + word({"set", "cur", "end", "data", "hole"});
      case 15:
        return "ftruncate " + fd() + " " + offset();
      case 16:
        return "truncate " + path() + " " + offset();
      case 17:
      case 18:
        return "stat " + path();
      case 19:
        return "lstat " + path();
      case 20:
        return word({"fstat " + fd(), "statx " + path() + " " + word({"-", "force", "lazy", "link"}) + " " +
                                          word({"basic", "btime", "mode", "basic,btime"})});
      case 21:
      case 22:
        return "mkdir " + path() + " 0755";
      case 23:
        return "rmdir " + path();
      case 24:
      case 25:
        return "unlink " + path();
      case 26:
      case 27:
        return "rename " + path() + " " + path() + " " + word({"-", "-", "-", "noreplace", "exchange", "whiteout"});
      case 28:
        return "link " + path() + " " + path();
      case 29:
        return "symlink " + path() + " " + path();
      case 30:
        return "readlink " + path();
      case 31:
        return "chmod " + path() + " 0" + std::to_string(pick({644, 755, 777, 4755, 1777}));
      case 32:
        return "utimens " + path() + " " + word({"now", "omit", "1000"}) + " " + word({"now", "omit", "2000"});
      case 33:
        return "open " + fd() + " " + path() + " r,dir";
      case 34:
        return "getdents " + fd() + " " + std::to_string(pick({64, 200, 4096, 32768}));
      case 35:
        return word({"setxattr " + path() + " user." + word({"x", "y"}) + " value", "getxattr " + path() + " user.x",
                     "listxattr " + path(), "removexattr " + path() + " user.x"});
      case 36:
        return "fallocate " + fd() + " " + word({"-", "keep", "keep,punch", "zero", "zero,keep"}) + " " + offset() +
               " " + size();
      case 37:
        return "copy_file_range " + fd() + " " + offset() + " " + fd() + " " + offset() + " " + size();
      case 38:
        return word({"as 0 0",
                     "as 0 0",
                     "as 1000 1000",
                     "groups 1000",
                     "drop_caches",
                     "setfl " + fd() + " append",
                     "setfl " + fd() + " -",
                     "futimens " + fd() + " now 3000",
                     "fstatvfs " + fd(),
                     "fsetxattr " + fd() + " user.x other",
                     "fgetxattr " + fd() + " user.x",
                     "syncfs " + fd(),
                     "openat " + fd() + " " + fd() + " a rw,creat 0644",
                     "readv " + fd() + " 10,5000,1",
                     "pwritev " + fd() + " *5000 1,4999 " + offset() + " " + word({"-", "append", "dsync", "noappend"}),
                     "dup " + fd() + " " + fd(),
                     "fsync " + fd(),
                     "chown " + path() + " 1000 1000",
                     "mknod " + path() + " 0100644",
                     "umask 022",
                     "umask 0"});
      default:
        return "stat " + path() + word({"/", "/.", "/..", "/x"});
    }
  }

 private:
  std::string writeback_tuning() {
    std::string text = "[want:writeback" + word({"", ",atomic_o_trunc", ",direct_io_allow_mmap"}) + "]";
    if (below(3) == 0) text += "[uncached]";
    text += word({"", "", "[open:direct_io]", "[open:keep_cache]", "[open:keep_cache]", "[open:noflush]"});
    text += word({"", "", "[max_write:16384]", "[refuse:max_pages]", "[refuse:killpriv_v2]", "[refuse:async_dio]"});
    return text +
           word({"", "", "[without:open,create]", "[without:flush,fsync,getxattr]", "[without:copy_file_range]"});
  }
  std::string memory_line() {
    const std::string memory = "m" + std::to_string(below(3));
    switch (below(8)) {
      case 0:
      case 1:
        return "mmap " + memory + " " + fd() + " " + word({"0", "0", "4096", "49152"}) + " " + size() + " " +
               word({"r", "rw", "rw"}) + " " + word({"shared", "shared", "private"});
      case 2:
      case 3:
        return "load " + memory + " " + offset() + " " + size();
      case 4:
      case 5:
        return "store " + memory + " " + offset() + " *" + size();
      case 6:
        return "msync " + memory + " " + word({"0", "4096"}) + " " + size() + " " + word({"sync", "sync", "async"});
      default:
        return "munmap " + memory;
    }
  }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  int pick(std::initializer_list<int> all) { return all.begin()[below(all.size())]; }
  std::string word(std::initializer_list<std::string> all) { return all.begin()[below(all.size())]; }
  std::string fd() { return "f" + std::to_string(below(4)); }
  std::string path() { return word({"/", "/", "/d/", "/d/", "/d/e/", "/l/"}) + word({"a", "b", "c", "d", "e", "l"}); }
  std::string open_flags() {
    return word({"r", "w", "rw", "rw"}) + word({"", "", "", ",direct", ",dsync", ",noatime"}) +
           word({"", ",creat", ",creat", ",creat,excl", ",trunc", ",creat,trunc", ",append", ",nofollow"});
  }
  std::string size() { return std::to_string(pick({1, 100, 4096, 5000, 20000, 150000})); }
  std::string offset() { return std::to_string(pick({0, 0, 1, 100, 4096, 8000, 50000, 200000})); }

  std::mt19937_64 random_;
  const Variant variant_;
};

}  // namespace

GeneratedScript generate_script(std::uint64_t seed, unsigned calls, Variant variant) {
  Generator generator(seed, variant);
  GeneratedScript script{.tuning = generator.tuning(), .calls = "mkdir /d 0777\nmkdir /d/e 0777\nchmod / 0777\n"};
  for (unsigned i = 0; i < calls; ++i) script.calls += generator.line() + "\n";
  return script;
}

}  // namespace fusereplay::testing

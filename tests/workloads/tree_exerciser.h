// One of several processes that do random calls on one tree; see tree_exerciser.cc. The tree is the working directory.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace fusereplay::testing {

/// What is done, as it is counted; `everywhere`: no filesystem or user may be without it.
struct Call {
  const char* name;
  bool everywhere = true;
};
inline constexpr std::array kCalls{
    Call{"open"},
    Call{"create"},
    Call{"tmpfile"},
    Call{"read"},
    Call{"write"},
    Call{"direct"},
    Call{"truncate"},
    Call{"map and read"},
    Call{"map and write"},
    Call{"fsync"},
    Call{"fdatasync"},
    Call{"allocate"},
    Call{"punch"},
    Call{"zero", false},
    Call{"copy_file_range"},
    Call{"seek data"},
    Call{"fchmod"},
    Call{"fsetxattr"},
    Call{"fgetxattr"},
    Call{"mkdir"},
    Call{"rmdir"},
    Call{"unlink"},
    Call{"symlink"},
    Call{"link"},
    Call{"link open"},
    Call{"mknod"},
    Call{"rename"},
    Call{"rename noreplace"},
    Call{"rename exchange"},
    Call{"rename whiteout", false},
    Call{"list"},
    Call{"stat"},
    Call{"readlink"},
    Call{"access"},
    Call{"chmod"},
    Call{"chown"},
    Call{"utimens"},
    Call{"setxattr"},
    Call{"getxattr"},
    Call{"listxattr"},
    Call{"removexattr"},
    Call{"statfs"},
    Call{"record lock"},
    Call{"record lock, at once"},
    Call{"flock"},
};

inline constexpr std::size_t kSlots = 8;  // counters in the lock file: half under record locks, half under flock
inline constexpr unsigned kKept = 40;     // files in the directory "kept" that nobody touches
inline constexpr std::size_t kLargest = std::size_t{64} << 10;  // of a file
inline constexpr unsigned kDirectoryNames = 2;
inline constexpr unsigned kFileNames = 5;

/// What the processes share.
struct Shared {
  std::atomic<bool> stop{false};
  std::array<std::atomic<std::uint64_t>, kSlots> counted{};
  std::array<std::atomic<std::uint64_t>, kCalls.size()> done{};
};

std::string kept_name(unsigned number);
/// Why these bytes, read at this place of that inode, cannot be; empty where they can.
std::string what_is_wrong(const char* bytes, std::size_t at, std::size_t length, ino_t inode);

class TreeExerciser {
 public:
  TreeExerciser(unsigned number, unsigned seed, Shared& shared);
  ~TreeExerciser();
  TreeExerciser(const TreeExerciser&) = delete;
  TreeExerciser& operator=(const TreeExerciser&) = delete;

  /// False: something did not hold, and has been told.
  bool step();
  /// Closes what is open; false as for step().
  bool end();

 private:
  struct Opened {
    int fd = -1;
    ino_t inode = 0;
    bool direct = false;
  };
  struct Range {
    std::size_t at;
    std::size_t length;
  };

  unsigned roll(unsigned bound) { return static_cast<unsigned>(chance_() % bound); }
  std::string name();
  std::string directory();
  std::string path() { return directory() + name(); }
  Range anywhere();

  void tell(std::string text);
  void fail(const std::string& why);
  void count(std::string_view call);
  /// Whether it was done; one that was not must have had one of these reasons, or a name that was not there.
  bool went(std::string_view call, std::int64_t result, std::initializer_list<int> reasons = {});
  /// Nobody can keep it from being done.
  bool must(std::string_view call, std::int64_t result);
  void expect_own(const char* bytes, Range range, ino_t inode);

  // On names.
  void change_names();
  void look();
  void change_attributes();
  void change_xattrs();
  void make_directory();
  void remove_directory();
  void rename();
  void link_name();
  void list();
  // On files that are open.
  void open();
  void make_tmpfile();
  void keep(int fd, bool direct);
  void close(Opened& file);
  void use();
  void read(const Opened& file);
  void write(const Opened& file);
  void map_and_read(const Opened& file);
  void map_and_write(const Opened& file);
  void allocate(const Opened& file);
  void copy(const Opened& to);
  void attributes_of(const Opened& file);
  void link_open(const Opened& file);
  // On the lock file.
  void lock();
  void lock_record();
  void lock_whole();
  void raise(std::size_t slot);

  const unsigned number_;
  const unsigned seed_;
  Shared& shared_;
  std::mt19937 chance_;
  std::array<Opened, 6> open_;
  int locks_ = -1;
  int memory_ = -1;  // a file in memory: what goes through it is copied by the kernel, which reports a fault as EFAULT
  std::vector<char> buffer_;
  unsigned long steps_ = 0;
  std::deque<std::string> told_;
  bool wrong_ = false;
};

}  // namespace fusereplay::testing

// What is done to files that are open, and how a step is made and judged.
#include <linux/falloc.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "tests/workloads/tree_exerciser.h"

namespace fusereplay::testing {
namespace {

constexpr std::size_t kTold = 20;  // steps
constexpr unsigned kKinds = 4;     // of files: data is copied between those of one kind

/// What belongs at this place of that inode.
char byte_at(std::size_t at, ino_t inode) {
  return static_cast<char>(1 + (at / 8 * 31 + at + inode % kKinds * 67) % 251);
}

}  // namespace

std::string kept_name(unsigned number) {
  return "kept/" + std::to_string(number) + "-nobody-touches-this";
}

std::string what_is_wrong(const char* bytes, std::size_t at, std::size_t length, ino_t inode) {
  for (std::size_t i = 0; i < length; ++i) {
    if (bytes[i] == 0 || bytes[i] == byte_at(at + i, inode)) continue;
    return "byte " + std::to_string(at + i) + " is " + std::to_string(bytes[i] & 0xff) + ", neither 0 nor " +
           std::to_string(byte_at(at + i, inode) & 0xff);
  }
  return "";
}

TreeExerciser::TreeExerciser(unsigned number, unsigned seed, Shared& shared)
    : number_(number),
      seed_(seed),
      shared_(shared),
      chance_(seed * 1000 + number),
      // Direct: the locks are asked, not what the page cache keeps of slots that others write beside ours.
      locks_(::open("locks", O_RDWR | O_DIRECT | O_CLOEXEC)),
      memory_(::memfd_create("through", MFD_CLOEXEC)),
      buffer_(kLargest) {
  must("open", std::min(locks_, memory_));
}

TreeExerciser::~TreeExerciser() {
  ::close(locks_);
  ::close(memory_);
}

bool TreeExerciser::step() {
  ++steps_;
  switch (roll(12)) {
    case 0:
      open();
      break;
    case 1:
      roll(3) == 0 ? make_tmpfile() : open();
      break;
    case 2:
      lock();
      break;
    case 3:
    case 4:
    case 5:
      change_names();
      break;
    case 6:
      look();
      break;
    case 7:
      roll(2) == 0 ? change_attributes() : change_xattrs();
      break;
    default:
      use();
  }
  return !wrong_;
}

bool TreeExerciser::end() {
  tell("end");
  for (Opened& file : open_) close(file);
  return !wrong_;
}

std::string TreeExerciser::name() {
  return roll(3) == 0 ? "d" + std::to_string(roll(kDirectoryNames)) : "n" + std::to_string(roll(kFileNames));
}

std::string TreeExerciser::directory() {
  switch (roll(5)) {
    case 0:
      return "";
    case 1:
      return "kept/";
    case 2:
      return "d" + std::to_string(roll(kDirectoryNames)) + "/d" + std::to_string(roll(kDirectoryNames)) + "/";
    default:
      return "d" + std::to_string(roll(kDirectoryNames)) + "/";
  }
}

TreeExerciser::Range TreeExerciser::anywhere() {
  const std::size_t at = roll(kLargest);
  return {at, std::min<std::size_t>(1 + roll(roll(2) == 0 ? 600 : 20000), kLargest - at)};
}

void TreeExerciser::tell(std::string text) {
  told_.push_back(std::move(text));
  if (told_.size() > kTold) told_.pop_front();
}

void TreeExerciser::fail(const std::string& why) {
  if (wrong_) return;
  wrong_ = true;
  std::string text;
  for (const std::string& line : told_) text += "  " + line + "\n";
  std::printf("%sseed %u, process %u, step %lu: %s\n", text.c_str(), seed_, number_, steps_, why.c_str());
}

void TreeExerciser::count(std::string_view call) {
  const auto found = std::find_if(kCalls.begin(), kCalls.end(), [&](const Call& known) { return known.name == call; });
  ++shared_.done.at(static_cast<std::size_t>(found - kCalls.begin()));
}

bool TreeExerciser::went(std::string_view call, std::int64_t result, std::initializer_list<int> reasons) {
  static constexpr std::initializer_list<int> kPaths{ENOENT, ENOTDIR, ELOOP};
  const int reason = errno;
  if (result >= 0) {
    count(call);
    return true;
  }
  for (const auto& known : {kPaths, reasons}) {
    if (std::find(known.begin(), known.end(), reason) != known.end()) return false;
  }
  fail(std::string(call) + ": " + std::strerror(reason));
  return false;
}

bool TreeExerciser::must(std::string_view call, std::int64_t result) {
  if (result < 0) {
    fail(std::string(call) + ": " + std::strerror(errno));
    return false;
  }
  count(call);
  return true;
}

void TreeExerciser::expect_own(const char* bytes, Range range, ino_t inode) {
  const std::string wrong = what_is_wrong(bytes, range.at, range.length, inode);
  if (!wrong.empty()) fail(wrong);
}

void TreeExerciser::open() {
  static constexpr std::array kHow{0, 0, O_TRUNC, O_CREAT, O_CREAT, O_CREAT | O_EXCL, O_CREAT | O_TRUNC};
  const std::string where = path();
  const int how = kHow[roll(kHow.size())];
  const int direct = roll(8) == 0 ? O_DIRECT : 0;
  tell("open " + where + ((how & O_CREAT) != 0 ? ", created" : "") + ((how & O_TRUNC) != 0 ? ", truncated" : ""));
  const int fd = ::open(where.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | how | direct, 0600);
  // ENXIO, EACCES: what a whiteout leaves is a device, EINVAL: a pipe is not direct.
  if (went((how & O_CREAT) != 0 ? "create" : "open", fd, {EEXIST, EISDIR, ENXIO, EACCES, EINVAL}))
    keep(fd, direct != 0);
}

void TreeExerciser::make_tmpfile() {
  const std::string where = directory() + ".";
  tell("tmpfile in " + where);
  const int fd = ::open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (went("tmpfile", fd)) keep(fd, false);
}

void TreeExerciser::keep(int fd, bool direct) {
  struct stat status {};
  must("open", ::fstat(fd, &status));
  if (!S_ISREG(status.st_mode)) {
    ::close(fd);
    return;
  }
  Opened& slot = open_[roll(open_.size())];
  close(slot);
  slot = Opened{fd, status.st_ino, direct};
}

void TreeExerciser::close(Opened& file) {
  if (file.fd >= 0) must("open", ::close(file.fd));
  file = {};
}

void TreeExerciser::use() {
  Opened& file = open_[roll(open_.size())];
  if (file.fd < 0) return;
  switch (roll(13)) {
    case 0:
    case 1:
      return read(file);
    case 2:
    case 3:
    case 4:
      return write(file);
    case 5: {
      const std::size_t size = roll(kLargest);
      tell("truncate to " + std::to_string(size));
      must("truncate", ::ftruncate(file.fd, static_cast<off_t>(size)));
      return;
    }
    case 6:
      return map_and_read(file);
    case 7:
      return map_and_write(file);
    case 8:
      tell("sync");
      if (roll(2) == 0) {
        must("fsync", ::fsync(file.fd));
      } else {
        must("fdatasync", ::fdatasync(file.fd));
      }
      return;
    case 9:
      return allocate(file);
    case 10:
      return copy(file);
    case 11:
      return attributes_of(file);
    default:
      return roll(4) == 0 ? close(file) : link_open(file);
  }
}

void TreeExerciser::read(const Opened& file) {
  const Range range = anywhere();
  tell("read at " + std::to_string(range.at));
  const ssize_t size = ::pread(file.fd, buffer_.data(), range.length, static_cast<off_t>(range.at));
  if (must(file.direct ? "direct" : "read", size)) {
    expect_own(buffer_.data(), {range.at, static_cast<std::size_t>(size)}, file.inode);
  }
}

void TreeExerciser::write(const Opened& file) {
  const Range range = anywhere();
  tell("write at " + std::to_string(range.at) + ", " + std::to_string(range.length) + " bytes");
  for (std::size_t i = 0; i < range.length; ++i) buffer_[i] = byte_at(range.at + i, file.inode);
  const ssize_t size = ::pwrite(file.fd, buffer_.data(), range.length, static_cast<off_t>(range.at));
  if (must(file.direct ? "direct" : "write", size) && static_cast<std::size_t>(size) != range.length) {
    fail("wrote " + std::to_string(size) + " of " + std::to_string(range.length) + " bytes");
  }
}

/// Others may cut the file short meanwhile: what is beyond its end then is a fault, not a byte.
void TreeExerciser::map_and_read(const Opened& file) {
  const Range range = anywhere();
  tell("map and read at " + std::to_string(range.at));
  void* const map = ::mmap(nullptr, kLargest, PROT_READ, MAP_SHARED, file.fd, 0);
  if (map == MAP_FAILED) return fail(std::string("mmap: ") + std::strerror(errno));
  const ssize_t size = ::pwrite(memory_, static_cast<const char*>(map) + range.at, range.length, 0);
  if (went("map and read", size, {EFAULT}) &&
      ::pread(memory_, buffer_.data(), static_cast<std::size_t>(size), 0) == size) {
    expect_own(buffer_.data(), {range.at, static_cast<std::size_t>(size)}, file.inode);
  }
  ::munmap(map, kLargest);
}

void TreeExerciser::map_and_write(const Opened& file) {
  const Range range = anywhere();
  tell("map and write at " + std::to_string(range.at) + ", " + std::to_string(range.length) + " bytes");
  void* const map = ::mmap(nullptr, kLargest, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
  if (map == MAP_FAILED) return fail(std::string("mmap: ") + std::strerror(errno));
  for (std::size_t i = 0; i < range.length; ++i) buffer_[i] = byte_at(range.at + i, file.inode);
  must("map and write", ::pwrite(memory_, buffer_.data(), range.length, 0));
  went("map and write", ::pread(memory_, static_cast<char*>(map) + range.at, range.length, 0), {EFAULT});
  if (roll(4) == 0) must("fsync", ::msync(map, kLargest, MS_SYNC));
  ::munmap(map, kLargest);
}

void TreeExerciser::allocate(const Opened& file) {
  const Range range = anywhere();
  const auto at = static_cast<off_t>(range.at);
  const auto length = static_cast<off_t>(range.length);
  tell("allocate at " + std::to_string(range.at) + ", " + std::to_string(range.length) + " bytes");
  switch (roll(3)) {
    case 0:
      must("allocate", ::fallocate(file.fd, roll(2) == 0 ? 0 : FALLOC_FL_KEEP_SIZE, at, length));
      return;
    case 1:
      must("punch", ::fallocate(file.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length));
      return;
    default:
      went("zero", ::fallocate(file.fd, FALLOC_FL_ZERO_RANGE, at, length), {EOPNOTSUPP});  // tmpfs cannot
  }
}

void TreeExerciser::copy(const Opened& to) {
  for (const Opened& from : open_) {
    if (from.fd < 0 || from.inode == to.inode || from.inode % kKinds != to.inode % kKinds) continue;
    const Range range = anywhere();
    auto in = static_cast<off_t>(range.at);
    off_t out = in;
    tell("copy at " + std::to_string(range.at));
    must("copy_file_range", ::copy_file_range(from.fd, &in, to.fd, &out, range.length, 0));
    return;
  }
}

void TreeExerciser::attributes_of(const Opened& file) {
  static constexpr std::string_view kAttribute = "user.open";
  char found[64];
  switch (roll(4)) {
    case 0:
      tell("fchmod");
      must("fchmod", ::fchmod(file.fd, 0600 | roll(0100)));
      return;
    case 1:
      tell("fsetxattr");
      must("fsetxattr", ::fsetxattr(file.fd, kAttribute.data(), kAttribute.data(), kAttribute.size(), 0));
      return;
    case 2: {
      tell("fgetxattr");
      const ssize_t size = ::fgetxattr(file.fd, kAttribute.data(), found, sizeof(found));
      if (went("fgetxattr", size, {ENODATA}) && kAttribute != std::string_view(found, size)) fail("another value");
      return;
    }
    default:
      tell("seek data");
      went("seek data", ::lseek(file.fd, roll(kLargest), roll(2) == 0 ? SEEK_DATA : SEEK_HOLE), {ENXIO});
  }
}

/// A file without a name may be given one only if it was made without (ENOENT, fs/namei.c vfs_link).
void TreeExerciser::link_open(const Opened& file) {
  const std::string from = "/proc/self/fd/" + std::to_string(file.fd);
  const std::string to = path();
  tell("link what is open to " + to);
  went("link open", ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW), {EEXIST});
}

void TreeExerciser::lock() {
  roll(2) == 0 ? lock_record() : lock_whole();
}

void TreeExerciser::lock_record() {
  const std::size_t slot = roll(kSlots / 2);
  const bool wait = roll(2) == 0;
  struct flock range {
    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = static_cast<off_t>(slot * sizeof(std::uint64_t)),
    .l_len = sizeof(std::uint64_t), .l_pid = 0
  };
  tell("lock slot " + std::to_string(slot));
  const int had = ::fcntl(locks_, wait ? F_SETLKW : F_SETLK, &range);
  if (wait ? !must("record lock", had) : !went("record lock, at once", had, {EAGAIN, EACCES})) return;
  raise(slot);
  range.l_type = F_UNLCK;
  must("record lock", ::fcntl(locks_, F_SETLK, &range));
}

void TreeExerciser::lock_whole() {
  const bool wait = roll(2) == 0;
  tell("flock");
  const int had = ::flock(locks_, LOCK_EX | (wait ? 0 : LOCK_NB));
  if (wait ? !must("flock", had) : !went("flock", had, {EWOULDBLOCK})) return;
  raise(kSlots / 2 + roll(kSlots / 2));
  must("flock", ::flock(locks_, LOCK_UN));
}

/// Under a lock: what another counted meanwhile would be lost.
void TreeExerciser::raise(std::size_t slot) {
  const auto at = static_cast<off_t>(slot * sizeof(std::uint64_t));
  std::uint64_t value = 0;
  must("read", ::pread(locks_, &value, sizeof(value), at));
  ++value;
  must("write", ::pwrite(locks_, &value, sizeof(value), at));
  ++shared_.counted[slot];
}

}  // namespace fusereplay::testing

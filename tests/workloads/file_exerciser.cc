// file_exerciser FILE SEED OPERATIONS: one file, changed in every way at random places, must hold what a copy in memory
// holds. After the idea of fsx. Exit status 1: it does not; the last operations and the first wrong byte are printed.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kLargest = std::size_t{256} << 10;  // of the file
constexpr std::size_t kLongest = std::size_t{64} << 10;   // of an operation
constexpr std::size_t kPage = 4096;
constexpr std::size_t kTold = 20;  // operations

class Exerciser {
 public:
  Exerciser(std::string path, unsigned seed) : path_(std::move(path)), chance_(seed), wanted_(kLargest) { reopen(); }

  /// False: something was wrong, and has been told.
  bool step() {
    static constexpr std::array kOperations{
        &Exerciser::read,        &Exerciser::read,     &Exerciser::write,    &Exerciser::write,
        &Exerciser::write,       &Exerciser::append,   &Exerciser::map_read, &Exerciser::map_write,
        &Exerciser::map_write,   &Exerciser::truncate, &Exerciser::punch,    &Exerciser::zero,
        &Exerciser::preallocate, &Exerciser::copy,     &Exerciser::sync,     &Exerciser::close_and_open,
    };
    (this->*kOperations[chance_() % kOperations.size()])();
    check_size();
    return !wrong_;
  }

  /// The whole file, read anew.
  bool end() {
    close_and_open();
    compare(0, size_);
    ::close(fd_);
    return !wrong_;
  }

 private:
  struct Range {
    std::size_t at;
    std::size_t length;
  };

  Range anywhere() {
    const std::size_t at = chance_() % kLargest;
    return {at, std::min<std::size_t>(1 + chance_() % kLongest, kLargest - at)};
  }
  /// Of what the file holds; of length 0 where it is empty.
  Range inside() {
    if (size_ == 0) return {0, 0};
    const std::size_t at = chance_() % size_;
    return {at, std::min<std::size_t>(1 + chance_() % kLongest, size_ - at)};
  }
  void fill(Range range) {
    for (std::size_t i = 0; i < range.length; ++i) wanted_[range.at + i] = static_cast<char>(chance_());
  }
  /// What lies beyond the end is zero when the file reaches it.
  void grow_to(std::size_t end) { size_ = std::max(size_, end); }

  void tell(const char* what, Range range) {
    told_.push_back(std::string(what) + " at " + std::to_string(range.at) + ", " + std::to_string(range.length) +
                    " bytes; size " + std::to_string(size_));
    if (told_.size() > kTold) told_.pop_front();
  }
  void fail(const std::string& why) {
    if (wrong_) return;
    wrong_ = true;
    for (const std::string& line : told_) std::printf("  %s\n", line.c_str());
    std::printf("%s: %s\n", path_.c_str(), why.c_str());
  }
  void expect(bool well, const char* what) {
    if (!well) fail(std::string(what) + ": " + std::strerror(errno));
  }
  void expect_all(ssize_t done, std::size_t wanted, const char* what) {
    if (done < 0) {
      fail(std::string(what) + ": " + std::strerror(errno));
    } else if (static_cast<std::size_t>(done) != wanted) {
      fail(std::string(what) + " of " + std::to_string(wanted) + " bytes did " + std::to_string(done));
    }
  }
  void same(const char* found, Range range, const char* how) {
    const auto [here, there] = std::mismatch(found, found + range.length, wanted_.data() + range.at);
    if (here == found + range.length) return;
    fail(std::string(how) + ": byte " + std::to_string(range.at + static_cast<std::size_t>(here - found)) + " is " +
         std::to_string(*here & 0xff) + ", not " + std::to_string(*there & 0xff));
  }
  void compare(std::size_t at, std::size_t length) {
    std::vector<char> found(length);
    expect_all(::pread(fd_, found.data(), length, static_cast<off_t>(at)), length, "pread");
    if (!wrong_) same(found.data(), {at, length}, "read");
  }
  void check_size() {
    struct stat status {};
    expect(::fstat(fd_, &status) == 0, "fstat");
    if (!wrong_ && static_cast<std::size_t>(status.st_size) != size_) {
      fail("the size is " + std::to_string(status.st_size) + ", not " + std::to_string(size_));
    }
  }

  void read() {
    const Range range = inside();
    tell("read", range);
    compare(range.at, range.length);
  }
  void write() {
    const Range range = anywhere();
    tell("write", range);
    fill(range);
    grow_to(range.at + range.length);
    expect_all(::pwrite(fd_, wanted_.data() + range.at, range.length, static_cast<off_t>(range.at)), range.length,
               "pwrite");
  }
  void append() {
    const Range range{size_, std::min<std::size_t>(1 + chance_() % kPage, kLargest - size_)};
    tell("append", range);
    if (range.length == 0) return;
    fill(range);
    const int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    expect(fd >= 0, "open to append");
    expect_all(::write(fd, wanted_.data() + range.at, range.length), range.length, "append");
    expect(::close(fd) == 0, "close");
    grow_to(range.at + range.length);
  }

  /// Calls use(bytes) with the range mapped.
  template <class Use>
  void with_map(Range range, int protection, Use use) {
    if (range.length == 0) return;
    const std::size_t begin = range.at / kPage * kPage;
    const std::size_t length = range.at + range.length - begin;
    void* const map = ::mmap(nullptr, length, protection, MAP_SHARED, fd_, static_cast<off_t>(begin));
    if (map == MAP_FAILED) return expect(false, "mmap");
    use(static_cast<char*>(map) + (range.at - begin));
    if (chance_() % 4 == 0) expect(::msync(map, length, MS_SYNC) == 0, "msync");
    expect(::munmap(map, length) == 0, "munmap");
  }
  void map_read() {
    const Range range = inside();
    tell("map and read", range);
    with_map(range, PROT_READ, [&](const char* bytes) { same(bytes, range, "map"); });
  }
  void map_write() {
    const Range range = inside();
    tell("map and write", range);
    fill(range);
    with_map(range, PROT_READ | PROT_WRITE,
             [&](char* bytes) { std::memcpy(bytes, wanted_.data() + range.at, range.length); });
  }

  void truncate() {
    const std::size_t size = chance_() % kLargest;
    tell("truncate", {size, 0});
    if (size < size_) std::fill(wanted_.begin() + static_cast<std::ptrdiff_t>(size), wanted_.end(), '\0');
    size_ = size;
    expect(::ftruncate(fd_, static_cast<off_t>(size)) == 0, "ftruncate");
  }
  /// Space is not everybody's to give: EOPNOTSUPP is no fault.
  bool allocate(const char* what, int mode, Range range) {
    tell(what, range);
    const int result = ::fallocate(fd_, mode, static_cast<off_t>(range.at), static_cast<off_t>(range.length));
    if (result != 0 && errno == EOPNOTSUPP) return false;
    expect(result == 0, what);
    return true;
  }
  void clear(Range range) {
    const std::size_t end = std::min(range.at + range.length, size_);
    for (std::size_t i = range.at; i < end; ++i) wanted_[i] = '\0';
  }
  void punch() {
    const Range range = anywhere();
    if (allocate("punch", FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, range)) clear(range);
  }
  void zero() {
    const Range range = anywhere();
    if (!allocate("zero", FALLOC_FL_ZERO_RANGE, range)) return;
    grow_to(range.at + range.length);
    clear(range);
  }
  void preallocate() {
    const Range range = anywhere();
    if (allocate("preallocate", 0, range)) grow_to(range.at + range.length);
  }
  void copy() {
    const Range from = inside();
    const std::size_t to = chance_() % kLargest;
    const std::size_t length = std::min(from.length, kLargest - to);
    tell("copy", {from.at, length});
    tell("  to", {to, length});
    if (length == 0 || (from.at < to + length && to < from.at + length)) return;  // they overlap: EINVAL
    auto in = static_cast<off_t>(from.at);
    auto out = static_cast<off_t>(to);
    const ssize_t copied = ::copy_file_range(fd_, &in, fd_, &out, length, 0);
    if (copied < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) return;
    expect(copied >= 0, "copy_file_range");
    if (copied <= 0) return;
    std::copy_n(wanted_.begin() + static_cast<std::ptrdiff_t>(from.at), copied,
                wanted_.begin() + static_cast<std::ptrdiff_t>(to));
    grow_to(to + static_cast<std::size_t>(copied));
  }
  void sync() {
    tell("fsync", {0, 0});
    expect(::fsync(fd_) == 0, "fsync");
  }
  void reopen() {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    expect(fd_ >= 0, "open");
  }
  void close_and_open() {
    tell("close and open", {0, 0});
    expect(::close(fd_) == 0, "close");
    reopen();
  }

  const std::string path_;
  std::mt19937 chance_;
  std::vector<char> wanted_;  // zero beyond size_
  std::size_t size_ = 0;
  int fd_ = -1;
  std::deque<std::string> told_;
  bool wrong_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: file_exerciser FILE SEED OPERATIONS\n", stderr);
    return 2;
  }
  Exerciser exerciser(argv[1], static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)));
  for (unsigned long left = std::strtoul(argv[3], nullptr, 10); left > 0; --left) {
    if (!exerciser.step()) return 1;
  }
  return exerciser.end() ? 0 : 1;
}

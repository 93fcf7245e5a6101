// Descriptors, and the calls that use them (fs/open.c, fs/read_write.c).
#include "simulator/system_calls.h"

#include <linux/falloc.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "core/check.h"
#include "simulator/call.h"
#include "simulator/kernel/mapping.h"

namespace fusereplay {

namespace {

constexpr int kLargeFile = 0100000;  // what a 64-bit kernel adds to every open (force_o_largefile)
constexpr std::uint64_t kMaxSize = INT64_MAX;

std::span<std::byte> writable(std::string& text) noexcept {
  return std::as_writable_bytes(std::span(text.data(), text.size()));
}
Bytes bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

SystemCalls::SystemCalls(kernel::Kernel& kernel, Process process) : kernel_(kernel), process_(std::move(process)) {}
SystemCalls::~SystemCalls() = default;

void SystemCalls::drop_descriptors() noexcept {
  mappings_.clear();
  files_.clear();
  directory_.reset();
  target_directory_.reset();
}

namespace {

/// Somebody who waits for a task's end: the task itself says what for.
class EndOfTask final : public kernel::WaitReason {
 public:
  std::string describe() const override { return {}; }
};

}  // namespace

std::size_t SystemCalls::open_for_writing() const noexcept {
  std::size_t count = 0;
  for (const File& file : files_) count += file != nullptr && !file->path_only && file->writes() ? 1 : 0;
  return count;
}

void SystemCalls::check_idle() const {
  FUSEREPLAY_CHECK(!busy_, "a simulated process makes one call at a time: get() the pending one first");
}

void SystemCalls::begin(std::function<void()> body) {
  check_idle();
  busy_ = true;
  kernel_.scheduler.start(process_.pid, [this, body = std::move(body)] {
    task_ = &kernel_.scheduler.current();
    body();
    if (task_->signal() == kernel::Signal::kFatal) close_descriptors();
    task_ = nullptr;
    busy_ = false;
  });
}

void SystemCalls::settle() {
  if (kernel_.scheduler.on_test_stack()) kernel_.scheduler.settle();
}

void SystemCalls::finish() {
  FUSEREPLAY_CHECK(kernel_.scheduler.on_test_stack(), "a pending call is waited for by the test, not by another call");
  if (kernel_.scheduler.wait_until([this] { return !busy_; }, EndOfTask())) return;
  kernel_.scheduler.end(*task_);
}

std::size_t SystemCalls::open_descriptors() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(files_.begin(), files_.end(), [](const File& file) { return file != nullptr; }));
}

// exit_files: filp_close of each.
void SystemCalls::close_descriptors() {
  end_mappings();
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const File closed = std::move(files_[i]);
    if (closed != nullptr) static_cast<void>(close_file(closed));  // nobody is left to tell
  }
  files_.clear();
}

Result<SystemCalls::File> SystemCalls::file(Fd fd, Access access) const {
  const std::size_t place = place_of(fd);
  if (place >= files_.size() || files_[place] == nullptr) return Errno(EBADF);
  const File& file = files_[place];
  if (file->path_only && access != Access::kPathOnly) return Errno(EBADF);
  if ((access == Access::kReadAt || access == Access::kWriteAt) && !file->seeks()) return Errno(ESPIPE);
  if ((access == Access::kRead || access == Access::kReadAt) && !file->reads()) return Errno(EBADF);
  if ((access == Access::kWrite || access == Access::kWriteAt) && !file->writes()) return Errno(EBADF);
  return file;
}

Fd SystemCalls::install(File file) {
  std::size_t place = 0;
  while (place < files_.size() && files_[place] != nullptr) ++place;
  if (place == files_.size()) files_.emplace_back();
  ++file->users;
  files_[place] = std::move(file);
  return Fd{static_cast<std::int32_t>(place) + kFirstFd};
}

Outcome<Fd> SystemCalls::open(std::string_view path, int flags, std::uint32_t mode) {
  return call([&]() -> Result<Fd> {
    Result<File> file = kernel_.walk.open(kernel_.walk.start(), path, flags | kLargeFile, mode, process_);
    if (!file) return file.error();
    return install(std::move(*file));
  });
}

Outcome<Fd> SystemCalls::openat(Fd directory, std::string_view path, int flags, std::uint32_t mode) {
  return call([&]() -> Result<Fd> {
    const Result<kernel::DentryRef> from = start_of(directory, path);
    if (!from) return from.error();
    kernel::Dentry& start = *from != nullptr ? **from : kernel_.filesystem.root();
    Result<File> file = kernel_.walk.open(start, path, flags | kLargeFile, mode, process_);
    if (!file) return file.error();
    return install(std::move(*file));
  });
}

Outcome<void> SystemCalls::fadvise(Fd fd, std::uint64_t offset, std::uint64_t length, int advice) {
  return call([&]() -> Result<void> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    if (length > kMaxSize) return Errno(EINVAL);
    return kernel_.filesystem.advise(**open, offset, length, advice, process_);
  });
}

// ksys_readahead.
Outcome<void> SystemCalls::readahead(Fd fd, std::uint64_t offset, std::size_t count) {
  return call([&]() -> Result<void> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    if (!(*open)->reads()) return Errno(EBADF);
    if (!(*open)->inode->is_regular()) return Errno(EINVAL);
    if (count > kMaxSize) return Errno(EINVAL);
    return kernel_.filesystem.advise(**open, offset, count, POSIX_FADV_WILLNEED, process_);
  });
}

// filp_close: FLUSH for every descriptor, RELEASE after the last.
Outcome<void> SystemCalls::close(Fd fd) {
  return call([&]() -> Result<void> {
    Result<File> closed = file(fd, Access::kPathOnly);
    if (!closed) return closed.error();
    files_[place_of(fd)] = nullptr;
    return close_file(*closed);
  });
}

Result<void> SystemCalls::close_file(const File& file) {
  if (file->path_only) return {};
  kernel_.filesystem.drop_local_locks(*file, process_);
  const Result<void> flushed = file->inode->is_directory() ? Result<void>{} : kernel_.filesystem.flush(*file, process_);
  if (--file->users == 0) kernel_.filesystem.release(*file, process_);
  return flushed;
}

Outcome<Fd> SystemCalls::dup(Fd fd) {
  Result<File> open = file(fd, Access::kPathOnly);
  if (!open) return open.error();
  return install(*open);
}

// fs/fcntl.c setfl.
Outcome<int> SystemCalls::fcntl(Fd fd, int command, int argument) {
  return call([&]() -> Result<int> {
    const Result<File> open = file(fd, command == F_GETFL ? Access::kPathOnly : Access::kAny);
    if (!open) return open.error();
    kernel::OpenFile& opened = **open;
    if (command == F_GETFL) return opened.flags;
    if (command != F_SETFL) return Errno(EINVAL);
    constexpr int kChangeable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;
    const int set = argument & ~opened.flags;
    if ((set & O_NOATIME) != 0 && !process_.capable() && process_.uid != opened.inode->uid) return Errno(EPERM);
    if ((set & O_DIRECT) != 0 && !opened.inode->is_regular()) return Errno(EINVAL);
    opened.flags = (argument & kChangeable) | (opened.flags & ~kChangeable);
    return 0;
  });
}

Outcome<std::size_t> SystemCalls::pread(Fd fd, std::span<std::byte> into, std::uint64_t offset) {
  return call([&]() -> Result<std::size_t> {
    if (offset > kMaxSize) return Errno(EINVAL);
    const Result<File> open = file(fd, Access::kReadAt);
    if (!open) return open.error();
    if ((*open)->inode->is_directory()) return Errno(EISDIR);
    if (offset + into.size() > kMaxSize) return Errno(EINVAL);
    return kernel_.filesystem.read(**open, offset, into, process_);
  });
}

Outcome<std::size_t> SystemCalls::read(Fd fd, std::span<std::byte> into) {
  return call([&]() -> Result<std::size_t> {
    const Result<File> open = file(fd, Access::kRead);
    if (!open) return open.error();
    if ((*open)->inode->is_directory()) return Errno(EISDIR);
    const std::uint64_t from = (*open)->streams() ? 0 : (*open)->position;
    if (from + into.size() > kMaxSize) return Errno(EINVAL);
    const Result<std::size_t> done = kernel_.filesystem.read(**open, from, into, process_);
    if (done) (*open)->position += *done;
    return done;
  });
}

Outcome<std::string> SystemCalls::read(Fd fd, std::size_t size) {
  std::string text(size, '\0');
  const Outcome<std::size_t> done = read(fd, writable(text));
  if (!done) return done.error();
  text.resize(*done);
  return text;
}

Outcome<std::string> SystemCalls::pread(Fd fd, std::size_t size, std::uint64_t offset) {
  std::string text(size, '\0');
  const Outcome<std::size_t> done = pread(fd, writable(text), offset);
  if (!done) return done.error();
  text.resize(*done);
  return text;
}

Outcome<std::size_t> SystemCalls::pwrite(Fd fd, std::string_view data, std::uint64_t offset) {
  return call([&]() -> Result<std::size_t> {
    if (offset > kMaxSize) return Errno(EINVAL);
    const Result<File> open = file(fd, Access::kWriteAt);
    if (!open) return open.error();
    if (offset + data.size() > kMaxSize) return Errno(EINVAL);
    return kernel_.filesystem.write(**open, offset, bytes(data), process_);
  });
}

Outcome<std::size_t> SystemCalls::write(Fd fd, std::string_view data) {
  return call([&]() -> Result<std::size_t> {
    const Result<File> open = file(fd, Access::kWrite);
    if (!open) return open.error();
    std::uint64_t offset = (*open)->streams() ? 0 : (*open)->position;
    if (offset + data.size() > kMaxSize) return Errno(EINVAL);
    const Result<std::size_t> done = kernel_.filesystem.write(**open, offset, bytes(data), process_);
    if (done) (*open)->position = offset + *done;
    return done;
  });
}

namespace {

/// Beyond 2^63 it is negative, as the kernel adds (-fno-strict-overflow).
std::int64_t sum(std::int64_t offset, std::uint64_t to) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(offset) + to);
}

}  // namespace

// fuse_file_llseek, fuse_dir_llseek.
Outcome<std::uint64_t> SystemCalls::lseek(Fd fd, std::int64_t offset, int whence) {
  return call([&]() -> Result<std::uint64_t> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    kernel::OpenFile& at = **open;
    if (!at.seeks()) return Errno(ESPIPE);
    std::int64_t target = offset;
    switch (whence) {
      case SEEK_SET:
        break;
      case SEEK_CUR:
        target = sum(offset, at.position);
        break;
      case SEEK_END: {
        if (!at.inode->is_directory()) {
          const kernel::InodeLock held = kernel_.filesystem.lock(*at.inode, kernel::LockMode::kExclusive);
          const Result<void> known = kernel_.filesystem.update_attributes(*at.inode, &at, STATX_SIZE, process_);
          if (!known) return known.error();
        }
        target = sum(offset, at.inode->size);
        break;
      }
      case SEEK_DATA:
      case SEEK_HOLE: {
        if (at.inode->is_directory()) {  // generic_file_llseek: all of it is data
          if (static_cast<std::uint64_t>(offset) >= at.inode->size) return Errno(ENXIO);
          target = whence == SEEK_DATA ? offset : static_cast<std::int64_t>(at.inode->size);
          break;
        }
        const Result<std::uint64_t> found =
            kernel_.filesystem.seek(at, static_cast<std::uint64_t>(offset), whence, process_);
        if (!found) return found;
        target = static_cast<std::int64_t>(*found);
        break;
      }
      default:
        return Errno(EINVAL);
    }
    if (target < 0) return Errno(EINVAL);
    at.position = static_cast<std::uint64_t>(target);
    return at.position;
  });
}

// do_truncate, by descriptor.
Outcome<void> SystemCalls::ftruncate(Fd fd, std::uint64_t size) {
  return call([&]() -> Result<void> {
    if (size > kMaxSize) return Errno(EINVAL);
    const Result<File> open = file(fd);
    if (!open) return open.error();
    if (!(*open)->writes() || !(*open)->inode->is_regular()) return Errno(EINVAL);
    kernel::Inode& inode = *(*open)->inode;
    kernel::Change change;
    change.valid = kSetattrSize;
    change.size = size;
    change.file = open->get();
    return kernel_.filesystem.truncate(inode, change, process_);
  });
}

Outcome<void> SystemCalls::fallocate(Fd fd, int mode, std::uint64_t offset, std::uint64_t length) {
  return call([&]() -> Result<void> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    if (length == 0 || offset > kMaxSize || length > kMaxSize) return Errno(EINVAL);
    const int kind = mode & ~FALLOC_FL_KEEP_SIZE;
    if ((kind & (kind - 1)) != 0) return Errno(EOPNOTSUPP);
    if (kind == FALLOC_FL_PUNCH_HOLE && (mode & FALLOC_FL_KEEP_SIZE) == 0) return Errno(EOPNOTSUPP);
    if (!(*open)->writes()) return Errno(EBADF);
    if (offset + length > kMaxSize) return Errno(EFBIG);
    return kernel_.filesystem.fallocate(**open, static_cast<std::uint32_t>(mode), offset, length, process_);
  });
}

// vfs_copy_file_range, generic_copy_file_checks; where the server has no such operation, by reading and writing.
Outcome<std::size_t> SystemCalls::copy_file_range(Fd in, std::uint64_t in_offset, Fd out, std::uint64_t out_offset,
                                                  std::size_t length) {
  return call([&]() -> Result<std::size_t> {
    const Result<File> from = file(in);
    if (!from) return from.error();
    const Result<File> to = file(out);
    if (!to) return to.error();
    if ((*from)->inode->is_directory() || (*to)->inode->is_directory()) return Errno(EISDIR);
    if (!(*from)->reads() || !(*to)->writes() || ((*to)->flags & O_APPEND) != 0) return Errno(EBADF);
    if (in_offset + length < in_offset || out_offset + length < out_offset) return Errno(EOVERFLOW);
    const std::uint64_t size = (*from)->inode->size;
    std::uint64_t count = in_offset >= size ? 0 : std::min<std::uint64_t>(length, size - in_offset);
    if (count > 0 && out_offset >= kMaxSize) return Errno(EFBIG);
    count = std::min(count, kMaxSize - out_offset);
    if ((*from)->inode == (*to)->inode && out_offset + count > in_offset && out_offset < in_offset + count) {
      return Errno(EINVAL);
    }
    if (count == 0) return std::size_t{0};
    Result<std::uint64_t> copied =
        kernel_.filesystem.copy_file_range(**from, in_offset, **to, out_offset, count, process_);
    if (copied || (copied.error() != Errno(EOPNOTSUPP) && copied.error() != Errno(EXDEV))) return copied;
    return kernel_.filesystem.splice(**from, in_offset, **to, out_offset, count, process_);
  });
}

Outcome<void> SystemCalls::fsync(Fd fd) {
  return call([&]() -> Result<void> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    return kernel_.filesystem.fsync(**open, SyncKind::kAll, process_);
  });
}

Outcome<void> SystemCalls::fdatasync(Fd fd) {
  return call([&]() -> Result<void> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    return kernel_.filesystem.fsync(**open, SyncKind::kDataOnly, process_);
  });
}

// sync_filesystem; of the server nothing is asked on a plain mount (fuse_sync_fs).
Outcome<void> SystemCalls::syncfs(Fd fd) {
  return call([&]() -> Result<void> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    kernel_.filesystem.sync_all();
    return kernel_.filesystem.take_mount_errors(**open);
  });
}

Outcome<std::vector<ListedEntry>> SystemCalls::getdents(Fd fd, std::size_t size) {
  return call([&]() -> Result<std::vector<ListedEntry>> {
    const Result<File> open = file(fd);
    if (!open) return open.error();
    if (!(*open)->inode->is_directory()) return Errno(ENOTDIR);
    Result<std::vector<kernel::EmittedEntry>> emitted = kernel_.filesystem.readdir(**open, size, process_);
    if (!emitted) return emitted.error();
    std::vector<ListedEntry> entries;
    entries.reserve(emitted->size());
    for (kernel::EmittedEntry& entry : *emitted) {
      entries.push_back(
          {.name = std::move(entry.name), .ino = entry.ino, .type = entry.type, .position = entry.offset});
    }
    return entries;
  });
}

Outcome<std::vector<std::string>> SystemCalls::list(std::string_view path) {
  const Outcome<Fd> directory = open(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  std::vector<std::string> names;
  Outcome<std::vector<ListedEntry>> page = getdents(*directory);
  for (; page && !page->empty(); page = getdents(*directory)) {
    for (ListedEntry& entry : *page) {
      if (entry.name != "." && entry.name != "..") names.push_back(std::move(entry.name));
    }
  }
  close(*directory);
  if (!page) return page.error();
  return names;
}

}  // namespace fusereplay

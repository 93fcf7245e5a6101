#include "tests/simulator/tuned.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace fusereplay::testing {
namespace {

struct Word {
  std::string_view name;
  std::uint64_t bit;
};

/// Calls visit(word) for each word of the comma list.
template <class Visit>
void for_each_word(std::string_view list, const Visit& visit) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    visit(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

std::uint64_t bits(std::string_view list, std::span<const Word> known) {
  std::uint64_t all = 0;
  for_each_word(list, [&](std::string_view word) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const Word& one) { return one.name == word; });
    if (found == known.end()) throw std::runtime_error("no such flag: " + std::string(word));
    all |= found->bit;
  });
  return all;
}

constexpr Word kInitWords[] = {{"atomic_o_trunc", kInitAtomicOTrunc},
                               {"dont_mask", kInitDontMask},
                               {"async_read", kInitAsyncRead},
                               {"async_dio", kInitAsyncDio},
                               {"big_writes", kInitBigWrites},
                               {"auto_inval", kInitAutoInvalData},
                               {"explicit_inval", kInitExplicitInvalData},
                               {"readdirplus", kInitDoReaddirplus},
                               {"readdirplus_auto", kInitReaddirplusAuto},
                               {"parallel", kInitParallelDirops},
                               {"killpriv", kInitHandleKillpriv},
                               {"killpriv_v2", kInitHandleKillprivV2},
                               {"max_pages", kInitMaxPages},
                               {"setxattr_ext", kInitSetxattrExt},
                               {"cache_symlinks", kInitCacheSymlinks},
                               {"writeback", kInitWritebackCache},
                               {"posix_acl", kInitPosixAcl},
                               {"export_support", kInitExportSupport},
                               {"no_export_support", kInitNoExportSupport},
                               {"direct_io_allow_mmap", kInitDirectIoAllowMmap}};
constexpr Word kOpenWords[] = {{"direct_io", kFopenDirectIo},
                               {"keep_cache", kFopenKeepCache},
                               {"nonseekable", kFopenNonseekable},
                               {"cache_dir", kFopenCacheDir},
                               {"stream", kFopenStream},
                               {"noflush", kFopenNoflush},
                               {"parallel_direct_writes", kFopenParallelDirectWrites}};

Errno errno_named(std::string_view name) {
  for (int value = 1; value < 512; ++value) {
    if (to_string(Errno(value)) == name) return Errno(value);
  }
  throw std::runtime_error("no such error: " + std::string(name));
}

}  // namespace

Tuning::Tuning(std::string_view line) {
  while (line.starts_with('[')) {
    const std::size_t end = line.find(']');
    const std::string_view one = line.substr(1, end - 1);
    const std::size_t colon = std::min(one.find(':'), one.size());
    values.emplace(one.substr(0, colon), one.substr(std::min(colon + 1, one.size())));
    line.remove_prefix(end + 1);
  }
  const auto list = [this](std::string_view key) -> std::string_view {
    const auto found = values.find(key);
    return found == values.end() ? std::string_view() : found->second;
  };
  default_permissions = has("default_permissions");
  fopen = static_cast<std::uint32_t>(bits(list("open"), kOpenWords));
  fopendir = static_cast<std::uint32_t>(bits(list("opendir"), kOpenWords));
  wanted = bits(list("want"), kInitWords);
  refused = bits(list("refuse"), kInitWords);
  for_each_word(list("without"), [&](std::string_view word) { errors.emplace(word, Errno(ENOSYS)); });
  fail(list("fail"));
}

void Tuning::fail(std::string_view list) {
  for_each_word(list, [&](std::string_view word) {
    const std::size_t equals = word.find('=');
    errors.emplace(word.substr(0, equals), errno_named(word.substr(equals + 1)));
  });
}

bool Tuning::has(std::string_view key, std::string_view word) const {
  bool found = false;
  const auto list = values.find(key);
  if (list != values.end()) for_each_word(list->second, [&](std::string_view one) { found |= one == word; });
  return found;
}

std::uint32_t Tuning::number(std::string_view key, std::uint32_t otherwise) const {
  const auto found = values.find(key);
  return found == values.end() ? otherwise : static_cast<std::uint32_t>(std::stoul(found->second));
}

Timeout Tuning::timeout(std::string_view key) const {
  if (has("uncached") || has(key, "none")) return {};
  if (has(key, "small")) return {50'000'000};
  if (has(key, "huge")) return {UINT64_MAX};
  return Timeout::seconds(100'000);
}

std::optional<Errno> Tuned::failure(std::string_view operation) const {
  const auto found = tuning_.errors.find(operation);
  if (found == tuning_.errors.end()) return std::nullopt;
  return found->second;
}

void Tuned::tune(Entry& entry) const noexcept {
  entry.entry_timeout = tuning_.timeout("entry");
  entry.attribute_timeout = tuning_.timeout("attr");
}

Async<Entry> Tuned::tuned(Async<Entry> entry) const {
  Entry found = co_await std::move(entry);
  tune(found);
  co_return found;
}

Async<void> Tuned::init(Connection& connection) {
  co_await inner_->init(connection);
  const Capability wanted{tuning_.wanted};
  const Capability refused{tuning_.refused};
  co_await connection.require(wanted);
  connection.refuse(refused);
  Connection::Limits& limits = connection.limits();
  limits.max_write = tuning_.number("max_write", limits.max_write);
  limits.max_readahead = tuning_.number("readahead", limits.max_readahead);
  limits.max_background = static_cast<std::uint16_t>(tuning_.number("background", limits.max_background));
  co_return {};
}

Async<Entry> Tuned::lookup(const Request& request, NodeId parent, std::string_view name) {
  if (name == "broken") return Errno(EIO);
  if (name.starts_with("negative")) return Entry{.node = {}, .entry_timeout = tuning_.timeout("negative")};
  if (const auto error = failure("lookup")) return *error;
  return tuned(inner_->lookup(request, parent, name));
}

Async<AttributesReply> Tuned::getattr(const Request& request, NodeId node, std::optional<FileHandle> handle) {
  if (const auto error = failure("getattr")) co_return *error;
  AttributesReply reply = co_await inner_->getattr(request, node, handle);
  reply.timeout = tuning_.timeout("attr");
  co_return reply;
}

Async<AttributesReply> Tuned::setattr(const Request& request, NodeId node, const SetAttributes& changes) {
  if (const auto error = failure("setattr")) co_return *error;
  AttributesReply reply = co_await inner_->setattr(request, node, changes);
  reply.timeout = tuning_.timeout("attr");
  co_return reply;
}

Async<StatxReply> Tuned::statx(const Request& request, NodeId node, const StatxRequest& wanted) {
  if (const auto error = failure("statx")) co_return *error;
  StatxReply reply = co_await inner_->statx(request, node, wanted);
  reply.timeout = tuning_.timeout("attr");
  co_return reply;
}

Async<void> Tuned::access(const Request&, NodeId, std::uint32_t mask) {
  if (const auto error = failure("access")) return *error;
  if (!tuning_.has("access")) return Errno(ENOSYS);
  return mask == 2 ? Async<void>(Errno(EACCES)) : Async<void>(Result<void>{});
}

Async<std::string> Tuned::readlink(const Request& request, NodeId node) {
  if (const auto error = failure("readlink")) return *error;
  return inner_->readlink(request, node);
}

Async<Entry> Tuned::symlink(const Request& request, NodeId parent, std::string_view name, std::string_view target,
                            const Creation& creation) {
  if (const auto error = failure("symlink")) return *error;
  return tuned(inner_->symlink(request, parent, name, target, creation));
}

Async<Entry> Tuned::mknod(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                          std::uint32_t rdev) {
  if (const auto error = failure("mknod")) return *error;
  return tuned(inner_->mknod(request, parent, name, creation, rdev));
}

Async<Entry> Tuned::mkdir(const Request& request, NodeId parent, std::string_view name, const Creation& creation) {
  if (const auto error = failure("mkdir")) return *error;
  return tuned(inner_->mkdir(request, parent, name, creation));
}

Async<void> Tuned::unlink(const Request& request, NodeId parent, std::string_view name) {
  if (const auto error = failure("unlink")) return *error;
  return inner_->unlink(request, parent, name);
}

Async<void> Tuned::rmdir(const Request& request, NodeId parent, std::string_view name) {
  if (const auto error = failure("rmdir")) return *error;
  return inner_->rmdir(request, parent, name);
}

Async<void> Tuned::rename(const Request& request, NodeId parent, std::string_view name, NodeId new_parent,
                          std::string_view new_name, std::uint32_t flags) {
  if (const auto error = failure(flags == 0 ? "rename" : "rename2")) return *error;
  return inner_->rename(request, parent, name, new_parent, new_name, flags);
}

Async<Entry> Tuned::link(const Request& request, NodeId node, NodeId new_parent, std::string_view new_name) {
  if (const auto error = failure("link")) return *error;
  return tuned(inner_->link(request, node, new_parent, new_name));
}

Async<Opened> Tuned::open(const Request& request, NodeId node, std::uint32_t flags) {
  if (const auto error = failure("open")) co_return *error;
  Opened opened = co_await inner_->open(request, node, flags);
  opened.flags |= tuning_.fopen;
  co_return opened;
}

Async<Created> Tuned::create(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                             std::uint32_t flags) {
  if (const auto error = failure("create")) co_return *error;
  Created created = co_await inner_->create(request, parent, name, creation, flags);
  tune(created.entry);
  created.opened.flags |= tuning_.fopen;
  co_return created;
}

Async<Created> Tuned::tmpfile(const Request& request, NodeId parent, const Creation& creation, std::uint32_t flags) {
  if (const auto error = failure("tmpfile")) co_return *error;
  Created created = co_await inner_->tmpfile(request, parent, creation, flags);
  tune(created.entry);
  created.opened.flags |= tuning_.fopen;
  co_return created;
}

Async<void> Tuned::read(const Request& request, NodeId node, FileHandle handle, Offset offset, DataWriter& out) {
  if (const auto error = failure("read")) co_return *error;
  co_await inner_->read(request, node, handle, offset, out);
  if (!tuning_.has("short", "read")) co_return {};
  const std::vector<std::byte> half(out.data().begin(),
                                    out.data().begin() + static_cast<std::ptrdiff_t>(out.data().size() / 2));
  out.clear();
  out.append(half);
  co_return {};
}

Async<std::uint32_t> Tuned::write(const Request& request, NodeId node, FileHandle handle, Offset offset, Bytes data,
                                  std::uint32_t flags) {
  if (const auto error = failure("write")) return *error;
  return inner_->write(request, node, handle, offset,
                       tuning_.has("short", "write") ? data.first((data.size() + 1) / 2) : data, flags);
}

Async<void> Tuned::flush(const Request& request, NodeId node, FileHandle handle, LockOwner owner) {
  if (const auto error = failure("flush")) return *error;
  return inner_->flush(request, node, handle, owner);
}

Async<void> Tuned::fsync(const Request& request, NodeId node, FileHandle handle, SyncKind kind) {
  if (const auto error = failure("fsync")) return *error;
  return inner_->fsync(request, node, handle, kind);
}

Async<Opened> Tuned::opendir(const Request& request, NodeId node, std::uint32_t flags) {
  if (const auto error = failure("opendir")) co_return *error;
  Opened opened = co_await inner_->opendir(request, node, flags);
  opened.flags |= tuning_.fopendir;
  co_return opened;
}

Async<void> Tuned::readdir(const Request& request, NodeId node, FileHandle handle, Cookie from, DirectoryWriter& out) {
  if (const auto error = failure("readdir")) return *error;
  return inner_->readdir(request, node, handle, from, out);
}

Async<void> Tuned::fsyncdir(const Request& request, NodeId node, FileHandle handle, SyncKind kind) {
  if (const auto error = failure("fsyncdir")) return *error;
  return inner_->fsyncdir(request, node, handle, kind);
}

Async<FilesystemStatistics> Tuned::statfs(const Request& request, NodeId node) {
  if (const auto error = failure("statfs")) return *error;
  return inner_->statfs(request, node);
}

Async<void> Tuned::setxattr(const Request& request, NodeId node, std::string_view name, const SetXattr& attribute) {
  for (const std::string_view what : {"behind", "cut", "mode", "remove", "replace", "fail"}) {
    if (name.starts_with("user.") && name.substr(5) == what) return behind(request, node, what, attribute);
  }
  if (const auto error = failure("setxattr")) return *error;
  return inner_->setxattr(request, node, name, attribute);
}

Async<void> Tuned::behind(const Request& request, NodeId node, std::string_view what, const SetXattr& attribute) {
  const std::string value(reinterpret_cast<const char*>(attribute.value.data()), attribute.value.size());
  if (what == "behind") {
    co_await write_behind(request, node, attribute.value);
  } else if (what == "remove") {
    co_await inner_->unlink(request, node, value);
  } else if (what == "replace") {
    co_await replace_behind(request, node, value);
  } else if (what == "fail") {
    tuning_.errors.clear();
    tuning_.fail(value);
  } else {
    SetAttributes changes;
    changes.valid = what == "cut" ? kSetattrSize : kSetattrMode;
    changes.size = std::stoull(value);
    changes.mode = static_cast<std::uint32_t>(std::stoul(value, nullptr, 8));
    co_await inner_->setattr(request, node, changes);
  }
  co_return {};
}

Async<void> Tuned::write_behind(const Request& request, NodeId node, Bytes data) {
  const Opened file = co_await inner_->open(request, node, O_WRONLY);
  co_await inner_->write(request, node, file.handle, 0, data, 0);
  Release how;
  how.flags = O_WRONLY;
  co_await inner_->release(node, file.handle, how);
  co_return {};
}

Async<void> Tuned::replace_behind(const Request& request, NodeId node, std::string_view name) {
  co_await inner_->unlink(request, node, name);
  Creation creation;
  creation.mode = S_IFREG | 0640;
  const Entry made = co_await inner_->mknod(request, node, name, creation, 0);
  co_await inner_->forget(made.node, 1);
  co_return {};
}

Async<void> Tuned::getxattr(const Request& request, NodeId node, std::string_view name, XattrWriter& out) {
  if (const auto error = failure("getxattr")) return *error;
  return inner_->getxattr(request, node, name, out);
}

Async<void> Tuned::listxattr(const Request& request, NodeId node, XattrListWriter& out) {
  if (const auto error = failure("listxattr")) return *error;
  return inner_->listxattr(request, node, out);
}

Async<void> Tuned::removexattr(const Request& request, NodeId node, std::string_view name) {
  if (const auto error = failure("removexattr")) return *error;
  return inner_->removexattr(request, node, name);
}

Async<FileLock> Tuned::getlk(const Request& request, NodeId node, FileHandle handle, LockOwner owner,
                             const FileLock& lock) {
  if (const auto error = failure("getlk")) return *error;
  return inner_->getlk(request, node, handle, owner, lock);
}

Async<void> Tuned::setlk(const Request& request, NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock,
                         LockWait wait) {
  if (const auto error = failure("setlk")) return *error;
  return inner_->setlk(request, node, handle, owner, lock, wait);
}

Async<void> Tuned::flock(const Request& request, NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock,
                         LockWait wait) {
  if (const auto error = failure("flock")) return *error;
  return inner_->flock(request, node, handle, owner, lock, wait);
}

Async<std::int32_t> Tuned::ioctl(const Request& request, NodeId node, FileHandle handle, const IoctlRequest& what,
                                 DataWriter& out) {
  if (const auto error = failure("ioctl")) return *error;
  if (!tuning_.has("ioctl")) return inner_->ioctl(request, node, handle, what, out);
  switch (what.command) {
    case FS_IOC_GETFLAGS:
    case FS_IOC_SETFLAGS:
    case FS_IOC_FSGETXATTR:
    case FS_IOC_FSSETXATTR:
      return file_flags(node, what, out);
    default:
      break;
  }
  constexpr std::uint32_t kHalf = 150;
  constexpr std::int32_t kErrors = 200;
  if (_IOC_TYPE(what.command) != 'f') return Errno(ENOTTY);
  std::vector<std::byte> turned(what.input.rbegin(), what.input.rend());
  turned.resize(_IOC_NR(what.command) == kHalf ? what.output_size / 2 : what.output_size, std::byte{'.'});
  out.append(turned);
  const auto number = static_cast<std::int32_t>(_IOC_NR(what.command));
  return Result<std::int32_t>(number > kErrors ? kErrors - number : number);
}

Result<std::int32_t> Tuned::file_flags(NodeId node, const IoctlRequest& what, DataWriter& out) {
  std::uint32_t& flags = flags_[node];
  std::vector<std::byte>& extended = extended_[node];
  extended.resize(sizeof(fsxattr));
  switch (what.command) {
    case FS_IOC_GETFLAGS:
      out.append(std::as_bytes(std::span(&flags, 1)));
      break;
    case FS_IOC_SETFLAGS:
      std::memcpy(&flags, what.input.data(), sizeof(flags));
      break;
    case FS_IOC_FSGETXATTR:
      out.append(extended);
      break;
    default:
      extended.assign(what.input.begin(), what.input.end());
  }
  return 0;
}

Async<std::uint32_t> Tuned::poll(const Request& request, NodeId node, FileHandle handle, const PollRequest& what) {
  if (const auto error = failure("poll")) return *error;
  return inner_->poll(request, node, handle, what);
}

Async<void> Tuned::fallocate(const Request& request, NodeId node, FileHandle handle, Offset offset,
                             std::uint64_t length, std::uint32_t mode) {
  if (const auto error = failure("fallocate")) return *error;
  return inner_->fallocate(request, node, handle, offset, length, mode);
}

Async<Offset> Tuned::lseek(const Request& request, NodeId node, FileHandle handle, Offset offset,
                           std::uint32_t whence) {
  if (const auto error = failure("lseek")) return *error;
  return inner_->lseek(request, node, handle, offset, whence);
}

Async<std::uint64_t> Tuned::copy_file_range(const Request& request, const CopyRange& range) {
  if (const auto error = failure("copy_file_range")) return *error;
  if (request.view().opcode() == Opcode::kCopyFileRange64) {
    if (const auto error = failure("copy_file_range_64")) return *error;
  }
  return inner_->copy_file_range(request, range);
}

}  // namespace fusereplay::testing

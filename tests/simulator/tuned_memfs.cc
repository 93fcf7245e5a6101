#include "tests/simulator/tuned_memfs.h"

namespace fusereplay::testing {
namespace {

constexpr Errno kNotThere{ENOSYS};

/// What stands in "[key:...]" of `line`; empty where there is none.
std::string bracket(std::string_view line, const std::string& key) {
  const std::size_t at = line.find("[" + key + ":");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + key.size() + 2);
  return std::string(rest.substr(0, rest.find(']')));
}

std::uint64_t init_flags(std::string_view list) {
  std::uint64_t flags = 0;
  const auto add = [&](std::string_view word, std::uint64_t flag) {
    if (Tuning::has(list, word)) flags |= flag;
  };
  add("atomic_o_trunc", kInitAtomicOTrunc);
  add("dont_mask", kInitDontMask);
  add("async_read", kInitAsyncRead);
  add("big_writes", kInitBigWrites);
  add("auto_inval", kInitAutoInvalData);
  add("explicit_inval", kInitExplicitInvalData);
  add("readdirplus", kInitDoReaddirplus);
  add("readdirplus_auto", kInitReaddirplusAuto);
  add("parallel", kInitParallelDirops);
  add("killpriv", kInitHandleKillpriv);
  add("killpriv_v2", kInitHandleKillprivV2);
  add("max_pages", kInitMaxPages);
  add("setxattr_ext", kInitSetxattrExt);
  return flags;
}

}  // namespace

bool Tuning::has(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    if (list.substr(0, list.find(',')) == word) return true;
    list.remove_prefix(
        std::min(list.find(',') == std::string_view::npos ? list.size() : list.find(',') + 1, list.size()));
  }
  return false;
}

Tuning::Tuning(std::string_view script) {
  const std::string_view line = script.substr(0, script.find('\n', 1));
  const bool cached = line.find("[uncached]") == std::string_view::npos;
  options.entry_timeout = options.attribute_timeout = cached ? Timeout::seconds(100'000) : Timeout{};
  default_permissions = line.find("[default_permissions]") != std::string_view::npos;
  without = bracket(line, "without");
  answers_access = line.find("[access]") != std::string_view::npos;
  const std::string open = bracket(line, "open");
  if (has(open, "direct_io")) fopen |= kFopenDirectIo;
  if (has(open, "keep_cache")) fopen |= kFopenKeepCache;
  if (has(open, "noflush")) fopen |= kFopenNoflush;
  wanted = init_flags(bracket(line, "want"));
  refused = init_flags(bracket(line, "refuse"));
}

Async<void> TunedMemfs::init(Connection& connection) {
  co_await Memfs::init(connection);
  if (tuning_.wanted != 0) co_await connection.want(tuning_.wanted);
  connection.refuse(tuning_.refused);
  co_return {};
}

Async<void> TunedMemfs::access(const Request& request, NodeId node, std::uint32_t mask) {
  if (!tuning_.answers_access) return Memfs::access(request, node, mask);
  return mask == 2 ? Async<void>(Errno(EACCES)) : Async<void>(Result<void>{});
}

Async<StatxReply> TunedMemfs::statx(const Request& request, NodeId node, const StatxRequest& wanted) {
  if (tuning_.lacks("statx")) return kNotThere;
  return Memfs::statx(request, node, wanted);
}

Async<Entry> TunedMemfs::lookup(const Request& request, NodeId parent, std::string_view name) {
  if (name == "broken") return Errno(EIO);
  if (name == "negative") {
    return Entry{.node = {}, .entry_timeout = Timeout::seconds(1000)};
  }
  return Memfs::lookup(request, parent, name);
}

Async<Opened> TunedMemfs::open(const Request& request, NodeId node, std::uint32_t flags) {
  if (tuning_.lacks("open")) co_return kNotThere;
  Opened opened = co_await Memfs::open(request, node, flags);
  opened.flags |= tuning_.fopen;
  co_return opened;
}

Async<Created> TunedMemfs::create(const Request& request, NodeId parent, std::string_view name,
                                  const Creation& creation, std::uint32_t flags) {
  if (tuning_.lacks("create")) co_return kNotThere;
  Created created = co_await Memfs::create(request, parent, name, creation, flags);
  created.opened.flags |= tuning_.fopen;
  co_return created;
}

Async<Created> TunedMemfs::tmpfile(const Request& request, NodeId parent, const Creation& creation,
                                   std::uint32_t flags) {
  if (tuning_.lacks("tmpfile")) return kNotThere;
  return Memfs::tmpfile(request, parent, creation, flags);
}

Async<Opened> TunedMemfs::opendir(const Request& request, NodeId node, std::uint32_t flags) {
  if (tuning_.lacks("opendir")) return kNotThere;
  return Memfs::opendir(request, node, flags);
}

Async<void> TunedMemfs::flush(const Request& request, NodeId node, FileHandle handle, LockOwner owner) {
  if (tuning_.lacks("flush")) return kNotThere;
  return Memfs::flush(request, node, handle, owner);
}

Async<void> TunedMemfs::fsync(const Request& request, NodeId node, FileHandle handle, SyncKind kind) {
  if (tuning_.lacks("fsync")) return kNotThere;
  return Memfs::fsync(request, node, handle, kind);
}

Async<void> TunedMemfs::fsyncdir(const Request& request, NodeId node, FileHandle handle, SyncKind kind) {
  if (tuning_.lacks("fsyncdir")) return kNotThere;
  return Memfs::fsyncdir(request, node, handle, kind);
}

Async<void> TunedMemfs::rename(const Request& request, NodeId parent, std::string_view name, NodeId new_parent,
                               std::string_view new_name, std::uint32_t flags) {
  if (flags != 0 && tuning_.lacks("rename2")) return kNotThere;
  return Memfs::rename(request, parent, name, new_parent, new_name, flags);
}

Async<Entry> TunedMemfs::link(const Request& request, NodeId node, NodeId new_parent, std::string_view new_name) {
  if (tuning_.lacks("link")) return kNotThere;
  return Memfs::link(request, node, new_parent, new_name);
}

Async<void> TunedMemfs::setxattr(const Request& request, NodeId node, std::string_view name,
                                 const SetXattr& attribute) {
  if (tuning_.lacks("setxattr")) return kNotThere;
  return Memfs::setxattr(request, node, name, attribute);
}

Async<void> TunedMemfs::getxattr(const Request& request, NodeId node, std::string_view name, XattrWriter& out) {
  if (tuning_.lacks("getxattr")) return kNotThere;
  return Memfs::getxattr(request, node, name, out);
}

Async<void> TunedMemfs::listxattr(const Request& request, NodeId node, XattrListWriter& out) {
  if (tuning_.lacks("listxattr")) return kNotThere;
  return Memfs::listxattr(request, node, out);
}

Async<void> TunedMemfs::removexattr(const Request& request, NodeId node, std::string_view name) {
  if (tuning_.lacks("removexattr")) return kNotThere;
  return Memfs::removexattr(request, node, name);
}

Async<void> TunedMemfs::fallocate(const Request& request, NodeId node, FileHandle handle, Offset offset,
                                  std::uint64_t length, std::uint32_t mode) {
  if (tuning_.lacks("fallocate")) return kNotThere;
  return Memfs::fallocate(request, node, handle, offset, length, mode);
}

Async<Offset> TunedMemfs::lseek(const Request& request, NodeId node, FileHandle handle, Offset offset,
                                std::uint32_t whence) {
  if (tuning_.lacks("lseek")) return kNotThere;
  return Memfs::lseek(request, node, handle, offset, whence);
}

Async<std::uint64_t> TunedMemfs::copy_file_range(const Request& request, const CopyRange& range) {
  if (tuning_.lacks("copy_file_range")) return kNotThere;
  return Memfs::copy_file_range(request, range);
}

}  // namespace fusereplay::testing

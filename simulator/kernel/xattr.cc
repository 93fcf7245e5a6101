// Extended attributes (fs/fuse/xattr.c) and statfs (fs/fuse/inode.c).
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "simulator/kernel/filesystem.h"

namespace fusereplay::kernel {
namespace {

constexpr std::uint32_t kMostValue = 65536;  // XATTR_SIZE_MAX

/// ENOSYS: the operation is never asked for again, and the caller hears EOPNOTSUPP (reference 3.3).
Errno translate(Errno error, bool& none) noexcept {
  if (error != Errno(ENOSYS)) return error;
  none = true;
  return Errno(EOPNOTSUPP);
}

/// fuse_verify_xattr_list.
bool is_list(Bytes data) noexcept {
  while (!data.empty()) {
    const auto* const end = static_cast<const std::byte*>(std::memchr(data.data(), 0, data.size()));
    if (end == nullptr || end == data.data()) return false;
    data = data.subspan(static_cast<std::size_t>(end - data.data()) + 1);
  }
  return true;
}

}  // namespace

Result<void> Filesystem::setxattr(Inode& inode, std::string_view name, Bytes value, std::uint32_t flags,
                                  const Process& task) {
  if (inode.bad) return Errno(EIO);
  if (connection_.no_setxattr) return Errno(EOPNOTSUPP);
  const auto request = make(Opcode::kSetxattr, inode.nodeid, task);
  const auto size = static_cast<std::uint32_t>(value.size());
  if (connection_.has(kInitSetxattrExt)) {
    request->add(wire::SetxattrIn{.size = size, .flags = flags, .setxattr_flags = 0, .padding = 0});
  } else {
    request->add(wire::SetxattrInCompat{.size = size, .flags = flags});
  }
  request->name(name).bytes(value);
  const Result<void> answer = call(*request);
  if (!answer) return translate(answer.error(), connection_.no_setxattr);
  change_time_changed(inode, task);
  return {};
}

Result<std::vector<std::byte>> Filesystem::getxattr(Inode& inode, std::string_view name, std::uint32_t size,
                                                    const Process& task) {
  if (inode.bad) return Errno(EIO);
  if (connection_.no_getxattr) return Errno(EOPNOTSUPP);
  const auto request = make(Opcode::kGetxattr, inode.nodeid, task);
  request->add(wire::GetxattrIn{.size = std::min(size, kMostValue), .padding = 0}).name(name);
  const Result<void> answer = call(*request);
  if (!answer) return translate(answer.error(), connection_.no_getxattr);
  return std::vector<std::byte>(request->data().begin(), request->data().end());
}

Result<std::uint32_t> Filesystem::getxattr_size(Inode& inode, std::string_view name, const Process& task) {
  if (inode.bad) return Errno(EIO);
  if (connection_.no_getxattr) return Errno(EOPNOTSUPP);
  const auto request = make(Opcode::kGetxattr, inode.nodeid, task);
  request->add(wire::GetxattrIn{.size = 0, .padding = 0}).name(name);
  const Result<void> answer = call(*request);
  if (!answer) return translate(answer.error(), connection_.no_getxattr);
  return std::min(request->out<wire::GetxattrOut>().size, kMostValue);
}

Result<std::vector<std::byte>> Filesystem::listxattr(Inode& inode, std::uint32_t size, const Process& task) {
  if (inode.bad) return Errno(EIO);
  if (!allows(task)) return Errno(EACCES);
  if (connection_.no_listxattr) return Errno(EOPNOTSUPP);
  const auto request = make(Opcode::kListxattr, inode.nodeid, task);
  request->add(wire::GetxattrIn{.size = std::min(size, kMostValue), .padding = 0});
  const Result<void> answer = call(*request);
  if (!answer) return translate(answer.error(), connection_.no_listxattr);
  if (!is_list(request->data())) return Errno(EIO);
  return std::vector<std::byte>(request->data().begin(), request->data().end());
}

Result<std::uint32_t> Filesystem::listxattr_size(Inode& inode, const Process& task) {
  if (inode.bad) return Errno(EIO);
  if (!allows(task)) return Errno(EACCES);
  if (connection_.no_listxattr) return Errno(EOPNOTSUPP);
  const auto request = make(Opcode::kListxattr, inode.nodeid, task);
  request->add(wire::GetxattrIn{.size = 0, .padding = 0});
  const Result<void> answer = call(*request);
  if (!answer) return translate(answer.error(), connection_.no_listxattr);
  return std::min(request->out<wire::GetxattrOut>().size, kMostValue);
}

Result<void> Filesystem::removexattr(Inode& inode, std::string_view name, const Process& task) {
  if (inode.bad) return Errno(EIO);
  if (connection_.no_removexattr) return Errno(EOPNOTSUPP);
  const auto request = make(Opcode::kRemovexattr, inode.nodeid, task);
  request->name(name);
  const Result<void> answer = call(*request);
  if (!answer) return translate(answer.error(), connection_.no_removexattr);
  change_time_changed(inode, task);
  return {};
}

Result<wire::Kstatfs> Filesystem::statfs(Inode& inode, const Process& task) {
  if (!allows(task)) return wire::Kstatfs{};
  const auto request = make(Opcode::kStatfs, inode.nodeid, task);
  if (const Result<void> answer = call(*request); !answer) return answer.error();
  return request->out<wire::Kstatfs>();
}

}  // namespace fusereplay::kernel

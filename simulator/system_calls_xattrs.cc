// Extended attributes (fs/xattr.c).
#include <linux/limits.h>
#include <sys/xattr.h>

#include <cstring>

#include "simulator/call.h"

namespace fusereplay {

using kernel::Follow;
using kernel::Inode;

namespace {

Bytes bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}
std::string text(const std::vector<std::byte>& data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

bool is_xattr_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= XATTR_NAME_MAX;
}

/// What a call that may be made by path or by descriptor needs of its arguments.
Result<void> check_setting(std::string_view name, std::string_view value, int flags) noexcept {
  if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0) return Errno(EINVAL);
  if (!is_xattr_name(name)) return Errno(ERANGE);
  if (value.size() > XATTR_SIZE_MAX) return Errno(E2BIG);
  return {};
}

constexpr std::string_view kCapability = "security.capability";
constexpr std::size_t kMostOfList = 4096;  // bytes of an access list that FUSE asks for

bool is_access_list(std::string_view name) noexcept {
  return name == "system.posix_acl_access" || name == "system.posix_acl_default";
}

std::uint32_t word_at(std::string_view value) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, value.data(), sizeof(word));
  return word;
}

// cap_convert_nscap, posix_acl_from_xattr: values the kernel looks at itself. Sizes and versions, not what they say.
bool is_valid(std::string_view name, std::string_view value) noexcept {
  if (is_access_list(name)) {
    return value.empty() || (value.size() >= 4 && word_at(value) == 2 && (value.size() - 4) % 8 == 0);
  }
  if (name != kCapability) return true;
  constexpr std::uint32_t kRevision2 = 0x02000000;
  return value.size() == 20 && (word_at(value) & 0xff000000) == kRevision2;
}

/// cap_inode_getsecurity: asks for the size, then for so much, whatever the caller has room for.
Result<std::string> capability_of(kernel::Filesystem& filesystem, Inode& inode, std::size_t size, const Process& task) {
  const Result<std::uint32_t> there = filesystem.getxattr_size(inode, kCapability, task);
  if (!there) return there.error();
  const auto value = filesystem.getxattr(inode, kCapability, *there, task);
  if (!value) return value.error();
  if (value->size() > size) return Errno(ERANGE);
  return text(*value);
}

/// vfs_get_acl, __fuse_get_acl.
Result<std::string> access_list_of(kernel::Filesystem& filesystem, Inode& inode, std::string_view name,
                                   std::size_t size, const Process& task) {
  const auto value = filesystem.getxattr(inode, name, kMostOfList, task);
  if (!value && value.error() == Errno(ERANGE)) return Errno(E2BIG);
  if (!value && value.error() == Errno(EOPNOTSUPP)) return Errno(ENODATA);
  if (!value) return value.error();
  if (value->empty()) return Errno(ENODATA);
  if (value->size() > size) return Errno(ERANGE);
  return text(*value);
}

Result<void> set_value(kernel::Kernel& kernel, Inode& inode, std::string_view name, std::string_view value, int flags,
                       const Process& task) {
  if (const Result<void> may = kernel.walk.xattr_permission(inode, name, kernel::kMayWrite, task); !may) return may;
  if (!is_valid(name, value)) return Errno(EINVAL);
  const kernel::InodeLock held = kernel.filesystem.lock(inode, kernel::LockMode::kExclusive);
  if (name.starts_with("security.")) inode.no_privileges = false;  // __vfs_setxattr_noperm
  if (is_access_list(name) && value.empty()) return kernel.filesystem.removexattr(inode, name, task);
  return kernel.filesystem.setxattr(inode, name, bytes(value), static_cast<std::uint32_t>(flags), task);
}

Result<std::string> value_of(kernel::Kernel& kernel, Inode& inode, std::string_view name, std::size_t size,
                             const Process& task) {
  if (const Result<void> may = kernel.walk.xattr_permission(inode, name, kernel::kMayRead, task); !may) {
    return may.error();
  }
  if (name == kCapability) return capability_of(kernel.filesystem, inode, size, task);
  if (is_access_list(name)) return access_list_of(kernel.filesystem, inode, name, size, task);
  const auto value = kernel.filesystem.getxattr(inode, name, static_cast<std::uint32_t>(size), task);
  if (!value) return value.error();
  return text(*value);
}

Result<std::vector<std::string>> names_of(kernel::Kernel& kernel, Inode& inode, std::size_t size, const Process& task) {
  const auto list = kernel.filesystem.listxattr(inode, static_cast<std::uint32_t>(size), task);
  if (!list) return list.error();
  std::vector<std::string> names;
  const std::string all = text(*list);
  for (std::string_view rest = all; !rest.empty(); rest.remove_prefix(names.back().size() + 1)) {
    names.emplace_back(rest.substr(0, rest.find('\0')));
  }
  return names;
}

Result<void> remove_value(kernel::Kernel& kernel, Inode& inode, std::string_view name, const Process& task) {
  if (const Result<void> may = kernel.walk.xattr_permission(inode, name, kernel::kMayWrite, task); !may) return may;
  const kernel::InodeLock held = kernel.filesystem.lock(inode, kernel::LockMode::kExclusive);
  return kernel.filesystem.removexattr(inode, name, task);
}

}  // namespace

template <class Where>
Outcome<void> SystemCalls::set_xattr(const Where& where, std::string_view name, std::string_view value, int flags) {
  if (const Result<void> valid = check_setting(name, value, flags); !valid) return valid;
  return call_on(where, [&](Inode& inode) { return set_value(kernel_, inode, name, value, flags, process_); });
}

template <class Where>
Outcome<std::string> SystemCalls::get_xattr(const Where& where, std::string_view name, std::size_t size) {
  if (!is_xattr_name(name)) return Errno(ERANGE);
  return call_on(where, [&](Inode& inode) { return value_of(kernel_, inode, name, size, process_); });
}

template <class Where>
Outcome<std::vector<std::string>> SystemCalls::list_xattrs(const Where& where, std::size_t size) {
  return call_on(where, [&](Inode& inode) { return names_of(kernel_, inode, size, process_); });
}

template <class Where>
Outcome<void> SystemCalls::remove_xattr(const Where& where, std::string_view name) {
  if (!is_xattr_name(name)) return Errno(ERANGE);
  return call_on(where, [&](Inode& inode) { return remove_value(kernel_, inode, name, process_); });
}

Outcome<void> SystemCalls::setxattr(std::string_view path, std::string_view name, std::string_view value, int flags) {
  return set_xattr(Named{path, Follow::kYes}, name, value, flags);
}
Outcome<void> SystemCalls::lsetxattr(std::string_view path, std::string_view name, std::string_view value, int flags) {
  return set_xattr(Named{path, Follow::kNo}, name, value, flags);
}
Outcome<void> SystemCalls::fsetxattr(Fd fd, std::string_view name, std::string_view value, int flags) {
  return set_xattr(Opened{fd}, name, value, flags);
}

Outcome<std::string> SystemCalls::getxattr(std::string_view path, std::string_view name, std::size_t size) {
  return get_xattr(Named{path, Follow::kYes}, name, size);
}
Outcome<std::string> SystemCalls::lgetxattr(std::string_view path, std::string_view name, std::size_t size) {
  return get_xattr(Named{path, Follow::kNo}, name, size);
}
Outcome<std::string> SystemCalls::fgetxattr(Fd fd, std::string_view name, std::size_t size) {
  return get_xattr(Opened{fd}, name, size);
}

Outcome<std::vector<std::string>> SystemCalls::listxattr(std::string_view path, std::size_t size) {
  return list_xattrs(Named{path, Follow::kYes}, size);
}
Outcome<std::vector<std::string>> SystemCalls::llistxattr(std::string_view path, std::size_t size) {
  return list_xattrs(Named{path, Follow::kNo}, size);
}
Outcome<std::vector<std::string>> SystemCalls::flistxattr(Fd fd, std::size_t size) {
  return list_xattrs(Opened{fd}, size);
}

Outcome<void> SystemCalls::removexattr(std::string_view path, std::string_view name) {
  return remove_xattr(Named{path, Follow::kYes}, name);
}
Outcome<void> SystemCalls::lremovexattr(std::string_view path, std::string_view name) {
  return remove_xattr(Named{path, Follow::kNo}, name);
}
Outcome<void> SystemCalls::fremovexattr(Fd fd, std::string_view name) {
  return remove_xattr(Opened{fd}, name);
}

Outcome<std::size_t> SystemCalls::getxattr_size(std::string_view path, std::string_view name) {
  if (!is_xattr_name(name)) return Errno(ERANGE);
  return call_on(Named{path, Follow::kYes}, [&](Inode& inode) -> Result<std::size_t> {
    const Result<void> may = kernel_.walk.xattr_permission(inode, name, kernel::kMayRead, process_);
    if (!may) return may.error();
    const Result<std::uint32_t> size = kernel_.filesystem.getxattr_size(inode, name, process_);
    if (!size) return size.error();
    return std::size_t{*size};
  });
}

Outcome<std::size_t> SystemCalls::listxattr_size(std::string_view path) {
  return call_on(Named{path, Follow::kYes}, [&](Inode& inode) -> Result<std::size_t> {
    const Result<std::uint32_t> size = kernel_.filesystem.listxattr_size(inode, process_);
    if (!size) return size.error();
    return std::size_t{*size};
  });
}

}  // namespace fusereplay

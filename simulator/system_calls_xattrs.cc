// Extended attributes (fs/xattr.c).
#include <linux/limits.h>

#include "simulator/call.h"

namespace fusereplay {

using kernel::DentryRef;
using kernel::Follow;

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

}  // namespace

Outcome<void> SystemCalls::setxattr(std::string_view path, std::string_view name, std::string_view value, int flags) {
  return call([&]() -> Result<void> {
    if ((flags & ~3) != 0) return Errno(EINVAL);
    if (!is_xattr_name(name)) return Errno(ERANGE);
    if (value.size() > 65536) return Errno(E2BIG);
    const Result<DentryRef> found = kernel_.walk.find_for_xattr(path, name, kernel::kMayWrite, process_);
    if (!found) return found.error();
    const kernel::InodeLock held = kernel_.filesystem.lock(*(*found)->inode, kernel::LockMode::kExclusive);
    return kernel_.filesystem.setxattr(*(*found)->inode, name, bytes(value), static_cast<std::uint32_t>(flags),
                                       process_);
  });
}

Outcome<std::string> SystemCalls::getxattr(std::string_view path, std::string_view name, std::size_t size) {
  return call([&]() -> Result<std::string> {
    if (!is_xattr_name(name)) return Errno(ERANGE);
    const Result<DentryRef> found = kernel_.walk.find_for_xattr(path, name, kernel::kMayRead, process_);
    if (!found) return found.error();
    const auto value = kernel_.filesystem.getxattr(*(*found)->inode, name, static_cast<std::uint32_t>(size), process_);
    if (!value) return value.error();
    return text(*value);
  });
}

Outcome<std::size_t> SystemCalls::getxattr_size(std::string_view path, std::string_view name) {
  return call([&]() -> Result<std::size_t> {
    if (!is_xattr_name(name)) return Errno(ERANGE);
    const Result<DentryRef> found = kernel_.walk.find_for_xattr(path, name, kernel::kMayRead, process_);
    if (!found) return found.error();
    const Result<std::uint32_t> size = kernel_.filesystem.getxattr_size(*(*found)->inode, name, process_);
    if (!size) return size.error();
    return std::size_t{*size};
  });
}

Outcome<std::vector<std::string>> SystemCalls::listxattr(std::string_view path, std::size_t size) {
  return call([&]() -> Result<std::vector<std::string>> {
    const Result<DentryRef> found = kernel_.walk.find(path, Follow::kYes, process_);
    if (!found) return found.error();
    const auto list = kernel_.filesystem.listxattr(*(*found)->inode, static_cast<std::uint32_t>(size), process_);
    if (!list) return list.error();
    std::vector<std::string> names;
    const std::string all = text(*list);
    for (std::string_view rest = all; !rest.empty(); rest.remove_prefix(names.back().size() + 1)) {
      names.emplace_back(rest.substr(0, rest.find('\0')));
    }
    return names;
  });
}

Outcome<std::size_t> SystemCalls::listxattr_size(std::string_view path) {
  return call([&]() -> Result<std::size_t> {
    const Result<DentryRef> found = kernel_.walk.find(path, Follow::kYes, process_);
    if (!found) return found.error();
    const Result<std::uint32_t> size = kernel_.filesystem.listxattr_size(*(*found)->inode, process_);
    if (!size) return size.error();
    return std::size_t{*size};
  });
}

Outcome<void> SystemCalls::removexattr(std::string_view path, std::string_view name) {
  return call([&]() -> Result<void> {
    if (!is_xattr_name(name)) return Errno(ERANGE);
    const Result<DentryRef> found = kernel_.walk.find_for_xattr(path, name, kernel::kMayWrite, process_);
    if (!found) return found.error();
    const kernel::InodeLock held = kernel_.filesystem.lock(*(*found)->inode, kernel::LockMode::kExclusive);
    return kernel_.filesystem.removexattr(*(*found)->inode, name, process_);
  });
}

}  // namespace fusereplay

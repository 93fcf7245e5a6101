// Names: what makes, moves and removes them.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <climits>
#include <cstdio>

#include "examples/passthrough/caller.h"
#include "examples/passthrough/passthrough.h"
#include "examples/passthrough/system.h"

namespace fusereplay {

using passthrough::CallerScope;
using passthrough::DescriptorPath;
using passthrough::done;
using passthrough::Name;
using passthrough::Privilege;
using passthrough::usable;

namespace {

/// From the kernel's new_encode_dev.
dev_t decode_device(std::uint32_t device) noexcept {
  return makedev((device & 0xfff00) >> 8, (device & 0xff) | ((device >> 12) & 0xfff00));
}

}  // namespace

Result<Entry> Passthrough::enter_new(const Node& directory, std::string_view name, std::uint32_t mode) {
  struct statx status {};
  const auto node = find_child(directory, name, status);
  if (!node) return node.error();
  if (const auto given = give_back_masked(*node, mode, status); !given) return given.error();
  return grant(*node, status);
}

Async<std::string> Passthrough::readlink(const Request&, NodeId node) {
  const Node inode = co_await nodes_.find(node);
  char target[PATH_MAX];
  const ssize_t size = ::readlinkat(inode->fd.get(), "", target, sizeof(target) - 1);
  // ENOENT is what the kernel says of a descriptor that is no symbolic link's.
  if (size < 0) co_return errno == ENOENT ? Errno(EINVAL) : Errno::last();
  co_return std::string(target, static_cast<std::size_t>(size));
}

Async<Entry> Passthrough::symlink(const Request& request, NodeId parent, std::string_view name, std::string_view target,
                                  const Creation&) {
  const Node directory = co_await find_directory(parent);
  const Name text(name);
  co_await usable(text);
  {
    const CallerScope caller(request, Privilege::kOverride);
    co_await done(::symlinkat(std::string(target).c_str(), directory->fd.get(), text.c_str()));
  }
  co_return enter(directory, name);
}

Async<Entry> Passthrough::mknod(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                                std::uint32_t rdev) {
  const Node directory = co_await find_directory(parent);
  const Name text(name);
  co_await usable(text);
  const std::uint32_t type = creation.mode & S_IFMT;
  if (type == S_IFDIR || type == S_IFLNK) co_return Errno(EINVAL);
  {
    const CallerScope caller(request, Privilege::kOverride);
    co_await done(::mknodat(directory->fd.get(), text.c_str(), creation.mode, decode_device(rdev)));
  }
  co_return enter_new(directory, name, creation.mode);
}

Async<Entry> Passthrough::mkdir(const Request& request, NodeId parent, std::string_view name,
                                const Creation& creation) {
  const Node directory = co_await find_directory(parent);
  const Name text(name);
  co_await usable(text);
  {
    const CallerScope caller(request, Privilege::kOverride);
    co_await done(::mkdirat(directory->fd.get(), text.c_str(), creation.mode & ~S_IFMT));
  }
  co_return enter_new(directory, name, creation.mode);
}

Async<void> Passthrough::unlink(const Request&, NodeId parent, std::string_view name) {
  const Node directory = co_await find_directory(parent);
  const Name text(name);
  co_await usable(text);
  co_return done(::unlinkat(directory->fd.get(), text.c_str(), 0));
}

Async<void> Passthrough::rmdir(const Request&, NodeId parent, std::string_view name) {
  const Node directory = co_await find_directory(parent);
  const Name text(name);
  co_await usable(text);
  co_return done(::unlinkat(directory->fd.get(), text.c_str(), AT_REMOVEDIR));
}

Async<void> Passthrough::rename(const Request& request, NodeId parent, std::string_view name, NodeId new_parent,
                                std::string_view new_name, std::uint32_t flags) {
  const Node from = co_await find_directory(parent);
  const Node to = co_await find_directory(new_parent);
  const Name text(name);
  const Name new_text(new_name);
  co_await usable(text);
  co_await usable(new_text);
  if ((flags & RENAME_WHITEOUT) == 0) {
    co_return done(::renameat2(from->fd.get(), text.c_str(), to->fd.get(), new_text.c_str(), flags));
  }
  const CallerScope caller(request, Privilege::kOverride);  // it makes a file: the whiteout
  co_return done(::renameat2(from->fd.get(), text.c_str(), to->fd.get(), new_text.c_str(), flags));
}

Async<Entry> Passthrough::link(const Request&, NodeId node, NodeId new_parent, std::string_view new_name) {
  const Node inode = co_await nodes_.find(node);
  const Node directory = co_await find_directory(new_parent);
  const Name text(new_name);
  co_await usable(text);
  co_await done(::linkat(AT_FDCWD, DescriptorPath(inode->fd.get()).c_str(), directory->fd.get(), text.c_str(),
                         AT_SYMLINK_FOLLOW));
  struct statx status {};
  co_await done(::statx(inode->fd.get(), "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status));
  co_return grant(inode, status);
}

}  // namespace fusereplay

// What a nodeid of memfs stands for.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/operations/types.h"
#include "examples/locks/file_locks.h"
#include "examples/memfs/directory.h"
#include "examples/memfs/file_data.h"
#include "examples/memfs/space.h"

namespace fusereplay::memfs {

using Xattrs = std::map<std::string, std::vector<std::byte>, std::less<>>;

/// A file of any type. It lives while something holds its Node or the kernel counts it. Guarded by the filesystem's
/// mutex.
struct Inode {
  /// `mode` with type. Adopts one inode taken from `space`, which must outlive this. `parent` is for directories.
  Inode(Space& space, std::uint32_t mode, NodeId parent);
  ~Inode() { space_.inodes.give_back(1); }
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  bool is_directory() const noexcept { return std::holds_alternative<Directory>(content); }
  bool is_file() const noexcept { return std::holds_alternative<FileData>(content); }
  /// Of a directory.
  Directory& directory() { return std::get<Directory>(content); }
  const Directory& directory() const { return std::get<Directory>(content); }
  /// Of a regular file.
  FileData& data() { return std::get<FileData>(content); }
  const FileData& data() const { return std::get<FileData>(content); }

  /// DT_...
  std::uint32_t dirent_type() const noexcept { return (attributes.mode & S_IFMT) >> 12; }
  /// What stat(2) shows.
  Attributes stat() const;

  /// `now`, or the latest time this inode was told before: requests can be executed in another order than they were
  /// read, and an inode's own time must not go back.
  Timestamp advance(Timestamp now) noexcept {
    latest_ = std::max(latest_, now);
    return latest_;
  }
  /// The inode changed: ctime.
  void changed(Timestamp now) noexcept { attributes.ctime = advance(now); }
  /// Its content changed: mtime and ctime.
  void modified(Timestamp now) noexcept { attributes.mtime = attributes.ctime = advance(now); }

  /// Takes away what makes a program run with others' rights, as the kernel asks when its data or owner changes
  /// (rule F12, HANDLE_KILLPRIV_V2).
  void drop_set_id() noexcept {
    attributes.mode &= ~static_cast<std::uint32_t>(S_ISUID);
    if ((attributes.mode & S_IXGRP) != 0) attributes.mode &= ~static_cast<std::uint32_t>(S_ISGID);
  }
  void drop_capabilities() {
    if (!xattrs.empty()) xattrs.erase("security.capability");
  }

  Attributes attributes;  // but size and blocks: see stat()
  Timestamp birth;
  bool linkable = false;  // nlink is 0, and link() may give it a name: made by tmpfile()
  std::variant<std::monostate, Directory, FileData, std::string> content;  // the string: a symbolic link's target
  Xattrs xattrs;
  std::unique_ptr<FileLocks> locks;  // from the first lock on

 private:
  Space& space_;
  Timestamp latest_;
};

}  // namespace fusereplay::memfs

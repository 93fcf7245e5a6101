// From paths to dentries, and the checks that come before the filesystem is asked (fs/namei.c).
#pragma once

#include <string>
#include <string_view>

#include "core/protocol/dirent.h"
#include "core/result.h"
#include "simulator/kernel/filesystem.h"

namespace fusereplay::kernel {

/// Takes the first name off `path`, and the slashes around it; empty where there is none.
std::string_view take_name(std::string_view& path) noexcept;

/// The mode of what is to be made in `directory`: a set-group-id bit goes where it would be of a group that the caller
/// is not in (fs/inode.c mode_strip_sgid).
std::uint32_t strip_set_gid(const Inode& directory, std::uint32_t mode, const Process& task) noexcept;

/// Whether a symbolic link at the end of a path is followed.
enum class Follow : std::uint8_t { kNo, kYes };

/// Relative paths begin where the task says, at first at the mount's root; absolute ones, and such targets of symbolic
/// links, at the root.
class PathWalk {
 public:
  explicit PathWalk(Filesystem& filesystem) noexcept : filesystem_(filesystem) {}

  /// What the path names; ENOENT where nothing is (path_lookupat).
  Result<DentryRef> find(std::string_view path, Follow follow, const Process& task,
                         LookupIntent intent = LookupIntent::kAny);

  /// The directory of the path's last name (filename_parentat). Valid as long as the path.
  struct Last {
    DentryRef parent;
    std::string_view name;  // "." and ".." as they are; empty for the root
    bool trailing = false;  // slashes behind it
    bool is_plain() const noexcept { return !is_dot_name(name) && !name.empty(); }
  };
  /// A relative path begins at `from`; null: as the task says.
  Result<Last> find_parent(std::string_view path, const Process& task, LookupIntent intent = LookupIntent::kAny,
                           Dentry* from = nullptr);
  /// One name of a directory whose i_rwsem is held (lookup_one_qstr_excl): the dentry may be negative. Who asks for the
  /// same name meanwhile waits (d_alloc_parallel).
  Result<DentryRef> look_up(Dentry& parent, std::string_view name, LookupIntent intent, const Process& task);

  /// Where relative paths begin.
  Dentry& start() const noexcept {
    Dentry* const directory = filesystem_.scheduler().current().directory();
    return directory != nullptr ? *directory : filesystem_.root();
  }
  /// What a file handle stands for, hung into the tree if it is a directory (exportfs_decode_fh). `opened`: what the
  /// caller must release when its call is over.
  Result<DentryRef> find_handle(std::uint64_t nodeid, std::uint32_t generation, const Process& task,
                                std::vector<OpenFileRef>& opened);
  /// Opens what needs not be looked for (file_open_root).
  Result<OpenFileRef> open_root(const DentryRef& dentry, int flags, const Process& task);

  /// path_openat. A relative path begins at `from`.
  Result<OpenFileRef> open(Dentry& from, std::string_view path, int flags, std::uint32_t mode, const Process& task);
  /// filename_create, once the directory is locked: a negative dentry for a new name. EEXIST where it exists.
  Result<DentryRef> prepare_creation(const Last& last, bool directory, const Process& task);
  Result<void> may_delete(Inode& directory, const Dentry& victim, bool is_directory, const Process& task);
  Result<void> may_create(Inode& directory, const Process& task);
  Result<void> may_link(Inode& source, const Process& task);
  /// Whether `task` may use the extended attribute `name` so (fs/xattr.c). `mask`: kMayRead or kMayWrite.
  Result<void> xattr_permission(Inode& inode, std::string_view name, std::uint32_t mask, const Process& task);

 private:
  class NameLookup;

  /// struct nameidata: one walk, with the links in it.
  struct Walk {
    LookupIntent intent = LookupIntent::kAny;  // of every name; kFresh after ESTALE (LOOKUP_REVAL)
    int links = 0;
    bool directory = false;  // slashes behind a link that stood last
  };
  static constexpr int kMostLinks = 40;  // MAXSYMLINKS
  static constexpr std::size_t kMostPath = 4096;

  /// The cached dentry if it still holds; null where there is none, or none any more.
  Result<DentryRef> look_up_cached(Dentry& parent, std::string_view name, LookupIntent intent, const Process& task);
  Result<DentryRef> enter(Dentry& parent, std::string_view name, const Process& task, LookupIntent intent);
  Result<std::string> name_in(Dentry& directory, Inode& child, const Process& task, std::vector<OpenFileRef>& opened);
  Result<void> reconnect(const DentryRef& target, const Process& task, std::vector<OpenFileRef>& opened);
  Result<Last> walk_parents(Dentry& from, std::string_view path, const Process& task, Walk& walk);
  Result<DentryRef> follow_link(const DentryRef& link, Dentry& parent, const Process& task, Walk& walk);
  /// Where every name of `path` is cached and holds, and none is a link; null where it takes more to know.
  Dentry* find_at_once(std::string_view path, const Process& task) const noexcept;
  Result<DentryRef> find_from(Dentry& from, std::string_view path, Follow follow, const Process& task, Walk& walk);
  Result<OpenFileRef> open_last(const Last& last, int flags, std::uint32_t mode, const Process& task, Walk& walk);
  Result<DentryRef> open_lookup(const Last& last, int flags, std::uint32_t mode, const Process& task, const Walk& walk,
                                OpenFileRef& created);
  Result<OpenFileRef> open_found(const DentryRef& dentry, int flags, bool directory, const Process& task);
  Result<OpenFileRef> open_tmpfile(Dentry& from, std::string_view path, int flags, std::uint32_t mode,
                                   const Process& task, Walk& walk);
  static Result<int> open_flags(int flags) noexcept;
  Result<OpenFileRef> open_from(Dentry& from, std::string_view path, int flags, std::uint32_t mode, const Process& task,
                                Walk& walk);

  Filesystem& filesystem_;
};

}  // namespace fusereplay::kernel

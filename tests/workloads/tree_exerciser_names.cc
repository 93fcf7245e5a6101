// What is done to names, and to files by their names.
#include <dirent.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "tests/workloads/tree_exerciser.h"

namespace fusereplay::testing {

void TreeExerciser::change_names() {
  const std::string where = path();
  switch (roll(10)) {
    case 0:
    case 1:
      return make_directory();
    case 2:
      return remove_directory();
    case 3:
      tell("unlink " + where);
      went("unlink", ::unlink(where.c_str()), {EISDIR});
      return;
    case 4: {
      const std::string target = path();
      tell("symlink " + where + " to " + target);
      went("symlink", ::symlink(target.c_str(), where.c_str()), {EEXIST});
      return;
    }
    case 5:
      tell("mknod " + where);
      went("mknod", ::mknod(where.c_str(), (roll(2) == 0 ? S_IFIFO : S_IFREG) | 0600, 0), {EEXIST});
      return;
    case 6:
      return link_name();
    default:
      return rename();
  }
}

void TreeExerciser::make_directory() {
  std::string where = directory();
  if (where.empty()) return;
  where.pop_back();
  tell("mkdir " + where);
  went("mkdir", ::mkdir(where.c_str(), 0700), {EEXIST});
}

/// Half of the time after what may be in it.
void TreeExerciser::remove_directory() {
  const std::string where = directory();
  if (where.empty() || where == "kept/") return;
  tell("rmdir " + where);
  for (unsigned i = roll(2) * kFileNames; i < kFileNames; ++i) {
    went("unlink", ::unlink((where + "n" + std::to_string(i)).c_str()), {EISDIR});
  }
  went("rmdir", ::rmdir(where.c_str()), {ENOTEMPTY});
}

void TreeExerciser::link_name() {
  const std::string from = path();
  const std::string to = path();
  tell("link " + from + " to " + to);
  went("link", ::link(from.c_str(), to.c_str()), {EEXIST, EPERM});  // EPERM: a directory
}

void TreeExerciser::rename() {
  static constexpr std::array kCallsOf{"rename", "rename noreplace", "rename exchange", "", "rename whiteout"};
  const std::string from = path();
  const std::string to = path();
  const unsigned flags = std::array{0U, 0U, 0U, 1U, 2U, 2U, 4U}[roll(7)];
  tell(std::string(kCallsOf[flags]) + " " + from + " to " + to);
  const int result = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags);
  // EINVAL: into itself; ENOTEMPTY also: over a directory it lies in; EPERM: a whiteout is a device.
  if (flags == RENAME_WHITEOUT) {
    went(kCallsOf[flags], result, {EEXIST, EISDIR, ENOTEMPTY, EINVAL, EPERM});
  } else {
    went(kCallsOf[flags], result, {EEXIST, EISDIR, ENOTEMPTY, EINVAL});
  }
}

void TreeExerciser::look() {
  const std::string where = path();
  struct stat status {};
  switch (roll(6)) {
    case 0:
    case 1:
      tell("stat " + where);
      if (went("stat", roll(2) == 0 ? ::stat(where.c_str(), &status) : ::lstat(where.c_str(), &status)) &&
          (status.st_mode & S_IFMT) == 0) {
        fail("a file without a type");
      }
      return;
    case 2: {
      tell("readlink " + where);
      char target[64];
      const ssize_t size = ::readlink(where.c_str(), target, sizeof(target));
      if (!went("readlink", size, {EINVAL})) return;
      const std::string_view text(target, static_cast<std::size_t>(size));
      if (text.find_first_not_of("kept/dn01234567") != std::string_view::npos) fail("points to " + std::string(text));
      return;
    }
    case 3:
      tell("access " + where);
      // EACCES: nobody but root may read a whiteout, whose mode is 0.
      went("access", ::access(where.c_str(), roll(2) == 0 ? F_OK : R_OK), {EACCES});
      return;
    case 4: {
      struct statvfs space {};
      tell("statfs " + where);
      if (went("statfs", ::statvfs(where.c_str(), &space)) && space.f_bsize == 0) fail("a block size of 0");
      return;
    }
    default:
      return list();
  }
}

void TreeExerciser::change_attributes() {
  const std::string where = path();
  switch (roll(3)) {
    case 0:
      tell("chmod " + where);
      went("chmod", ::chmod(where.c_str(), 0700 | roll(0100)));
      return;
    case 1: {
      tell("chown " + where);
      const bool mine = ::geteuid() != 0 || roll(2) == 0;
      const uid_t owner = mine ? ::geteuid() : 1000 + roll(3);
      went("chown", ::lchown(where.c_str(), owner, ::getegid()), {EINVAL});  // EINVAL: unknown to our user namespace
      return;
    }
    default: {
      const timespec times[2] = {{.tv_sec = roll(1000), .tv_nsec = 5}, {.tv_sec = 0, .tv_nsec = UTIME_NOW}};
      tell("utimens " + where);
      went("utimens", ::utimensat(AT_FDCWD, where.c_str(), times, AT_SYMLINK_NOFOLLOW));
    }
  }
}

/// An attribute's value is its name. Only files and directories may have any (EPERM, fs/xattr.c xattr_permission).
void TreeExerciser::change_xattrs() {
  const std::string where = path();
  const std::string attribute = "user.a" + std::to_string(roll(3));
  char found[256];
  switch (roll(4)) {
    case 0:
      tell("setxattr " + where);
      went("setxattr", ::setxattr(where.c_str(), attribute.c_str(), attribute.data(), attribute.size(), 0), {EPERM});
      return;
    case 1: {
      tell("getxattr " + where);
      const ssize_t size = ::getxattr(where.c_str(), attribute.c_str(), found, sizeof(found));
      if (went("getxattr", size, {ENODATA, EPERM}) && attribute != std::string_view(found, size)) fail("another value");
      return;
    }
    case 2:
      tell("listxattr " + where);
      went("listxattr", ::listxattr(where.c_str(), found, sizeof(found)));
      return;
    default:
      tell("removexattr " + where);
      went("removexattr", ::removexattr(where.c_str(), attribute.c_str()), {ENODATA, EPERM});
  }
}

/// In small pages, so that others come between them. Half of the time where every file that nobody touches must show.
void TreeExerciser::list() {
  const bool kept = roll(2) == 0;
  const std::string where = kept ? "kept" : directory() + ".";
  tell("list " + where);
  const int fd = ::open(where.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!went("list", fd)) return;
  std::map<std::string, unsigned> seen;
  alignas(dirent64) char page[512];
  ssize_t size = 0;
  // A directory that was removed while it is open reads as ENOENT (fs/readdir.c iterate_dir).
  while ((size = ::syscall(SYS_getdents64, fd, page, sizeof(page))) > 0) {
    for (ssize_t at = 0; at < size;) {
      const auto* const entry = reinterpret_cast<const dirent64*>(page + at);
      ++seen[entry->d_name];
      at += entry->d_reclen;
    }
  }
  went("list", size);
  must("list", ::close(fd));
  for (unsigned i = 0; kept && i < kKept; ++i) {
    const std::string name = kept_name(i).substr(sizeof("kept"));
    if (seen[name] != 1) fail(name + " is listed " + std::to_string(seen[name]) + " times");
  }
}

}  // namespace fusereplay::testing

// What a program sees of a POSIX filesystem: posix_checks CHECK, in the directory to be checked. Run by the live tests
// as a child, so that a filesystem that hangs is not waited for by its own process. Exit 1 and a line: what differs.
#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

void fail(const char* file, int line, const char* what) {
  const int error = errno;
  std::fprintf(stderr, "%s:%d: %s (errno %s)\n", file, line, what, std::strerror(error));
  std::exit(1);
}
#define EXPECT(condition)                                   \
  do {                                                      \
    if (!(condition)) fail(__FILE__, __LINE__, #condition); \
  } while (false)
#define EXPECT_ERROR(call, error) EXPECT((call) == -1 && errno == (error))

struct stat status_of(const char* path) {
  struct stat status {};
  EXPECT(lstat(path, &status) == 0);
  return status;
}

int make_file(const char* path, const std::string& content = "") {
  const int fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0644);
  EXPECT(fd >= 0);
  EXPECT(write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  return fd;
}

std::string read_all(int fd) {
  std::string out(100000, '\0');
  const ssize_t count = pread(fd, out.data(), out.size(), 0);
  EXPECT(count >= 0);
  out.resize(static_cast<std::size_t>(count));
  return out;
}

std::string read_path(const char* path) {
  const int fd = open(path, O_RDONLY);
  EXPECT(fd >= 0);
  const std::string content = read_all(fd);
  close(fd);
  return content;
}

void rename_flags() {
  close(make_file("a", "a"));
  close(make_file("b", "b"));
  EXPECT(mkdir("d", 0755) == 0);
  EXPECT_ERROR(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE), EEXIST);
  EXPECT(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE) == 0);
  EXPECT(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", RENAME_EXCHANGE) == 0);
  EXPECT(read_path("b") == "a" && read_path("c") == "b");
  EXPECT(renameat2(AT_FDCWD, "b", AT_FDCWD, "d", RENAME_EXCHANGE) == 0);
  EXPECT(S_ISDIR(status_of("b").st_mode) && S_ISREG(status_of("d").st_mode));
  EXPECT_ERROR(renameat2(AT_FDCWD, "b", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
  EXPECT_ERROR(rename("b", "d"), ENOTDIR);
  EXPECT_ERROR(rename("d", "b"), EISDIR);
  EXPECT_ERROR(rename("b", "b/inner"), EINVAL);
  EXPECT(mkdir("full", 0755) == 0);
  close(make_file("full/x"));
  EXPECT_ERROR(rename("b", "full"), ENOTEMPTY);
  if (geteuid() == 0) {
    if (renameat2(AT_FDCWD, "c", AT_FDCWD, "moved", RENAME_WHITEOUT) == 0) {
      const struct stat whiteout = status_of("c");
      EXPECT(S_ISCHR(whiteout.st_mode) && whiteout.st_rdev == 0);
      EXPECT(read_path("moved") == "b");
    } else {
      EXPECT(errno == EPERM);  // root of a user namespace only
    }
  }
}

void tmpfile_then_link() {
  const int fd = open(".", O_TMPFILE | O_RDWR, 0600);
  EXPECT(fd >= 0);
  EXPECT(write(fd, "content", 7) == 7);
  struct stat status {};
  EXPECT(fstat(fd, &status) == 0 && status.st_nlink == 0);
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  EXPECT(linkat(AT_FDCWD, path.c_str(), AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0);
  EXPECT(read_path("named") == "content");
  EXPECT(status_of("named").st_nlink == 1 && status_of("named").st_ino == status.st_ino);
  close(fd);
  const int never = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
  EXPECT(never >= 0);
  const std::string other = "/proc/self/fd/" + std::to_string(never);
  EXPECT_ERROR(linkat(AT_FDCWD, other.c_str(), AT_FDCWD, "never", AT_SYMLINK_FOLLOW), ENOENT);
  close(never);
}

void sparse() {
  const int fd = make_file("sparse");
  EXPECT(pwrite(fd, "x", 1, 1 << 20) == 1);
  EXPECT(ftruncate(fd, 4 << 20) == 0);
  struct stat status {};
  EXPECT(fstat(fd, &status) == 0);
  EXPECT(status.st_size == 4 << 20 && status.st_blocks == 8);
  EXPECT(lseek(fd, 0, SEEK_DATA) == 1 << 20);
  EXPECT(lseek(fd, 1 << 20, SEEK_HOLE) == (1 << 20) + 4096);
  EXPECT_ERROR(lseek(fd, 2 << 20, SEEK_DATA), ENXIO);
  EXPECT(lseek(fd, 0, SEEK_HOLE) == 0);
  char byte = 'y';
  EXPECT(pread(fd, &byte, 1, 100) == 1 && byte == '\0');
  EXPECT(fallocate(fd, 0, 0, 65536) == 0);
  EXPECT(fstat(fd, &status) == 0 && status.st_blocks == 8 + 128);
  EXPECT(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, 4096) == 0);
  EXPECT(pread(fd, &byte, 1, 1 << 20) == 1 && byte == '\0');
  EXPECT(fstat(fd, &status) == 0 && status.st_blocks == 128);
  EXPECT(pwrite(fd, "x", 1, 0) == 1);
  EXPECT(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096) == 0);
  EXPECT(pread(fd, &byte, 1, 0) == 1 && byte == '\0');
  close(fd);
}

void unlinked_but_open() {
  const int fd = make_file("gone", "before");
  EXPECT(unlink("gone") == 0);
  EXPECT(read_all(fd) == "before");
  EXPECT(pwrite(fd, " after", 6, 6) == 6);
  EXPECT(read_all(fd) == "before after");
  EXPECT(ftruncate(fd, 3) == 0 && fchmod(fd, 0400) == 0);
  struct stat status {};
  EXPECT(fstat(fd, &status) == 0 && status.st_nlink == 0 && status.st_size == 3 && (status.st_mode & 0777) == 0400);
  // Its name is free for another file, which is another.
  close(make_file("gone", "other"));
  EXPECT(status_of("gone").st_ino != status.st_ino);
  EXPECT(read_all(fd) == "bef");
  close(fd);
  // The same for what a rename displaced, and for a directory.
  const int displaced = make_file("target", "old");
  close(make_file("source", "new"));
  EXPECT(rename("source", "target") == 0);
  EXPECT(read_all(displaced) == "old" && read_path("target") == "new");
  close(displaced);
  EXPECT(mkdir("dir", 0755) == 0);
  const int directory = open("dir", O_RDONLY | O_DIRECTORY);
  EXPECT(rmdir("dir") == 0);
  EXPECT_ERROR(openat(directory, "x", O_CREAT | O_RDWR, 0644), ENOENT);
  close(directory);
}

void xattrs() {
  const int fd = make_file("a");
  EXPECT(fsetxattr(fd, "user.one", "1", 1, XATTR_CREATE) == 0);
  EXPECT_ERROR(fsetxattr(fd, "user.one", "1", 1, XATTR_CREATE), EEXIST);
  EXPECT_ERROR(fsetxattr(fd, "user.two", "2", 1, XATTR_REPLACE), ENODATA);
  EXPECT(fsetxattr(fd, "user.one", "four", 4, XATTR_REPLACE) == 0);
  char value[16];
  EXPECT(fgetxattr(fd, "user.one", nullptr, 0) == 4);
  EXPECT_ERROR(fgetxattr(fd, "user.one", value, 3), ERANGE);
  EXPECT(fgetxattr(fd, "user.one", value, sizeof(value)) == 4 && std::memcmp(value, "four", 4) == 0);
  EXPECT_ERROR(fgetxattr(fd, "user.none", value, sizeof(value)), ENODATA);
  EXPECT(flistxattr(fd, value, sizeof(value)) == 9 && std::strcmp(value, "user.one") == 0);
  EXPECT(fremovexattr(fd, "user.one") == 0);
  EXPECT_ERROR(fremovexattr(fd, "user.one"), ENODATA);
  EXPECT(flistxattr(fd, nullptr, 0) == 0);
  close(fd);
}

void special_files() {
  EXPECT(mkfifo("fifo", 0600) == 0);
  EXPECT(S_ISFIFO(status_of("fifo").st_mode));
  std::thread writer([] {
    const int fd = open("fifo", O_WRONLY);
    EXPECT(fd >= 0 && write(fd, "through", 7) == 7);
    close(fd);
  });
  const int fd = open("fifo", O_RDONLY);
  char buffer[16];
  EXPECT(fd >= 0 && read(fd, buffer, sizeof(buffer)) == 7);
  writer.join();
  close(fd);
  const int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "socket");
  EXPECT(bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  EXPECT(S_ISSOCK(status_of("socket").st_mode));
  close(listening);
  EXPECT(symlink("fifo", "symlink") == 0);
  EXPECT(S_ISLNK(status_of("symlink").st_mode) && readlink("symlink", buffer, sizeof(buffer)) == 4);
  if (mknod("device", S_IFCHR | 0600, makedev(1, 3)) == 0) {
    EXPECT(status_of("device").st_rdev == makedev(1, 3));
  } else {
    EXPECT(errno == EPERM);
  }
}

void links_and_counts() {
  close(make_file("a", "text"));
  EXPECT(link("a", "b") == 0);
  EXPECT(status_of("a").st_nlink == 2 && status_of("a").st_ino == status_of("b").st_ino);
  const int fd = open("b", O_WRONLY | O_APPEND);
  EXPECT(write(fd, "+", 1) == 1);
  close(fd);
  EXPECT(read_path("a") == "text+");
  EXPECT(unlink("a") == 0);
  EXPECT(status_of("b").st_nlink == 1);
  EXPECT_ERROR(link(".", "c"), EPERM);
  EXPECT_ERROR(link("b", "b"), EEXIST);
  const nlink_t before = status_of(".").st_nlink;
  EXPECT(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
  EXPECT(status_of(".").st_nlink == before + 1 && status_of("d").st_nlink == 3);
  EXPECT_ERROR(rmdir("d"), ENOTEMPTY);
  EXPECT_ERROR(unlink("d"), EISDIR);
  EXPECT_ERROR(rmdir("b"), ENOTDIR);
  EXPECT_ERROR(mkdir("b/x", 0755), ENOTDIR);
  EXPECT_ERROR(open(std::string(256, 'n').c_str(), O_CREAT | O_RDWR, 0644), ENAMETOOLONG);
  EXPECT(rename("d/e", "e") == 0);
  EXPECT(status_of(".").st_nlink == before + 2 && status_of("d").st_nlink == 2);
}

void times_and_modes() {
  const int fd = make_file("a", "x");
  const timespec set[2] = {{1, 2}, {3, 4}};
  EXPECT(futimens(fd, set) == 0);
  struct stat status = status_of("a");
  EXPECT(status.st_atim.tv_sec == 1 && status.st_atim.tv_nsec == 2);
  EXPECT(status.st_mtim.tv_sec == 3 && status.st_mtim.tv_nsec == 4);
  EXPECT(pwrite(fd, "y", 1, 0) == 1);
  EXPECT(fstat(fd, &status) == 0 && status.st_mtim.tv_sec > 1'600'000'000);
  EXPECT(chmod("a", 06755) == 0 && (status_of("a").st_mode & 07777) == 06755);
  EXPECT(chown("a", getuid(), getgid()) == 0);
  EXPECT((status_of("a").st_mode & 07777) == 0755);
  EXPECT(truncate("a", 0) == 0 && status_of("a").st_size == 0);
  EXPECT(truncate("a", 10) == 0 && read_path("a") == std::string(10, '\0'));
  close(fd);
  const int again = open("a", O_WRONLY | O_TRUNC);
  EXPECT(again >= 0 && status_of("a").st_size == 0);
  close(again);
  EXPECT(mkdir("shared", 0755) == 0 && chmod("shared", 02775) == 0);
  EXPECT(mkdir("shared/inner", 0755) == 0 && (status_of("shared/inner").st_mode & S_ISGID) != 0);
  struct statvfs totals {};
  EXPECT(statvfs(".", &totals) == 0 && totals.f_namemax == 255 && totals.f_bfree <= totals.f_blocks);
}

void copy_range() {
  const int from = make_file("from", "0123456789");
  const int to = make_file("to");
  off_t from_offset = 2;
  off_t to_offset = 4;
  EXPECT(copy_file_range(from, &from_offset, to, &to_offset, 5, 0) == 5);
  EXPECT(read_all(to) == std::string("\000\000\000\00023456", 9));
  close(from);
  close(to);
}

std::map<std::string, int> list(const char* path) {
  std::map<std::string, int> names;
  DIR* directory = opendir(path);
  EXPECT(directory != nullptr);
  while (const dirent* entry = readdir(directory)) ++names[entry->d_name];
  closedir(directory);
  return names;
}

/// 5,000 files that stay, while others come and go: each that stays is listed exactly once.
void busy_directory() {
  constexpr int kStay = 5000;
  EXPECT(mkdir("busy", 0755) == 0);
  for (int i = 0; i < kStay; ++i) {
    const int fd = open(("busy/stay" + std::to_string(i)).c_str(), O_CREAT | O_WRONLY, 0644);
    EXPECT(fd >= 0);
    close(fd);
  }
  bool done = false;
  std::thread churn([&] {
    for (int i = 0; !__atomic_load_n(&done, __ATOMIC_RELAXED); ++i) {
      const std::string name = "busy/go" + std::to_string(i % 100);
      if (unlink(name.c_str()) != 0) close(open(name.c_str(), O_CREAT | O_WRONLY, 0644));
    }
  });
  for (int round = 0; round < 4; ++round) {
    const auto names = list("busy");
    for (int i = 0; i < kStay; ++i) {
      const auto found = names.find("stay" + std::to_string(i));
      EXPECT(found != names.end() && found->second == 1);
    }
  }
  __atomic_store_n(&done, true, __ATOMIC_RELAXED);
  churn.join();
}

/// Every place telldir() gave can be gone back to, also after other entries went.
void seek_in_directory() {
  EXPECT(mkdir("places", 0755) == 0);
  for (int i = 0; i < 300; ++i) close(make_file(("places/n" + std::to_string(i)).c_str()));
  DIR* directory = opendir("places");
  EXPECT(directory != nullptr);
  std::vector<std::pair<long, std::string>> places;
  for (;;) {
    const long place = telldir(directory);
    const dirent* entry = readdir(directory);
    if (entry == nullptr) break;
    places.emplace_back(place, entry->d_name);
  }
  EXPECT(places.size() == 302);
  EXPECT(unlink("places/n5") == 0);
  for (std::size_t i = places.size(); i-- > 0;) {
    if (places[i].second == "n5") continue;
    seekdir(directory, places[i].first);
    const dirent* entry = readdir(directory);
    EXPECT(entry != nullptr && places[i].second == entry->d_name);
  }
  rewinddir(directory);
  int count = 0;
  while (readdir(directory) != nullptr) ++count;
  EXPECT(count == 301);
  closedir(directory);
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, std::function<void()>> checks{{"rename_flags", rename_flags},
                                                            {"tmpfile_then_link", tmpfile_then_link},
                                                            {"sparse", sparse},
                                                            {"unlinked_but_open", unlinked_but_open},
                                                            {"xattrs", xattrs},
                                                            {"special_files", special_files},
                                                            {"links_and_counts", links_and_counts},
                                                            {"times_and_modes", times_and_modes},
                                                            {"copy_range", copy_range},
                                                            {"busy_directory", busy_directory},
                                                            {"seek_in_directory", seek_in_directory}};
  if (argc != 2 || checks.count(argv[1]) == 0) {
    std::fprintf(stderr, "usage: posix_checks CHECK\n");
    return 2;
  }
  umask(022);
  checks.at(argv[1])();
  return 0;
}

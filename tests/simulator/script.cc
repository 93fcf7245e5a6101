#include "tests/simulator/script.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <sstream>
#include <stdexcept>

namespace fusereplay::testing {
namespace {

const std::map<std::string, int, std::less<>>& flag_names() {
  static const std::map<std::string, int, std::less<>> names = {
      {"r", O_RDONLY},
      {"w", O_WRONLY},
      {"rw", O_RDWR},
      {"creat", O_CREAT},
      {"excl", O_EXCL},
      {"trunc", O_TRUNC},
      {"append", O_APPEND},
      {"dir", O_DIRECTORY},
      {"nofollow", O_NOFOLLOW},
      {"tmpfile", O_TMPFILE},
      {"path", O_PATH},
      {"direct", O_DIRECT},
      {"sync", O_SYNC},
      {"dsync", O_DSYNC},
      {"noatime", O_NOATIME},
      {"nonblock", O_NONBLOCK},
      {"noctty", O_NOCTTY},
      {"cloexec", O_CLOEXEC},
      {"neither", O_ACCMODE},
      {"noreplace", RENAME_NOREPLACE},
      {"exchange", RENAME_EXCHANGE},
      {"whiteout", RENAME_WHITEOUT},
      {"keep", FALLOC_FL_KEEP_SIZE},
      {"punch", FALLOC_FL_PUNCH_HOLE},
      {"zero", FALLOC_FL_ZERO_RANGE},
      {"collapse", FALLOC_FL_COLLAPSE_RANGE},
      {"insert", FALLOC_FL_INSERT_RANGE},
      {"unshare", FALLOC_FL_UNSHARE_RANGE},
      {"read", R_OK},
      {"write", W_OK},
      {"exec", X_OK},
      {"exists", F_OK},
      {"xcreate", XATTR_CREATE},
      {"xreplace", XATTR_REPLACE},
      {"set", SEEK_SET},
      {"cur", SEEK_CUR},
      {"end", SEEK_END},
      {"nowhere", 99},
      {"data", SEEK_DATA},
      {"hole", SEEK_HOLE},
      {"force", AT_STATX_FORCE_SYNC},
      {"lazy", AT_STATX_DONT_SYNC},
      {"link", AT_SYMLINK_NOFOLLOW},
      {"basic", STATX_BASIC_STATS},
      {"btime", STATX_BTIME},
      {"size", STATX_SIZE},
      {"mode", STATX_MODE},
      {"atime", STATX_ATIME},
      {"mtime", STATX_MTIME},
      {"ctime", STATX_CTIME},
      {"nlink", STATX_NLINK},
      {"blocks", STATX_BLOCKS},
      {"type", STATX_TYPE},
      {"follow", AT_SYMLINK_FOLLOW},
      {"fid", 0x200},  // AT_HANDLE_FID
      {"removedir", AT_REMOVEDIR},
      {"empty", AT_EMPTY_PATH},
      {"normal", POSIX_FADV_NORMAL},
      {"random", POSIX_FADV_RANDOM},
      {"sequential", POSIX_FADV_SEQUENTIAL},
      {"willneed", POSIX_FADV_WILLNEED},
      {"dontneed", POSIX_FADV_DONTNEED},
      {"noreuse", POSIX_FADV_NOREUSE},
      {"sh", LOCK_SH},
      {"ex", LOCK_EX},
      {"un", LOCK_UN},
      {"nb", LOCK_NB},
      {"all", STATX_BASIC_STATS | STATX_BTIME},
  };
  return names;
}

int bits(const std::string& list, const std::map<std::string, int, std::less<>>& names) {
  int all = 0;
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    const auto found = names.find(word);
    if (found == names.end()) throw std::runtime_error("no such flag: " + word);
    all |= found->second;
  }
  return all;
}

}  // namespace

std::string Call::text(std::size_t index) const {
  if (index >= arguments.size() || arguments[index] == "-") return {};
  if (arguments[index].starts_with("*")) return data(index);
  return arguments[index];
}

std::int64_t Call::number(std::size_t index, std::int64_t otherwise) const {
  return index < arguments.size() ? std::stoll(arguments[index], nullptr, 0) : otherwise;
}

int Call::flags(std::size_t index) const {
  return bits(text(index), flag_names());
}

int Call::rwf(std::size_t index) const {
  static const std::map<std::string, int, std::less<>> names = {
      {"append", RWF_APPEND}, {"dsync", RWF_DSYNC}, {"sync", RWF_SYNC}, {"hipri", RWF_HIPRI},
      {"nowait", RWF_NOWAIT}, {"noappend", 0x20},   {"atomic", 0x40},   {"dontcache", 0x80}};
  return bits(text(index), names);
}

std::vector<std::uint64_t> Call::list(std::size_t index) const {
  std::vector<std::uint64_t> numbers;
  std::istringstream words(text(index));
  for (std::string word; std::getline(words, word, ',');) numbers.push_back(std::stoull(word));
  return numbers;
}

struct flock Call::lock() const {
  struct flock lock {};
  const std::string type = text(1);
  lock.l_type = type == "r" ? F_RDLCK : type == "w" ? F_WRLCK : F_UNLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = number(2);
  lock.l_len = number(3);
  return lock;
}

int Call::protection(std::size_t index) const {
  static const std::map<std::string, int, std::less<>> names = {
      {"none", PROT_NONE}, {"r", PROT_READ}, {"w", PROT_WRITE}, {"rw", PROT_READ | PROT_WRITE}};
  return bits(text(index), names);
}

int Call::memory_flags(std::size_t index) const {
  static const std::map<std::string, int, std::less<>> names = {{"shared", MAP_SHARED}, {"private", MAP_PRIVATE},
                                                                {"sync", MS_SYNC},      {"async", MS_ASYNC},
                                                                {"neither", 0},         {"invalidate", MS_INVALIDATE}};
  return bits(text(index), names);
}

std::string Call::data(std::size_t index) const {
  const std::string& text = arguments.at(index);
  if (text == "-") return {};
  if (text == "%cap") return std::string("\0\0\0\2", 4) + std::string(16, '\0');  // struct vfs_cap_data, revision 2
  if (!text.starts_with("*")) return text;
  std::string pattern(std::stoul(text.substr(1)), '\0');
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<char>('a' + (i + i / 4096) % 26);
  return pattern;
}

namespace {

std::string replaced(std::string word, std::size_t round) {
  const auto replace = [&word](char mark, std::size_t number) {
    for (std::size_t at = 0; (at = word.find(mark, at)) != std::string::npos;) {
      word.replace(at, 1, std::to_string(number));
    }
  };
  replace('#', round);
  replace('@', round + 1);
  return word;
}

}  // namespace

std::vector<Call> parse_script(std::string_view script) {
  std::vector<Call> calls;
  std::string separated(script);
  std::replace(separated.begin(), separated.end(), ';', '\n');
  std::istringstream lines(separated);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::size_t times = 1;
    Call call;
    if (!(words >> call.name)) continue;
    if (call.name == "times") words >> times >> call.name;
    for (std::string word; words >> word;) call.arguments.push_back(word);
    if (times == 1) calls.push_back(call);
    for (std::size_t round = 0; times != 1 && round < times; ++round) {
      Call& one = calls.emplace_back(call);
      for (std::string& argument : one.arguments) argument = replaced(argument, round);
    }
  }
  return calls;
}

std::string describe(const struct ::stat& stat) {
  std::ostringstream out;
  out << "mode=" << std::oct << stat.st_mode << std::dec << " nlink=" << stat.st_nlink << " uid=" << stat.st_uid
      << " gid=" << stat.st_gid << " size=" << stat.st_size << " ino=" << stat.st_ino << " blocks=" << stat.st_blocks
      << " blksize=" << stat.st_blksize << " rdev=" << stat.st_rdev;
  return out.str();
}

std::string describe(const struct ::statvfs& statvfs) {
  std::ostringstream out;
  out << "bsize=" << statvfs.f_bsize << " frsize=" << statvfs.f_frsize << " blocks=" << statvfs.f_blocks
      << " files=" << statvfs.f_files << " namemax=" << statvfs.f_namemax;
  return out.str();
}

std::string describe(const struct ::statx& statx) {
  std::ostringstream out;
  out << "mask=" << std::hex << (statx.stx_mask & (STATX_BASIC_STATS | STATX_BTIME)) << " mode=" << std::oct
      << statx.stx_mode << std::dec << " nlink=" << statx.stx_nlink << " size=" << statx.stx_size
      << " ino=" << statx.stx_ino << (statx.stx_btime.tv_sec != 0 ? " born" : "");
  return out.str();
}

std::string describe(const struct ::flock& lock) {
  if (lock.l_type == F_UNLCK) return "free";
  return std::string(lock.l_type == F_RDLCK ? "r" : "w") + " " + std::to_string(lock.l_start) + " " +
         std::to_string(lock.l_len);
}

std::string describe(const ScriptHandle& handle) {
  std::string text = "type=" + std::to_string(handle.type) + " ";
  for (const char c : handle.bytes) {
    char hex[4];
    std::snprintf(hex, sizeof(hex), "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    text += hex;
  }
  return text;
}

// Words of four bytes: nodeid high and low, generation.
void spoil(ScriptHandle& handle, std::string_view how) {
  std::string& bytes = handle.bytes;
  if (how == "generation") bytes.at(8) = static_cast<char>(bytes.at(8) + 1);
  if (how == "nodeid") bytes.at(5) = static_cast<char>(bytes.at(5) + 1);
  if (how == "root") bytes = std::string("\0\0\0\0\1\0\0\0\0\0\0\0", 12);
  if (how == "zero") bytes = std::string(12, '\0');
  if (how == "type") handle.type = 1;
  if (how == "negative") handle.type = -1;
  if (how == "parent") handle.type = 0x82;
  if (how == "short") bytes.resize(8);
  if (how == "long") bytes.resize(20);
  if (how == "huge") bytes.resize(129);
  if (how == "none") bytes.clear();
}

unsigned long remount_flags(std::string_view word) {
  return word == "ro" ? MS_RDONLY : word == "mand" ? MS_MANDLOCK : 0;
}

std::string describe_data(std::string_view data) {
  if (data.size() <= 64) {
    std::string text = std::to_string(data.size()) + " '";
    for (const char c : data) text += c == '\0' ? std::string("\\0") : std::string(1, c);
    return text + "'";
  }
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (const char c : data) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  char text[64];
  std::snprintf(text, sizeof(text), "%zu #%016llx", data.size(), static_cast<unsigned long long>(hash));
  return text;
}

std::string describe(const std::vector<DirectoryRecord>& records) {
  if (records.empty()) return "the end";
  std::ostringstream out;
  out << records.size() << ":";
  for (const DirectoryRecord& record : records) {
    out << " " << record.name << " ino=" << record.ino << " at=" << record.position << " type=" << record.type << ";";
  }
  return out.str();
}

}  // namespace fusereplay::testing

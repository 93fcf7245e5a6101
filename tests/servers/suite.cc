#include "tests/servers/suite.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <stdexcept>

namespace fusereplay::testing {
namespace {

constexpr std::string_view kCommon = R"(
mkdir /d 0755 => ok
mkdir /d 0755 => EEXIST
mkdir /d/e 0700 => ok
stat /d => dir 0755
stat /d/e => dir 0700
stat /none => ENOENT
stat /none/x => ENOENT
mkdir /none/x 0755 => ENOENT
open f /d/a rw,creat 0644 => ok
write f hello => = 5
pread f 100 0 => 5 'hello'
pread f 100 1 => 4 'ello'
pread f 100 5 => 0 ''
fstat f => file 0644 links 1 size 5
lseek f 0 set => ok
read f 3 => 3 'hel'
read f 3 => 2 'lo'
read f 3 => 0 ''
lseek f 2 set => = 2
write f LLO => = 3
pread f 10 0 => 5 'heLLO'
lseek f 0 cur => = 5
lseek f -2 end => = 3
pwrite f x 10 => = 1
pread f 20 4 => 7 'O\0\0\0\0\0x'
fsync f => ok
fdatasync f => ok
ftruncate f 4 => ok
pread f 20 0 => 4 'heLL'
ftruncate f 8 => ok
pread f 20 0 => 8 'heLL\0\0\0\0'
dup g f => ok
close f => ok
pread g 2 0 => 2 'he'
close g => ok
close g => EBADF
stat /d/a => file 0644 links 1 size 8
drop_caches => ok
stat /d/a => file 0644 links 1 size 8
open f /d/a rw,creat,excl 0644 => EEXIST
open f /d/a w,trunc => ok
fstat f => file 0644 links 1 size 0
read f 10 => EBADF
write f *10000 => = 10000
close f => ok
open f /d/a r => ok
write f x => EBADF
read f 4096 => 4096 #407b698f40431005
read f 8192 => 5904 #8f73c08806702c41
read f 10 => 0 ''
close f => ok
truncate /d/a 100 => ok
stat /d/a => file 0644 links 1 size 100
truncate /none 0 => ENOENT
truncate /d 0 => EISDIR
open f /d/log w,creat,append 0600 => ok
write f one => = 3
write f two => = 3
close f => ok
open f /d/log rw,append => ok
write f three => = 5
pread f 100 0 => 11 'onetwothree'
close f => ok
open f /d/big rw,creat 0644 => ok
write f *700001 => = 700001
fstat f => file 0644 links 1 size 700001
drop_caches => ok
pread f 700001 0 => 700001 #c3681ffd32bd4ebe
pread f 100000 300000 => 100000 #cc9dd72d9c572b19
pwrite f *250000 500000 => = 250000
pread f 300000 480000 => 270000 #88e28392ed3ee93d
close f => ok
unlink /d/big => ok
stat /d/big => ENOENT
open f /d r => ok
read f 10 => EISDIR
close f => ok
open f /d w => EISDIR
open f /d/a r,dir => ENOTDIR
stat /d/a/x => ENOTDIR
mkdir /d/a/x 0755 => ENOTDIR
unlink /d => EISDIR
unlink /d/e => EISDIR
rmdir /d/a => ENOTDIR
rmdir /d => ENOTEMPTY
rmdir /none => ENOENT
unlink /none => ENOENT
open f /none r => ENOENT
open f /none/x rw,creat 0644 => ENOENT
symlink a /d/l => ok
lstat /d/l => link size 1
stat /d/l => file 0644 links 1 size 100
readlink /d/l => 1 'a'
readlink /d/a => EINVAL
open f /d/l r,nofollow => ELOOP
open f /d/l r => ok
read f 1 => 1 'a'
close f => ok
symlink a /d/l => EEXIST
symlink nowhere /d/dangling => ok
stat /d/dangling => ENOENT
lstat /d/dangling => link size 7
symlink loop /d/loop => ok
stat /d/loop => ELOOP
unlink /d/loop => ok
unlink /d/dangling => ok
open f /d/f1 rw,creat 0640 => ok
write f one => = 3
close f => ok
link /d/f1 /d/f2 => ok
stat /d/f1 => file 0640 links 2 size 3
stat /d/f2 => file 0640 links 2 size 3
link /d/f1 /d/f2 => EEXIST
link /none /d/f3 => ENOENT
unlink /d/f1 => ok
stat /d/f2 => file 0640 links 1 size 3
rename /d/f2 /d/f3 => ok
stat /d/f2 => ENOENT
stat /d/f3 => file 0640 links 1 size 3
rename /none /d/f4 => ENOENT
rename /d/f3 /d/a => ok
stat /d/a => file 0640 links 1 size 3
rename /d/a /d/e/a => ok
stat /d/e/a => file 0640 links 1 size 3
rename /d/e /d/e2 => ok
stat /d/e2/a => file 0640 links 1 size 3
rename /d/e2 /d/e2/in => EINVAL
rename /d/e2/a /d => ENOTEMPTY
rename /d /d/e2/a => EINVAL
chmod /d/e2/a 0600 => ok
stat /d/e2/a => file 0600 links 1 size 3
open f /d/e2/a r => ok
fchmod f 0604 => ok
fstat f => file 0604 links 1 size 3
close f => ok
utimens /d/e2/a 1000 2000 => ok
utimens /none now now => ENOENT
access /d/e2/a read => ok
access /none exists => ENOENT
mknod /d/p 010644 => ok
lstat /d/p => fifo 0644
unlink /d/p => ok
open u /d/u rw,creat 0644 => ok
unlink /d/u => ok
pwrite u lost 0 => = 4
pread u 10 0 => 4 'lost'
fstat u => file 0644 links 0 size 4
close u => ok
open l /d r,dir => ok
getdents l => e2 l log
getdents l => the end
close l => ok
statvfs / => a filesystem
umask 027 => ok
mkdir /d/m 0777 => ok
stat /d/m => dir 0750
rmdir /d/m => ok
umask 022 => ok
)";

constexpr std::string_view kXattrs = R"(
mkdir /x 0755 => ok
setxattr /x user.one first => ok
getxattr /x user.one => 5 'first'
getxattr /x user.one 0 => = 5
getxattr /x user.one 3 => ERANGE
getxattr /x user.none => ENODATA
setxattr /x user.one again xcreate => EEXIST
setxattr /x user.none value xreplace => ENODATA
setxattr /x user.one *1000 xreplace => ok
getxattr /x user.one 0 => = 1000
listxattr /x => 9 'user.one\0'
removexattr /x user.one => ok
removexattr /x user.one => ENODATA
listxattr /x => 0 ''
rmdir /x => ok
)";

constexpr std::string_view kHello = R"(
stat / => dir 0755
stat /hello => file 0444 links 1 size 13
lstat /hello => file 0444 links 1 size 13
stat /none => ENOENT
stat /hello/x => ENOTDIR
open f /hello r => ok
fstat f => file 0444 links 1 size 13
read f 100 => 13 'Hello World!\n'
read f 100 => 0 ''
pread f 5 6 => 5 'World'
pread f 100 13 => 0 ''
lseek f 6 set => = 6
read f 5 => 5 'World'
lseek f -1 end => = 12
lseek f 0 cur => = 12
dup g f => ok
pread g 5 0 => 5 'Hello'
close g => ok
write f x => EBADF
ftruncate f 0 => EINVAL
fsync f => ok
fdatasync f => ok
close f => ok
close f => EBADF
open f /hello w => EACCES
open f /hello rw => EACCES
open f /hello r,dir => ENOTDIR
open f /hello rw,creat,excl 0644 => EEXIST
open f /none r => ENOENT
open f /none rw,creat 0644 => ENOSYS
open f / w => EISDIR
access /hello read => ok
access /none exists => ENOENT
truncate /hello 0 => ENOSYS
chmod /hello 0600 => ENOSYS
utimens /hello 1000 2000 => ENOSYS
unlink /hello => ENOSYS
unlink /none => ENOENT
rmdir /hello => ENOTDIR
rmdir /none => ENOENT
mkdir /d 0755 => ENOSYS
mkdir /hello 0755 => EEXIST
mknod /p 010644 => ENOSYS
symlink x /l => ENOSYS
readlink /hello => EINVAL
rename /hello /other => ENOSYS
rename /none /other => ENOENT
setxattr /hello user.a b => EOPNOTSUPP
getxattr /hello user.a => EOPNOTSUPP
open l / r,dir => ok
getdents l => hello
getdents l => the end
close l => ok
statvfs / => a filesystem
drop_caches => ok
)";

std::vector<Step> parse(std::string_view text) {
  std::vector<Step> steps;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    const auto arrow = line.find(" => ");
    if (arrow == std::string::npos) throw std::runtime_error("no result: " + line);
    Step step;
    step.line = line.substr(0, arrow);
    step.result = line.substr(arrow + 4);
    step.call = parse_script(step.line).at(0);
    steps.push_back(std::move(step));
  }
  return steps;
}

/// What stands behind `key=` in what describe() wrote.
std::string value_of(const std::string& text, const std::string& key) {
  const auto at = text.find(key + "=");
  if (at == std::string::npos) throw std::runtime_error("no " + key + " in " + text);
  const auto begin = at + key.size() + 1;
  return text.substr(begin, text.find(' ', begin) - begin);
}

std::string stat_in_short(const std::string& result) {
  const unsigned long mode = std::stoul(value_of(result, "mode"), nullptr, 8);
  char permissions[16];
  std::snprintf(permissions, sizeof(permissions), " %04lo", mode & 07777);
  const std::string size = " size " + value_of(result, "size");
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return std::string("dir") + permissions;
    case S_IFLNK:
      return "link" + size;
    case S_IFREG:
      return std::string("file") + permissions + " links " + value_of(result, "nlink") + size;
    case S_IFIFO:
      return std::string("fifo") + permissions;
    default:
      return result;
  }
}

/// Of "3: . ino=1 at=5 type=4; .. ino=2 ...; a ino=3 at=7 type=8;" the names.
std::string names_in_short(const std::string& result) {
  std::vector<std::string> names;
  std::istringstream words(result.substr(result.find(':') + 1));
  bool begins = true;
  for (std::string word; words >> word; begins = word.ends_with(";")) {
    if (begins && word != "." && word != "..") names.push_back(word);
  }
  std::sort(names.begin(), names.end());
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : " ") + name;
  return all;
}

}  // namespace

std::vector<Step> common_suite() {
  return parse(kCommon);
}
std::vector<Step> xattr_suite() {
  return parse(kXattrs);
}
std::vector<Step> hello_suite() {
  std::vector<Step> rounds;
  for (int round = 0; round < 3; ++round) {
    for (Step& step : parse(kHello)) rounds.push_back(std::move(step));
  }
  return rounds;
}

std::string in_short(const std::string& result) {
  if (result.starts_with("mode=")) return stat_in_short(result);
  if (result.starts_with("bsize=")) return "a filesystem";
  if (const auto colon = result.find(':'); colon != std::string::npos && colon + 1 < result.size() && colon < 5) {
    return names_in_short(result);
  }
  std::string line;
  for (const char c : result) line += c == '\n' ? std::string("\\n") : std::string(1, c);
  return line;
}

std::vector<Step> below(const std::string& directory, std::vector<Step> steps) {
  for (Step& step : steps) {
    for (std::string& argument : step.call.arguments) {
      if (argument.starts_with("/")) argument.insert(0, directory);
    }
  }
  return steps;
}

std::vector<std::string> run_steps(CallTarget& target, const std::vector<Step>& steps) {
  std::vector<std::string> results;
  for (const Step& step : steps) results.push_back(in_short(target.run(step.call)));
  return results;
}

std::string unexpected(const std::vector<Step>& steps, const std::vector<std::string>& results,
                       const std::map<std::string, std::string>& differences) {
  std::string text;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto different = differences.find(steps[i].line);
    const std::string& expected = different == differences.end() ? steps[i].result : different->second;
    const std::string result = i < results.size() ? results[i] : "not run";
    if (result != expected) text += steps[i].line + " => " + result + ", not " + expected + "\n";
  }
  return text;
}

}  // namespace fusereplay::testing

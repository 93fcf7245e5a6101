#include "tests/simulator/simulated_target.h"

#include <stdexcept>

#include "tests/simulator/simulated_outcomes.h"

namespace fusereplay::testing {

Fd SimulatedTarget::fd(const Call& call, std::size_t index) const {
  if (call.text(index) == "cwd") return kWorkingDirectory;
  const auto found = files_.find(call.text(index));
  return found == files_.end() ? Fd{-1} : found->second;
}

std::string SimulatedTarget::install(const Call& call, const Outcome<Fd>& opened) {
  if (!opened) return to_string(opened.error());
  const auto old = files_.find(call.text(0));
  if (old != files_.end()) close_file(old->second);
  files_[call.text(0)] = *opened;
  return "ok";
}

std::string SimulatedTarget::close_file(Fd fd) {
  const std::string result = outcome(mount_.close(fd));
  static_cast<void>(mount_.statvfs("/"));
  return result;
}

// No two calls are made at the same instant: what a real clock sees to.
std::string SimulatedTarget::run(const Call& call) {
  if (whole_ != nullptr) whole_->advance_time(1'000'000);
  for (auto part : {&SimulatedTarget::on_files, &SimulatedTarget::on_memory, &SimulatedTarget::on_attributes,
                    &SimulatedTarget::on_names, &SimulatedTarget::on_xattrs, &SimulatedTarget::on_special}) {
    if (std::string result = (this->*part)(call); !result.empty()) return result;
  }
  throw std::runtime_error("no such call: " + call.name);
}

std::string SimulatedTarget::on_files(const Call& c) {
  const std::string& name = c.name;
  if (name == "open") return install(c, mount_.open(c.text(1), c.flags(2), word(c, 3)));
  if (name == "close") {
    const Fd closed = fd(c, 0);
    files_.erase(c.text(0));
    return close_file(closed);
  }
  if (name == "close_all") {
    while (!mappings_.empty()) unmap(std::string(mappings_.begin()->first));
    for (const auto& [open, number] : files_) close_file(number);
    files_.clear();
    return "ok";
  }
  if (name == "ticks") return "ok";  // a mount whose time stands still takes it to go on between any two changes
  if (name == "openat") return install(c, mount_.openat(fd(c, 1), c.text(2), c.flags(3), word(c, 4)));
  if (name == "getfl") return outcome(mount_.fcntl(fd(c, 0), F_GETFL));
  if (name == "setfl") return outcome(mount_.fcntl(fd(c, 0), F_SETFL, c.flags(1)));
  if (name == "readv" || name == "preadv") return read_vector(c);
  if (name == "writev" || name == "pwritev") return write_vector(c);
  if (name == "syncfs") return outcome(mount_.syncfs(fd(c, 0)));
  if (name == "flock") return outcome(mount_.flock(fd(c, 0), c.flags(1)));
  if (name == "setlk") return outcome(mount_.setlk(fd(c, 0), c.lock()));
  if (name == "setlkw") return outcome(mount_.setlkw(fd(c, 0), c.lock()));
  if (name == "getlk") {
    const auto found = mount_.getlk(fd(c, 0), c.lock());
    return found ? describe(*found) : to_string(found.error());
  }
  if (name == "dup") return install(c, mount_.dup(fd(c, 1)));
  if (name == "read") return outcome(mount_.read(fd(c, 0), size(c, 1)));
  if (name == "pread") return outcome(mount_.pread(fd(c, 0), size(c, 1), size(c, 2)));
  if (name == "write") return outcome(mount_.write(fd(c, 0), c.data(1)));
  if (name == "pwrite") return outcome(mount_.pwrite(fd(c, 0), c.data(1), size(c, 2)));
  if (name == "lseek") return outcome(mount_.lseek(fd(c, 0), c.number(1), c.flags(2)));
  if (name == "ftruncate") return outcome(mount_.ftruncate(fd(c, 0), size(c, 1)));
  if (name == "fallocate") return outcome(mount_.fallocate(fd(c, 0), c.flags(1), size(c, 2), size(c, 3)));
  if (name == "copy_file_range") {
    return outcome(mount_.copy_file_range(fd(c, 0), size(c, 1), fd(c, 2), size(c, 3), size(c, 4)));
  }
  if (name == "fsync") return outcome(mount_.fsync(fd(c, 0)));
  if (name == "fdatasync") return outcome(mount_.fdatasync(fd(c, 0)));
  if (name == "getdents") {
    const auto listed = mount_.getdents(fd(c, 0), size(c, 1, 32768));
    if (!listed) return to_string(listed.error());
    std::vector<DirectoryRecord> records;
    for (const ListedEntry& entry : *listed) {
      records.push_back({.name = entry.name, .ino = entry.ino, .position = entry.position, .type = entry.type});
    }
    return describe(records);
  }
  return {};
}

std::string SimulatedTarget::unmap(const std::string& name) {
  const auto found = mappings_.find(name);
  if (found == mappings_.end()) return "EINVAL";
  const std::string result = outcome(mount_.munmap(found->second));
  mappings_.erase(found);
  static_cast<void>(mount_.statvfs("/"));
  return result;
}

std::string SimulatedTarget::on_memory(const Call& c) {
  if (c.name == "mmap") {
    const auto made = mount_.mmap(fd(c, 1), size(c, 2), size(c, 3), c.protection(4), c.memory_flags(5));
    if (!made) return to_string(made.error());
    unmap(c.text(0));
    mappings_[c.text(0)] = *made;
    return "ok";
  }
  if (c.name == "munmap") return unmap(c.text(0));
  const auto found = mappings_.find(c.text(0));
  const Mapping memory = found == mappings_.end() ? Mapping{-1} : found->second;
  if (c.name == "load") return outcome(mount_.load(memory, size(c, 1), size(c, 2)));
  if (c.name == "store") return outcome(mount_.store(memory, size(c, 1), c.data(2)));
  if (c.name == "msync") return outcome(mount_.msync(memory, size(c, 1), size(c, 2), c.memory_flags(3)));
  return {};
}

std::string SimulatedTarget::read_vector(const Call& c) {
  std::vector<std::string> parts;
  std::vector<std::span<std::byte>> into;
  for (const std::uint64_t size : c.list(1)) parts.emplace_back(size, '\0');
  for (std::string& part : parts) into.push_back(std::as_writable_bytes(std::span(part.data(), part.size())));
  const auto done = mount_.preadv2(fd(c, 0), into, c.number(2, -1), c.rwf(3));
  if (!done) return to_string(done.error());
  std::string all;
  for (const std::string& part : parts) all += part;
  return describe_data(all.substr(0, *done));
}

std::string SimulatedTarget::write_vector(const Call& c) {
  const std::string data = c.data(1);
  std::vector<std::string_view> parts;
  std::string_view rest = data;
  for (const std::uint64_t size : c.list(2)) {
    parts.push_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  return outcome(mount_.pwritev2(fd(c, 0), parts, c.number(3, -1), c.rwf(4)));
}

std::string SimulatedTarget::on_attributes(const Call& c) {
  const std::string& name = c.name;
  if (name == "stat") return outcome(mount_.stat(c.text(0)));
  if (name == "lstat") return outcome(mount_.lstat(c.text(0)));
  if (name == "fstat") return outcome(mount_.fstat(fd(c, 0)));
  if (name == "laccess") return outcome(mount_.faccessat(c.text(0), c.flags(1), AT_SYMLINK_NOFOLLOW));
  if (name == "lutimens") return outcome(mount_.lutimens(c.text(0), time_of(c, 1), time_of(c, 2)));
  if (name == "futimens") return outcome(mount_.futimens(fd(c, 0), time_of(c, 1), time_of(c, 2)));
  if (name == "access") return outcome(mount_.access(c.text(0), c.flags(1)));
  if (name == "chmod") return outcome(mount_.chmod(c.text(0), word(c, 1)));
  if (name == "fchmod") return outcome(mount_.fchmod(fd(c, 0), word(c, 1)));
  if (name == "chown") return outcome(mount_.chown(c.text(0), word(c, 1), word(c, 2)));
  if (name == "lchown") return outcome(mount_.lchown(c.text(0), word(c, 1), word(c, 2)));
  if (name == "fchown") return outcome(mount_.fchown(fd(c, 0), word(c, 1), word(c, 2)));
  if (name == "utimens") return outcome(mount_.utimens(c.text(0), time_of(c, 1), time_of(c, 2)));
  if (name == "truncate") return outcome(mount_.truncate(c.text(0), size(c, 1)));
  if (name == "statx") {
    const auto result = mount_.statx(c.text(0), c.flags(1), static_cast<std::uint32_t>(c.flags(2)));
    return result ? describe(*result) : to_string(result.error());
  }
  if (name == "fstatvfs") return outcome(mount_.fstatvfs(fd(c, 0)));
  if (name == "statvfs") {
    return outcome(mount_.statvfs(c.text(0)));
  }
  return {};
}

std::string SimulatedTarget::on_names(const Call& c) {
  const std::string& name = c.name;
  if (name == "mkdir") return outcome(mount_.mkdir(c.text(0), word(c, 1)));
  if (name == "rmdir") return outcome(mount_.rmdir(c.text(0)));
  if (name == "unlink") return outcome(mount_.unlink(c.text(0)));
  if (name == "rename") return outcome(mount_.rename(c.text(0), c.text(1), static_cast<std::uint32_t>(c.flags(2))));
  if (name == "link") return outcome(mount_.link(c.text(0), c.text(1)));
  if (name == "flink") return outcome(mount_.link(fd(c, 0), c.text(1)));
  if (name == "symlink") return outcome(mount_.symlink(c.text(0), c.text(1)));
  if (name == "readlink") return outcome(mount_.readlink(c.text(0)));
  if (name == "mknod") return outcome(mount_.mknod(c.text(0), word(c, 1), size(c, 2)));
  return {};
}

std::string SimulatedTarget::on_xattrs(const Call& c) {
  const std::string& name = c.name;
  if (name == "setxattr") return outcome(mount_.setxattr(c.text(0), c.text(1), c.data(2), c.flags(3)));
  if (name == "getxattr") {
    if (c.number(2, 1) == 0) return outcome(mount_.getxattr_size(c.text(0), c.text(1)));
    return outcome(mount_.getxattr(c.text(0), c.text(1), size(c, 2, 65536)));
  }
  if (name == "listxattr") {
    if (c.number(1, 1) == 0) return outcome(mount_.listxattr_size(c.text(0)));
    return outcome(mount_.listxattr(c.text(0), size(c, 1, 65536)));
  }
  if (name == "lsetxattr") return outcome(mount_.lsetxattr(c.text(0), c.text(1), c.data(2), c.flags(3)));
  if (name == "lgetxattr") return outcome(mount_.lgetxattr(c.text(0), c.text(1), size(c, 2, 65536)));
  if (name == "llistxattr") return outcome(mount_.llistxattr(c.text(0), size(c, 1, 65536)));
  if (name == "lremovexattr") return outcome(mount_.lremovexattr(c.text(0), c.text(1)));
  if (name == "fsetxattr") return outcome(mount_.fsetxattr(fd(c, 0), c.text(1), c.data(2), c.flags(3)));
  if (name == "fgetxattr") return outcome(mount_.fgetxattr(fd(c, 0), c.text(1), size(c, 2, 65536)));
  if (name == "flistxattr") return outcome(mount_.flistxattr(fd(c, 0), size(c, 1, 65536)));
  if (name == "fremovexattr") return outcome(mount_.fremovexattr(fd(c, 0), c.text(1)));
  if (name == "removexattr") return outcome(mount_.removexattr(c.text(0), c.text(1)));
  if (name == "umask") {
    mount_.process().umask = word(c, 0);
    return "ok";
  }
  if (name == "as") {
    mount_.process().uid = word(c, 0);
    mount_.process().gid = word(c, 1);
    return "ok";
  }
  if (name == "groups") {
    mount_.process().groups.clear();
    for (std::size_t i = 0; i < c.arguments.size(); ++i) mount_.process().groups.push_back(word(c, i));
    return "ok";
  }
  if (name == "sleep" && whole_ != nullptr) {
    whole_->advance_time(c.number(0) * 1'000'000);
    return "ok";
  }
  if (name == "drop_caches" && whole_ != nullptr) {
    whole_->drop_caches();
    for (unsigned i = 0; i < kUntilForgotten; ++i) static_cast<void>(mount_.statvfs("/"));
    return "ok";
  }
  return {};
}

}  // namespace fusereplay::testing

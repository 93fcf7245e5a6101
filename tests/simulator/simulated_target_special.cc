#include "tests/simulator/simulated_outcomes.h"
#include "tests/simulator/simulated_target.h"

namespace fusereplay::testing {

std::string SimulatedTarget::on_special(const Call& c) {
  const std::string& name = c.name;
  if (name == "ioctl") return ioctl(c);
  if (name == "fadvise") return outcome(mount_.fadvise(fd(c, 0), size(c, 1), size(c, 2), c.flags(3)));
  if (name == "readahead") return outcome(mount_.readahead(fd(c, 0), size(c, 1), size(c, 2)));
  if (name == "remount" && whole_ != nullptr) {
    const std::string done = outcome(whole_->remount(remount_flags(c.text(0))));
    for (unsigned i = 0; i < kUntilForgotten; ++i) static_cast<void>(mount_.statvfs("/"));
    return done;
  }
  if (name == "handle" || name == "fhandle") {
    const auto made = name == "fhandle" ? mount_.name_to_handle_at(fd(c, 1))
                                        : mount_.name_to_handle_at(c.text(1), c.flags(2), size(c, 3, 128));
    if (!made) return to_string(made.error());
    handles_[c.text(0)] = {.type = made->type, .bytes = made->bytes};
    return describe(handles_[c.text(0)]);
  }
  if (name == "spoil") {
    spoil(handles_[c.text(0)], c.text(1));
    return "ok";
  }
  if (name == "open_handle") {
    const ScriptHandle& handle = handles_[c.text(1)];
    return install(c, mount_.open_by_handle_at({.type = handle.type, .bytes = handle.bytes}, c.flags(2)));
  }
  return on_directories(c);
}

std::string SimulatedTarget::ioctl(const Call& c) {
  IoctlArguments how = c.ioctl();
  if (!how.descriptor.empty()) how.number = static_cast<std::uint64_t>(files_.at(how.descriptor));
  const std::span<char> memory(how.memory.data(), how.memory.size());
  const auto result = how.by_number ? mount_.ioctl(fd(c, 0), how.command, how.number)
                                    : mount_.ioctl(fd(c, 0), how.command, std::as_writable_bytes(memory));
  return result ? describe_ioctl(*result, how.memory) : to_string(result.error());
}

std::string SimulatedTarget::on_directories(const Call& c) {
  const std::string& name = c.name;
  if (name == "chdir") return outcome(mount_.chdir(c.text(0)));
  if (name == "fchdir") return outcome(mount_.fchdir(fd(c, 0)));
  if (name == "mkdirat") return outcome(mount_.mkdirat(fd(c, 0), c.text(1), word(c, 2)));
  if (name == "mknodat") return outcome(mount_.mknodat(fd(c, 0), c.text(1), word(c, 2), size(c, 3)));
  if (name == "symlinkat") return outcome(mount_.symlinkat(c.text(0), fd(c, 1), c.text(2)));
  if (name == "unlinkat") return outcome(mount_.unlinkat(fd(c, 0), c.text(1), c.flags(2)));
  if (name == "renameat") {
    return outcome(mount_.renameat(fd(c, 0), c.text(1), fd(c, 2), c.text(3), static_cast<std::uint32_t>(c.flags(4))));
  }
  if (name == "linkat") return outcome(mount_.linkat(fd(c, 0), c.text(1), fd(c, 2), c.text(3)));
  if (name == "readlinkat") return outcome(mount_.readlinkat(fd(c, 0), c.text(1)));
  if (name == "fstatat") return outcome(mount_.fstatat(fd(c, 0), c.text(1), c.flags(2)));
  if (name == "faccessat") return outcome(mount_.faccessat(fd(c, 0), c.text(1), c.flags(2), c.flags(3)));
  if (name == "fchmodat") return outcome(mount_.fchmodat(fd(c, 0), c.text(1), word(c, 2)));
  if (name == "fchownat") return outcome(mount_.fchownat(fd(c, 0), c.text(1), word(c, 2), word(c, 3), c.flags(4)));
  if (name == "utimensat") {
    return outcome(mount_.utimensat(fd(c, 0), c.text(1), time_of(c, 2), time_of(c, 3), c.flags(4)));
  }
  return {};
}

}  // namespace fusereplay::testing

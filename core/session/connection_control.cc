#include "core/session/connection_control.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

namespace fusereplay {
namespace {

/// One mount of the calling thread's namespace.
struct MountRow {
  unsigned major = 0;
  unsigned minor = 0;
  std::string mountpoint;
  std::string type;
};

/// mountinfo writes space, tab, newline and backslash as three octal digits (fs/proc_namespace.c mangle).
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8).ptr == text.data() + i + 4) {
      out.push_back(static_cast<char>(code));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

bool is_fuse(std::string_view type) {
  return type == "fuse" || type == "fuseblk" || type.starts_with("fuse.") || type.starts_with("fuseblk.");
}

/// "id parent major:minor root mountpoint options [tags...] - type source super"; nothing for a line unlike that.
std::optional<MountRow> parse_row(const std::string& line) {
  std::istringstream words(line);
  std::string id;
  std::string parent;
  std::string root;
  std::string mountpoint;
  std::string word;
  MountRow row;
  char colon = 0;
  if (!(words >> id >> parent >> row.major >> colon >> row.minor >> root >> mountpoint)) return std::nullopt;
  while (words >> word && word != "-") {
  }
  if (!(words >> row.type)) return std::nullopt;
  row.mountpoint = unescape(mountpoint);
  return row;
}

/// The topmost FUSE mount that `wanted` accepts: a later row lies over an earlier one.
template <class Wanted>
std::optional<MountRow> last_row(Wanted wanted) {
  std::ifstream table("/proc/thread-self/mountinfo");
  std::optional<MountRow> found;
  for (std::string line; std::getline(table, line);) {
    auto row = parse_row(line);
    if (row && is_fuse(row->type) && wanted(*row)) found = std::move(row);
  }
  return found;
}

/// The number the kernel writes for a device: its own dev_t, which is the minor for the anonymous ones of plain mounts.
ConnectionId connection_of(const MountRow& row) {
  return ConnectionId{(row.major << 20) | row.minor};
}

/// A private instance of fusectl: a directory descriptor that needs no mount point.
Result<UniqueFd> private_fusectl() {
  const UniqueFd context(::fsopen("fusectl", FSOPEN_CLOEXEC));
  if (!context.valid()) return Errno::last();
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return Errno::last();
  UniqueFd directory(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!directory.valid()) return Errno::last();
  return directory;
}

Result<UniqueFd> open_control(int directory, ConnectionId id, const char* name, int flags) {
  const std::string path = std::to_string(id.value) + "/" + name;
  UniqueFd fd(::openat(directory, path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return Errno::last();
  return fd;
}

}  // namespace

std::optional<ConnectionId> find_connection(std::string_view mountpoint) {
  const auto row = last_row([&](const MountRow& candidate) { return candidate.mountpoint == mountpoint; });
  if (!row) return std::nullopt;
  return connection_of(*row);
}

std::optional<std::string> find_mountpoint(ConnectionId connection) {
  auto row = last_row([&](const MountRow& candidate) { return connection_of(candidate) == connection; });
  if (!row) return std::nullopt;
  return std::move(row->mountpoint);
}

bool is_mounted(std::string_view mountpoint, ConnectionId connection) {
  return last_row([&](const MountRow& row) { return row.mountpoint == mountpoint && connection_of(row) == connection; })
      .has_value();
}

Result<ConnectionControl> ConnectionControl::open(ConnectionId connection) {
  UniqueFd directory(::open("/sys/fs/fuse/connections", O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto abort = open_control(directory.get(), connection, "abort", O_WRONLY);
  if (!abort && abort.error() == Errno(ENOENT)) {
    auto own = private_fusectl();
    if (!own) return own.error();
    directory = std::move(*own);
    abort = open_control(directory.get(), connection, "abort", O_WRONLY);
  }
  if (!abort) return abort.error();
  auto waiting = open_control(directory.get(), connection, "waiting", O_PATH);
  if (!waiting) return waiting.error();
  return ConnectionControl(connection, std::move(*abort), std::move(*waiting));
}

Result<void> ConnectionControl::abort() const {
  if (::write(abort_.get(), "1", 1) != 1) return Errno::last();
  return {};
}

bool ConnectionControl::exists() const {
  const auto text = read_waiting();
  return !text || !text->empty();
}

Result<std::uint64_t> ConnectionControl::waiting() const {
  const auto text = read_waiting();
  if (!text) return text.error();
  std::uint64_t count = 0;
  std::from_chars(text->data(), text->data() + text->size(), count);
  return count;
}

Result<std::string> ConnectionControl::read_waiting() const {
  // It can be read once an open and not be sought in (fs/fuse/control.c fuse_conn_waiting_read). Through /proc we open
  // the very file we hold, wherever its name leads by now.
  const std::string path = "/proc/thread-self/fd/" + std::to_string(waiting_.get());
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return Errno::last();
  char text[32];
  const ssize_t size = ::read(file.get(), text, sizeof(text));
  if (size < 0) return Errno::last();
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace fusereplay

// ioctls in scripts.
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <sstream>
#include <stdexcept>

#include "tests/simulator/script.h"

namespace fusereplay::testing {
namespace {

constexpr std::size_t kSpaceToReserve = 48;  // sizeof(struct space_resv)
constexpr std::size_t kUnsized = 16;         // memory for commands whose number has no size

const std::map<std::string, std::uint32_t, std::less<>>& command_names() {
  static const std::map<std::string, std::uint32_t, std::less<>> names = {
      {"getflags", FS_IOC_GETFLAGS},
      {"setflags", FS_IOC_SETFLAGS},
      {"fsgetxattr", FS_IOC_FSGETXATTR},
      {"fssetxattr", FS_IOC_FSSETXATTR},
      {"getversion", FS_IOC_GETVERSION},
      {"fiemap", FS_IOC_FIEMAP},
      {"fionread", FIONREAD},
      {"fibmap", FIBMAP},
      {"figetbsz", FIGETBSZ},
      {"fioclex", FIOCLEX},
      {"fionclex", FIONCLEX},
      {"fionbio", FIONBIO},
      {"fioasync", FIOASYNC},
      {"fioqsize", FIOQSIZE},
      {"fifreeze", FIFREEZE},
      {"fithaw", FITHAW},
      {"ficlone", FICLONE},
      {"getuuid", 0x80111500},
      {"getsysfspath", 0x80811501},
      {"resvsp", _IOC(_IOC_WRITE, 'X', 40, kSpaceToReserve)},
      {"unresvsp", _IOC(_IOC_WRITE, 'X', 41, kSpaceToReserve)},
      {"zerorange", _IOC(_IOC_WRITE, 'X', 57, kSpaceToReserve)},
      {"measureverity", FS_IOC_MEASURE_VERITY},
  };
  return names;
}

std::uint32_t command_of(const std::string& text) {
  const auto known = command_names().find(text);
  if (known != command_names().end()) return known->second;
  std::istringstream words(text);
  std::string kind;
  std::string number;
  std::string size;
  std::getline(words, kind, ':');
  std::getline(words, number, ':');
  std::getline(words, size, ':');
  static const std::map<std::string, std::uint32_t, std::less<>> directions = {
      {"io", _IOC_NONE}, {"iow", _IOC_WRITE}, {"ior", _IOC_READ}, {"iowr", _IOC_READ | _IOC_WRITE}};
  const auto direction = directions.find(kind);
  if (direction == directions.end()) throw std::runtime_error("no such ioctl: " + text);
  return _IOC(direction->second, 'f', std::stoul(number), size.empty() ? 0 : std::stoul(size));
}

std::string bytes_of(const std::string& text) {
  std::string bytes;
  for (std::size_t at = 2; at + 1 < text.size(); at += 2) {
    bytes += static_cast<char>(std::stoul(text.substr(at, 2), nullptr, 16));
  }
  return bytes;
}

}  // namespace

IoctlArguments Call::ioctl() const {
  IoctlArguments all;
  all.command = command_of(text(1));
  const std::string argument = arguments.size() > 2 ? arguments[2] : std::string();
  if (argument.starts_with("@")) {
    all.by_number = true;
    if (argument.find_first_not_of("@0123456789") == std::string::npos) {
      all.number = std::stoull(argument.substr(1));
    } else {
      all.descriptor = argument.substr(1);
    }
    return all;
  }
  if (argument.starts_with("=")) {
    const int value = std::stoi(argument.substr(1));
    all.memory.assign(reinterpret_cast<const char*>(&value), sizeof(value));
  } else if (argument.starts_with("0x")) {
    all.memory = bytes_of(argument);
  } else if (!argument.empty()) {
    all.memory = data(2);
  }
  all.memory.resize(std::max<std::size_t>({_IOC_SIZE(all.command), all.memory.size(), kUnsized}), '\0');
  return all;
}

std::string describe_ioctl(int result, const std::string& memory) {
  std::string text = "= " + std::to_string(result);
  const std::string kept = memory.substr(0, memory.find_last_not_of('\0') + 1);
  if (kept.empty()) return text;
  if (kept.size() > 64) return text + " " + describe_data(kept);
  text += " ";
  for (const char c : kept) {
    char hex[4];
    std::snprintf(hex, sizeof(hex), "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    text += hex;
  }
  return text;
}

}  // namespace fusereplay::testing

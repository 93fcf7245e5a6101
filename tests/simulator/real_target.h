// A script's calls made of the real kernel: private to real_target*.cc.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "tests/simulator/script.h"

namespace fusereplay::testing {

inline std::string outcome(std::int64_t result) {
  if (result < 0) return to_string(Errno::last());
  return result == 0 ? "ok" : "= " + std::to_string(result);
}
inline std::string void_outcome(int result) {
  return result < 0 ? to_string(Errno::last()) : "ok";
}

class RealTarget final : public CallTarget {
 public:
  RealTarget() = default;
  explicit RealTarget(const std::string& directory);

  std::string run(const Call& call) override;

 private:
  using Method = std::function<std::string(RealTarget&, const Call&)>;
  using Methods = std::map<std::string, Method, std::less<>>;

  int fd(const Call& call, std::size_t index) const {
    if (call.text(index) == "cwd") return AT_FDCWD;
    const auto found = files_.find(call.text(index));
    return found == files_.end() ? -1 : found->second;
  }
  std::string install(const Call& call, int fd);
  std::string map(const Call& call);
  /// With a request behind it, as close_file().
  std::string unmap(const std::string& name);
  void unmap_all();
  /// Waits for the RELEASE, by a request behind it: the inode may go with it, and the kernel then distrusts the
  /// attributes of any LOOKUP that is outstanding (evict_ctr).
  std::string close_file(int fd);
  std::string take_data(std::string data, std::int64_t size);
  std::string take_stat(int result, const struct ::stat& stat) {
    return result < 0 ? to_string(Errno::last()) : describe(stat);
  }
  std::string getdents(const Call& call);
  std::string ioctl(const Call& call);
  std::string make_handle(const Call& call, int directory, const std::string& path, int flags, std::size_t size);
  int open_handle(const Call& call);
  std::string read_vector(const Call& call);
  std::string write_vector(const Call& call);
  static timespec time_of(const Call& call, std::size_t index);
  static const Methods& file_methods();
  static const Methods& name_methods();
  static const Methods& xattr_methods();
  static const Methods& special_methods();
  static const Methods& memory_methods();
  static const Methods& directory_methods();

  std::map<std::string, int> files_;
  struct Memory {
    char* at = nullptr;
    std::size_t length = 0;
  };
  std::map<std::string, Memory> mappings_;
  bool ticks_ = false;
  std::map<std::string, ScriptHandle> handles_;
};

}  // namespace fusereplay::testing

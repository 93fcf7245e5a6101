// What every program with live tests enters before it starts a thread: a mount namespace of its own.
#pragma once

#include <string>

namespace fusereplay::testing {

/// A private mount namespace (in a user namespace where we are not root) and a temporary directory that only it sees:
/// whatever is mounted in there goes with the process, even if that is killed. One a process, made by main().
class LiveEnvironment {
 public:
  LiveEnvironment();
  ~LiveEnvironment();
  LiveEnvironment(const LiveEnvironment&) = delete;
  LiveEnvironment& operator=(const LiveEnvironment&) = delete;

  /// Why nothing can be mounted here: "/dev/fuse: No such file or directory". Empty where mounting works.
  static const std::string& obstacle();
  /// A new empty directory, whose name starts with `name`.
  static std::string make_directory(const std::string& name);

 private:
  void enter();

  std::string obstacle_;
  std::string directory_;
  unsigned made_ = 0;
};

/// For a fixture's SetUp: skips the test, loudly, where nothing can be mounted.
void skip_without_fuse();

}  // namespace fusereplay::testing

// A program that serves a directory tree on a mount of its own, for as long as it is compared with others.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace fusereplay::bench {

/// One way to serve a tree.
struct Contestant {
  std::string name;
  std::vector<std::string> command;  // "{source}", "{mount}" and "{trace}" stand for paths, also within a word
};

/// A contestant at work below `place`, which it has for itself. Killed with us, should we be killed.
class ServedTree {
 public:
  /// Returns when it is mounted. Throws std::runtime_error, one line, where it is not after ten seconds.
  ServedTree(const Contestant& contestant, const std::string& place);
  /// Unmounts and waits for the program's end; kills it where that does not come.
  ~ServedTree();
  ServedTree(const ServedTree&) = delete;
  ServedTree& operator=(const ServedTree&) = delete;

  const std::string& source() const noexcept { return source_; }
  const std::string& mount() const noexcept { return mount_; }

 private:
  void start(const std::vector<std::string>& command);
  bool has_ended();

  const std::string source_;
  const std::string mount_;
  const std::string trace_;
  pid_t pid_ = -1;
};

}  // namespace fusereplay::bench

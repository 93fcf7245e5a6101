// The servers that the suite runs on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/server/server.h"

namespace fusereplay::testing {

/// One filesystem, one way of running it.
struct Served {
  std::string name;  // of a test: letters, digits
  /// Behind a directory that is empty. Null where what it takes is not on this machine; then `missing` says what.
  std::function<std::unique_ptr<Server>(const std::string& directory)> make;
  std::string missing;
  /// The program and its arguments, "{}" for the mount point; null where it is none.
  std::function<std::vector<std::string>(const std::string& directory)> command;
  /// Where on the mount that directory is; null: the mount shows nothing else.
  std::function<std::string(const std::string& directory)> below;
  /// Calls of the suite that it knowingly answers otherwise.
  std::map<std::string, std::string> differences;
  /// Rules that it breaks in the common suite, and how often.
  std::map<std::string, int> findings;
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for this name
inline void PrintTo(const Served& served, std::ostream* out) {
  *out << served.name;
}

/// From now on the children run from copies in `directory`, which everybody may read.
void use_copies_of_programs(const std::string& directory);

/// memfs, libfuse's passthrough_ll and passthrough in process and as children, pyfuse3's as a child.
std::vector<Served> servers_of_files();
/// libfuse's hello, in process and as a child.
std::vector<Served> servers_of_hello();

}  // namespace fusereplay::testing

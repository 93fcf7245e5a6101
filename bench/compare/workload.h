// The work that is timed: what programs do to a mounted tree.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fusereplay::bench {

struct Workload {
  std::string name;
  unsigned processes = 1;  // each does the work, in its own directory
  /// Once, in the source of a tree: what the work needs to find. Errors throw.
  std::function<void(const std::string& directory)> prepare;
  /// On the mount, as often as it is timed. Errors throw std::system_error.
  std::function<void(const std::string& directory)> work;
};

/// Metadata storms of one and of four processes, a small file from its creation to its close, reads and writes of 4 KiB
/// and of 1 MiB with and without the page cache, a listing of 10,000 entries with their attributes.
std::vector<Workload> workloads();

/// Makes what it needs below `source`.
void prepare(const Workload& workload, const std::string& source);
/// Nanoseconds from when all its processes could begin until the last was done. Errors throw std::runtime_error.
std::int64_t time_of(const Workload& workload, const std::string& mount);

}  // namespace fusereplay::bench

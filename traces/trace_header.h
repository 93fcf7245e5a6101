// What a trace says about itself: the contents of its first block (docs/trace-contract.md, section 2.3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fusereplay {

inline constexpr std::uint32_t kTraceFormatVersion = 2;
/// The oldest reader's version that can read what is written here.
inline constexpr std::uint32_t kTraceOldestReadable = 2;

/// What was kept of the data of files (traces/payload.h says which bytes these are). All else is always kept.
enum class PayloadPolicy : std::uint8_t {
  kFull = 1,
  kHash = 2,  // a hash of each chunk
  kNone = 3,  // its size
};

/// A plain value. The writer fills in versions and schema itself; see describe_host() for the rest of the machine.
struct TraceHeader {
  std::uint32_t format_version = kTraceFormatVersion;
  std::uint32_t oldest_readable = kTraceOldestReadable;
  std::string writer;                      // "fusereplay 0.1.0"
  std::int64_t start_time = 0;             // ns since the epoch
  std::vector<std::string> mount_options;  // "max_read=131072", "default_permissions"
  std::string mount_point;
  std::vector<std::string> command;  // argv of the recorded command or filesystem
  std::string kernel_release;        // uname -r
  std::string kernel_version;        // uname -v: build flags (SMP, PREEMPT_...) and date
  std::string architecture;          // uname -m
  std::uint32_t page_size = 0;       // bytes
  std::uint32_t cpus = 0;            // online
  std::string clocks;                // which clock gave begin and end: "CLOCK_REALTIME"
  PayloadPolicy payload = PayloadPolicy::kFull;
  std::uint32_t protocol_major = 0;  // of the field tables that laid out the records
  std::uint32_t protocol_minor = 0;
  std::string schema;  // a serialised google.protobuf.FileDescriptorSet
};

/// A header with everything that can be told without the mount: machine, kernel, clocks, versions, start time (now).
TraceHeader describe_host();

}  // namespace fusereplay

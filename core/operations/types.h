// What handlers take and give: ids, attributes, entries, and the small structs around them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/protocol/flags.h"
#include "core/protocol/message.h"
#include "core/protocol/opcode.h"

namespace fusereplay {

/// Names an inode to the kernel while its lookup count is above zero. 0 only in an Entry that says "none".
enum class NodeId : std::uint64_t {};
inline constexpr NodeId kRoot{kRootNodeId};
/// Chosen by the filesystem in open, create, opendir; comes back with every use of that open file.
enum class FileHandle : std::uint64_t {};
/// A place in a directory stream, chosen by the filesystem; 0 is the start, so no entry may carry it (rule R11).
enum class Cookie : std::uint64_t {};
/// Who holds a lock; opaque.
enum class LockOwner : std::uint64_t {};
/// Bytes from the start of a file.
using Offset = std::uint64_t;

constexpr std::uint64_t raw(NodeId id) noexcept {
  return static_cast<std::uint64_t>(id);
}
constexpr std::uint64_t raw(FileHandle handle) noexcept {
  return static_cast<std::uint64_t>(handle);
}
constexpr std::uint64_t raw(Cookie cookie) noexcept {
  return static_cast<std::uint64_t>(cookie);
}
constexpr std::uint64_t raw(LockOwner owner) noexcept {
  return static_cast<std::uint64_t>(owner);
}

/// An instant as the protocol carries it: seconds and nanoseconds since the epoch.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;

  static constexpr Timestamp from_nanoseconds(std::int64_t since_epoch) noexcept {
    std::int64_t whole = since_epoch / 1'000'000'000;
    std::int64_t rest = since_epoch % 1'000'000'000;
    if (rest < 0) {
      --whole;
      rest += 1'000'000'000;
    }
    return {whole, static_cast<std::uint32_t>(rest)};
  }
  constexpr auto operator<=>(const Timestamp&) const noexcept = default;  // NOLINT(modernize-use-nullptr)
};

/// How long the kernel may use an answer without asking again.
struct Timeout {
  std::uint64_t nanoseconds = 0;
  static constexpr Timeout seconds(std::uint64_t count) noexcept { return {count * 1'000'000'000}; }
};

/// What stat(2) shows. The kernel checks only the type in `mode` and that size is at most 2^63-1 (rule R5).
struct Attributes {
  std::uint64_t ino = 0;
  std::uint64_t size = 0;
  std::uint64_t blocks = 0;  // of 512 bytes
  Timestamp atime{};
  Timestamp mtime{};
  Timestamp ctime{};
  std::uint32_t mode = 0;  // type and permissions
  std::uint32_t nlink = 1;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t rdev = 0;        // as the kernel encodes it: new_encode_dev
  std::uint32_t block_size = 0;  // preferred I/O size; 0: the kernel's own
  std::uint32_t flags = 0;       // kAttrSubmount, kAttrDax
};

/// The answer of getattr and setattr.
struct AttributesReply {
  Attributes attributes{};
  Timeout timeout{};
};

/// The answer of lookup and of every request that makes a name. Accepting it raises the node's lookup count by one
/// (reference R1): count before returning it; the runtime calls forget(node, 1) if the kernel refuses it.
struct Entry {
  NodeId node{};                 // 0, from lookup only: the name does not exist, which is cached for entry_timeout
  std::uint64_t generation = 0;  // of the nodeid; the kernel keeps 32 bits
  Attributes attributes{};
  Timeout entry_timeout{};      // of the name
  Timeout attribute_timeout{};  // of the attributes
};

/// The answer of open and opendir. If the kernel refuses it the runtime calls release or releasedir.
struct Opened {
  FileHandle handle{};
  std::uint32_t flags = 0;  // kFopen...
  std::int32_t backing_id = 0;
};

/// The answer of create and tmpfile: an entry that counts and a handle that is open.
struct Created {
  Entry entry{};
  Opened opened{};
};

/// What a creating request asks for. `mode` has the umask applied unless DONT_MASK was negotiated.
struct Creation {
  std::uint32_t mode = 0;
  std::uint32_t umask = 0;
  Bytes extensions{};  // for parse_extensions(): security contexts and groups; empty unless negotiated
};

/// What setattr is to change: what `valid` (kSetattr... bits) names. With kSetattrAtimeNow or kSetattrMtimeNow the time
/// is the request's time().
struct SetAttributes {
  std::uint32_t valid = 0;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  Timestamp atime{};
  Timestamp mtime{};
  Timestamp ctime{};
  std::optional<FileHandle> handle{};
  std::optional<LockOwner> lock_owner{};

  constexpr bool has(std::uint32_t bit) const noexcept { return (valid & bit) != 0; }
};

/// How a file was closed for the last time.
struct Release {
  std::uint32_t flags = 0;          // as in open
  std::uint32_t release_flags = 0;  // kRelease...
  LockOwner lock_owner{};
  /// The owner's flock lock must be dropped (rule F9).
  constexpr bool drops_flock() const noexcept { return (release_flags & kReleaseFlockUnlock) != 0; }
};

enum class SyncKind : std::uint8_t { kAll, kDataOnly };
enum class LockWait : std::uint8_t { kNo, kYes };

/// The totals of the filesystem, as statvfs(3) shows them.
struct FilesystemStatistics {
  std::uint64_t blocks = 0;  // of fragment_size
  std::uint64_t blocks_free = 0;
  std::uint64_t blocks_available = 0;
  std::uint64_t files = 0;
  std::uint64_t files_free = 0;
  std::uint32_t block_size = 512;
  std::uint32_t fragment_size = 512;
  std::uint32_t name_length = 255;
};

/// A record lock or an flock lock over [start, end], end inclusive.
struct FileLock {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint32_t type = 0;  // F_RDLCK, F_WRLCK, F_UNLCK
  std::uint32_t pid = 0;
};

struct SetXattr {
  Bytes value{};
  std::uint32_t flags = 0;      // XATTR_CREATE, XATTR_REPLACE
  std::uint32_t ext_flags = 0;  // kSetxattrAclKillSgid
};

struct IoctlRequest {
  std::uint32_t command = 0;
  std::uint32_t flags = 0;  // kIoctl...
  std::uint64_t argument = 0;
  Bytes input{};
  std::uint32_t output_size = 0;  // bytes the caller can take
};

struct PollRequest {
  std::uint32_t events = 0;                      // POLL...
  std::optional<std::uint64_t> notify_handle{};  // set: the kernel wants a NOTIFY_POLL with this value
};

struct CopyRange {
  NodeId node_in{};
  FileHandle handle_in{};
  Offset offset_in = 0;
  NodeId node_out{};
  FileHandle handle_out{};
  Offset offset_out = 0;
  std::uint64_t length = 0;
  std::uint64_t flags = 0;
};

struct StatxRequest {
  std::optional<FileHandle> handle{};
  std::uint32_t flags = 0;  // AT_STATX_...
  std::uint32_t mask = 0;   // STATX_...
};

/// The answer of statx: attributes with what stat(2) has no room for.
struct StatxReply {
  Attributes attributes{};
  Timestamp birth{};
  std::uint32_t mask = 0;  // what is valid: STATX_...
  std::uint64_t statx_attributes = 0;
  std::uint64_t statx_attributes_mask = 0;
  Timeout timeout{};
};

}  // namespace fusereplay

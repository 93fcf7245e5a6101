// Open files and directories as the kernel holds them, kept from the conversation alone: rules K10, K11, K12.
#pragma once

#include <cstdint>

#include "core/flat_map.h"
#include "rules/reporter.h"
#include "rules/request_ids.h"
#include "rules/stream_state.h"

namespace fusereplay {

/// Counts opens for each (nodeid, fh): a filesystem may give one fh to many opens (0, for all of them), so a handle is
/// closed when every open that got it was released. ENOSYS to OPEN or OPENDIR makes fh 0 good everywhere; ENOSYS to
/// OPEN also ends all RELEASEs (reference 3.3).
/// Order: as in LookupLedger. RELEASE is queued when the last request with the handle has been answered, and an OPEN
/// that gives the same fh again is numbered before any use of it.
class HandleLedger {
 public:
  HandleLedger(Reporter& reporter, const StreamState& stream);

  void on_request(const RequestStep& step);
  void on_reply(const ReplyStep& step);
  /// The connection is gone, or a new one begins: all handles are void (rule F11).
  void reset() noexcept;

  /// Opens of this handle that are not released.
  std::uint64_t opens(std::uint64_t nodeid, std::uint64_t fh) const noexcept;
  /// Opens of all handles that are not released.
  std::uint64_t open_count() const noexcept { return open_count_; }

 private:
  struct Handle {
    std::uint32_t opens = 0;
    std::uint32_t busy = 0;     // outstanding requests with it, FLUSH and RELEASE apart
    std::uint32_t flushes = 0;  // outstanding FLUSHes
    bool idle() const noexcept { return opens == 0 && busy == 0 && flushes == 0; }
  };

  void release(const RequestStep& step, const IdPair& key);
  void use(const RequestStep& step, const IdPair& key);
  void let_go(Opcode opcode, const IdPair& key) noexcept;
  void opened(std::uint64_t nodeid, std::uint64_t fh);

  Reporter& reporter_;
  const StreamState& stream_;
  RequestIds ids_;
  FlatMap<IdPair, Handle> handles_;
  std::uint64_t open_count_ = 0;
  bool zero_is_open_ = false;  // OPEN or OPENDIR was answered ENOSYS
};

}  // namespace fusereplay

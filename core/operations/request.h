// Who asks, and when: the first argument of every handler.
#pragma once

#include <cstdint>
#include <vector>

#include "core/operations/types.h"
#include "core/protocol/view.h"
#include "core/result.h"
#include "core/server/server.h"

namespace fusereplay {

/// One request as its handler sees it. Lives until the handler's reply has been sent; so do all views that the handler
/// got with it (names, data).
class Request {
 public:
  /// `received`: ns since the epoch. `client` is who asks. It and `view` must outlive the Request.
  Request(const RequestView& view, std::int64_t received, const ReplyChannel& client) noexcept
      : view_(view), received_(received), client_(client) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  std::uint64_t unique() const noexcept { return view_.unique(); }
  /// The caller's fsuid and fsgid in the mount's user namespace. 0 for requests without a caller (reference section 0).
  std::uint32_t uid() const noexcept { return view_.header().uid; }
  std::uint32_t gid() const noexcept { return view_.header().gid; }
  /// The caller's thread id in the mount's pid namespace; 0 without one.
  std::uint32_t pid() const noexcept { return view_.header().pid; }
  /// The caller's supplementary groups, which no request carries: on a mount they are read from /proc, some 20 us.
  /// ESRCH: not known. Changing while the caller runs and in no trace, they make what hangs on them differ in a replay,
  /// where nobody knows them: for the group of a new file let the kernel tell (CREATE_SUPP_GROUP, parse_extensions()).
  Result<std::vector<std::uint32_t>> groups() const { return client_.groups_of(pid()); }
  /// Whether the caller is in this group, by gid() or by groups(), which is asked only where it must be.
  Result<bool> in_group(std::uint32_t group) const;
  /// When the request was read: what a filesystem should stamp files with. The same in a replay.
  Timestamp time() const noexcept { return Timestamp::from_nanoseconds(received_); }
  /// The wire message, for what the handler's arguments leave out.
  const RequestView& view() const noexcept { return view_; }

 private:
  const RequestView& view_;
  std::int64_t received_;
  const ReplyChannel& client_;
};

}  // namespace fusereplay

// Follows an ordered stream of events and knows, for each reply, the request it answers.
#pragma once

#include <cstdint>
#include <memory>

#include "core/event/event.h"
#include "core/protocol/view.h"

namespace fusereplay {

/// What is known of an outstanding request. Valid until the event after its reply; that of a request that is not kept
/// outstanding (FORGET, BATCH_FORGET, INTERRUPT, NOTIFY_REPLY, or bytes too short for a header) until the next event.
struct RequestContext {
  Opcode opcode{};
  std::uint64_t unique = 0;
  std::uint64_t sequence = 0;  // of the request's event
  std::int64_t begin = 0;      // of the request's event
  std::uint32_t channel = 0;   // the fd that read it: the only one on which a reply is accepted (rule R1)
  bool known = false;          // `view` is valid: the opcode is in 7.45 and the message well formed
  bool asks_size = false;      // GETXATTR/LISTXATTR with size 0
  RequestView view;  // the request's bytes, owned by the Conversation; data of a WRITE is left out (tail empty)
};

/// Whether this reply ended its request, or found it ended (reference 3.1): it was accepted, or refused behind the
/// header (EINVAL, EFAULT: the kernel completed it with EIO), or the kernel knows of no such request (ENOENT) though it
/// was read from the same device. On another device ENOENT ends nothing (rule R1), nor does EINVAL at the header (rule
/// R2).
bool ends_request(const Event& reply, const RequestContext& request) noexcept;

/// Fills Event::request. One a stream; ordered. Memory grows with the number of outstanding requests only.
/// A reply ends its request as ends_request() says.
/// A reply is matched by its unique alone: whether it came on the right channel is for a rule to say. The reply to an
/// INTERRUPT matches nothing. A request with a unique that is outstanding already takes its place, as does one sent
/// again (bit 63) that of its first sending.
/// Events may come from a hostile trace: any bytes are followed, none are trusted.
class Conversation {
 public:
  Conversation();
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  /// Sets event.request, then forgets the request if the event ends it. Call once for each event, in order.
  void follow(Event& event);

  /// Layout-changing features, learnt from the INIT exchange as it passes.
  const Negotiated& negotiated() const noexcept;
  std::size_t outstanding() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusereplay

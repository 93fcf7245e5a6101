// Random wire messages from a seed, driven by the layouts and field tables: input for tests, fuzzers and benchmarks.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/protocol/layout.h"
#include "core/protocol/message.h"
#include "core/protocol/view.h"

namespace fusereplay::test {

/// The bytes of one whole message.
using OwnedMessage = std::vector<std::byte>;

/// Makes messages as a kernel and a server would: every struct filled field by field according to its role, sizes and
/// counts that agree with what follows, padding zero. The same seed and calls give the same bytes on every machine.
/// One thread.
class MessageGenerator {
 public:
  /// `max_data`: the longest tail of bytes, and the largest size a READ or the like asks for.
  explicit MessageGenerator(std::uint64_t seed, std::size_t max_data = 4096, const Negotiated& negotiated = {})
      : random_(seed), max_data_(max_data), negotiated_(negotiated) {}

  /// A valid request with the next even unique (INTERRUPT: that of the last request with bit 0 set).
  OwnedMessage request(Opcode opcode);
  /// The same for any opcode.
  OwnedMessage request() { return request(pick_opcode()); }
  /// A request whose opcode is not in 7.45, with a body of any bytes.
  OwnedMessage unknown_request();

  /// A valid successful reply, as short or long as `request` allows. `request` must be one that is answered.
  OwnedMessage reply(const RequestView& request);
  /// A valid error reply.
  OwnedMessage error_reply(std::uint64_t unique);

  /// A valid notification.
  OwnedMessage notification(NotifyCode code);
  OwnedMessage notification();

  /// `valid` with one to four changes: flipped bits, overwritten integers, bytes cut, doubled or added. header.len is
  /// mended half of the time, so that the change reaches what stands behind it.
  OwnedMessage mutated(Bytes valid);

  Opcode pick_opcode();
  /// A directory entry name: 1 to 255 bytes, any but NUL and slash; now and then up to 4095.
  std::string name();
  /// A number below `bound`, which is above 0.
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::vector<std::byte> data(std::size_t size);

 private:
  std::uint64_t number();
  std::uint64_t field_value(const Field& field);
  void fill(StructId id, std::byte* base);
  std::vector<std::byte> structs(const MessageLayout& layout);
  std::vector<std::byte> request_extensions();
  std::vector<std::byte> dirents(Tail tail, std::size_t space);
  std::vector<std::byte> elements(StructId id, std::size_t count);
  void mutate_once(OwnedMessage& message);

  std::mt19937_64 random_;
  std::size_t max_data_;
  Negotiated negotiated_;
  std::uint64_t last_unique_ = 0;
};

/// `whole` in two pieces, cut where `view`, parsed from it, has its tail: the other form a Message may have.
Message in_two_pieces(Bytes whole, const BodyView& view);

}  // namespace fusereplay::test

// Building wire messages: requests (for clients, generators, tests), replies and notifications (for servers).
#pragma once

#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/check.h"
#include "core/protocol/layout.h"
#include "core/protocol/message.h"
#include "core/protocol/wire.h"

namespace fusereplay {

/// Lays one contiguous message into a vector, reused between messages. Calls come in the layout's order: start, the
/// structs, the names, the tail, the extensions, finish. The bytes stay valid until the next start().
class MessageBuilder {
 public:
  /// Who asks and about what; len and total_extlen are set by finish().
  MessageBuilder& start_request(Opcode opcode, const wire::InHeader& header);
  /// `error` is 0 or a negative errno.
  MessageBuilder& start_reply(std::uint64_t unique, std::int32_t error);
  MessageBuilder& start_notification(NotifyCode code);

  template <class Struct>
  MessageBuilder& add(const Struct& value) {
    static_assert(FieldTable<Struct>::kId != StructId::kNone);
    return bytes(std::as_bytes(std::span(&value, 1)));
  }
  /// The name and its NUL.
  MessageBuilder& name(std::string_view name);
  /// Bytes as they are: tail, or anything else a test wants there.
  MessageBuilder& bytes(Bytes bytes);
  /// Extension bytes, a multiple of 8; sets total_extlen. Requests only.
  MessageBuilder& extensions(Bytes bytes);
  /// Fills in header.len and gives the message.
  Bytes finish();

 private:
  enum class Kind : std::uint8_t { kRequest, kReply };
  Kind kind_ = Kind::kRequest;
  std::vector<std::byte> out_;
  std::size_t extension_bytes_ = 0;
};

/// A reply in the making, without allocation: header and structs inline, the tail elsewhere. Structs are made where
/// they will be sent from: a copy of what was just written field by field would wait for the stores.
class ReplyBuilder {
 public:
  ReplyBuilder() noexcept = default;
  ReplyBuilder(const ReplyBuilder&) = delete;  // the message points into it
  ReplyBuilder& operator=(const ReplyBuilder&) = delete;

  /// `error` is 0 or a negative errno; an error reply takes no struct and no tail (rule R3).
  void start(std::uint64_t unique, std::int32_t error) noexcept {
    used_ = sizeof(wire::OutHeader);
    message_.tail = {};
    message_.owner = nullptr;
    new (space_) wire::OutHeader{.len = 0, .error = error, .unique = unique};
  }
  /// The struct that `make()` returns, by value.
  template <class Make>
  requires std::is_invocable_v<Make>
  void add(Make&& make) noexcept {
    using Struct = std::invoke_result_t<Make>;
    static_assert(FieldTable<Struct>::kId != StructId::kNone && sizeof(Struct) % alignof(std::uint64_t) == 0);
    FUSEREPLAY_CHECK(used_ + sizeof(Struct) <= sizeof(space_), "reply structs fit the builder");
    new (space_ + used_) Struct(make());
    used_ += sizeof(Struct);
  }
  /// The same for a struct that is there already, or small.
  template <class Struct>
  requires(!std::is_invocable_v<const Struct&>)  //
      void add(const Struct& value) noexcept {
    add([&] { return value; });
  }
  /// The tail, not copied: it must live until the message is sent. `owner`, if any, is what keeps it alive.
  void tail(Bytes bytes, const BufferRef* owner) noexcept {
    message_.tail = bytes;
    message_.owner = owner;
  }
  /// Fills in header.len. The Message points into this builder and lives in it.
  const Message& finish() noexcept {
    message_.head = Bytes(space_, used_);
    const auto length = static_cast<std::uint32_t>(message_.size());
    std::memcpy(space_ + offsetof(wire::OutHeader, len), &length, sizeof(length));
    return message_;
  }

 private:
  alignas(8) std::byte space_[sizeof(wire::OutHeader) + sizeof(wire::StatxOut)];
  std::size_t used_ = 0;
  Message message_;
};

}  // namespace fusereplay

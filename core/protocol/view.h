// Bounds-checked views of wire messages. Decoding copies nothing but the struct asked for.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/check.h"
#include "core/protocol/layout.h"
#include "core/protocol/message.h"
#include "core/protocol/wire.h"

namespace fusereplay {

/// Why bytes are not a message of the protocol.
enum class MessageError : std::uint8_t {
  kTooShort,       // less than a header, or than the structs of the layout
  kWrongLength,    // header.len is not the number of bytes given
  kUnknownOpcode,  // not in 7.45: the header is valid, the body is opaque
  kUnterminatedName,
  kBadName,        // empty where the protocol has a name, or with '/' (rule K15; TMPFILE's placeholder "/" is allowed)
  kBadExtensions,  // total_extlen exceeds the message, or is set on a request that has none
  kTrailingBytes,  // bytes beyond the layout of an opcode without a tail
  kBadCount,       // an element count that does not match the tail, or a namelen that does not match the name
};
/// "a name without its NUL" and so on: fits into "bad request: ...".
std::string_view describe(MessageError error) noexcept;

/// The body of a message laid out as `layout` says: what RequestView, ReplyView and NotificationView share.
class BodyView {
 public:
  const MessageLayout& layout() const noexcept { return *layout_; }
  /// The bytes of the layout's structs, one after the other (fewer for a truncatable layout).
  Bytes fixed_bytes() const noexcept { return {body_, fixed_size_}; }
  /// A copy of the struct. It must be one of the layout's; missing bytes of a truncatable one are zero.
  template <class Struct>
  Struct fixed() const noexcept {
    const StructId id = FieldTable<Struct>::kId;
    const bool first = layout_->structs[0] == id;
    FUSEREPLAY_CHECK(first || layout_->structs[1] == id, "a struct that this message does not carry");
    const std::size_t offset = first ? 0 : struct_info(layout_->structs[0]).size;
    Struct value;
    if (fixed_size_ >= offset + sizeof(Struct)) [[likely]] {
      std::memcpy(static_cast<void*>(&value), body_ + offset, sizeof(Struct));
    } else {
      value = Struct{};
      if (fixed_size_ > offset) std::memcpy(static_cast<void*>(&value), body_ + offset, fixed_size_ - offset);
    }
    return value;
  }
  /// Name number `index`, without its NUL; valid as long as the message's bytes.
  std::string_view name(std::size_t index) const noexcept {
    return {reinterpret_cast<const char*>(body_) + names_[index].offset, names_[index].size};
  }
  /// The tail; empty where the layout has none.
  Bytes tail() const noexcept { return tail_; }
  Bytes extensions() const noexcept {
    return extensions_.size == 0 ? Bytes() : Bytes(body_ + extensions_.offset, extensions_.size);
  }

 protected:
  BodyView() noexcept = default;
  /// Splits `body` (and `separate_tail`, see Message) by `layout`. `extension_bytes` of `body` are extensions.
  tl::expected<void, MessageError> split(const MessageLayout& layout, Bytes body, Bytes separate_tail,
                                         std::size_t extension_bytes) {
    if (layout.structs_only && body.size() == layout.fixed_size() && separate_tail.empty() && extension_bytes == 0)
        [[likely]] {
      layout_ = &layout;
      body_ = body.data();
      fixed_size_ = layout.structs_size;
      return {};
    }
    return split_all(layout, body, separate_tail, extension_bytes);
  }
  /// Makes the view point into a copy: the body that was split now stands at `body`.
  void rebase(const std::byte* body, Bytes tail) noexcept {
    body_ = body;
    tail_ = tail;
  }

 private:
  tl::expected<void, MessageError> split_all(const MessageLayout& layout, Bytes body, Bytes separate_tail,
                                             std::size_t extension_bytes);

  struct Part {
    std::uint32_t offset;  // from body_
    std::uint32_t size;
  };
  const MessageLayout* layout_ = nullptr;
  const std::byte* body_ = nullptr;
  std::uint32_t fixed_size_ = 0;
  std::array<Part, 2> names_{};
  Part extensions_{};
  Bytes tail_;
};

/// A request: header and body checked against its opcode's layout.
class RequestView : public BodyView {
 public:
  /// A view of nothing, to be assigned to. Not defaulted, which would clear it twice over on the way into an expected.
  RequestView() noexcept {}
  /// Never reads outside `message`. Names are checked for their NUL, not for their contents' sense: see
  /// valid_name(). Sizes in the structs (WriteIn.size) are not compared with a tail of bytes; element counts are.
  /// Unknown opcodes give kUnknownOpcode; use read_in_header for what can still be told.
  static tl::expected<RequestView, MessageError> parse(const Message& message, const Negotiated& negotiated = {});
  static tl::expected<RequestView, MessageError> parse(Bytes message, const Negotiated& negotiated = {}) {
    return parse(Message{.head = message, .tail = {}}, negotiated);
  }
  /// parse() in place, for a view of nothing. After an error the view is good for nothing.
  tl::expected<void, MessageError> read(Bytes head, Bytes separate_tail, const Negotiated& negotiated) {
    if (head.size() < sizeof(header_)) return tl::unexpected(MessageError::kTooShort);
    wire::InHeader header;
    std::memcpy(&header, head.data(), sizeof(header));
    if (header.len != head.size() + separate_tail.size()) return tl::unexpected(MessageError::kWrongLength);
    const MessageLayout* layout = request_layout(static_cast<Opcode>(header.opcode), negotiated);
    if (layout == nullptr) return tl::unexpected(MessageError::kUnknownOpcode);
    header_ = header;
    bytes_ = head;
    return split(*layout, head.subspan(sizeof(header)), separate_tail, std::size_t{header.total_extlen} * 8);
  }

  /// The same request over a copy of its bytes in `storage`, which it overwrites and which must outlive the result. The
  /// data of a WRITE is left out: its tail() is empty, its header().len as it was.
  RequestView keep_in(std::vector<std::byte>& storage) const;

  const wire::InHeader& header() const noexcept { return header_; }
  Opcode opcode() const noexcept { return static_cast<Opcode>(header_.opcode); }
  std::uint64_t unique() const noexcept { return header_.unique; }
  std::uint64_t nodeid() const noexcept { return header_.nodeid; }
  /// The message's bytes; without the tail where that came apart (Message::tail) or was left out (keep_in).
  Bytes bytes() const noexcept { return bytes_; }

 private:
  wire::InHeader header_{};
  Bytes bytes_;
};

/// The body of a successful reply. Error replies have no body: look at read_out_header(...)->error first. An opcode
/// that is never answered gives kUnknownOpcode.
class ReplyView : public BodyView {
 public:
  /// A view of nothing, to be assigned to; not defaulted, see RequestView.
  ReplyView() noexcept {}
  static tl::expected<ReplyView, MessageError> parse(const Message& message, Opcode opcode, bool asks_size);
  /// parse() in place, for a view of nothing. After an error the view is good for nothing.
  tl::expected<void, MessageError> read(const Message& message, Opcode opcode, bool asks_size) {
    if (message.head.size() < sizeof(header_)) return tl::unexpected(MessageError::kTooShort);
    std::memcpy(&header_, message.head.data(), sizeof(header_));
    if (header_.len != message.size()) return tl::unexpected(MessageError::kWrongLength);
    const MessageLayout* layout = reply_layout(opcode, asks_size);
    if (layout == nullptr) return tl::unexpected(MessageError::kUnknownOpcode);
    return split(*layout, message.head.subspan(sizeof(header_)), message.tail, 0);
  }
  const wire::OutHeader& header() const noexcept { return header_; }

 private:
  wire::OutHeader header_{};
};

/// A notification (out_header.unique is 0). An unknown code, or a unique, gives kUnknownOpcode.
class NotificationView : public BodyView {
 public:
  static tl::expected<NotificationView, MessageError> parse(const Message& message);
  NotifyCode code() const noexcept { return static_cast<NotifyCode>(header_.error); }
  const wire::OutHeader& header() const noexcept { return header_; }

 private:
  tl::expected<void, MessageError> read(const Message& message);

  wire::OutHeader header_{};
};

/// The header of a request or reply of at least that size.
tl::expected<wire::InHeader, MessageError> read_in_header(Bytes message) noexcept;
tl::expected<wire::OutHeader, MessageError> read_out_header(const Message& message) noexcept;

/// Reads the elements of a BATCH_FORGET's tail one by one; bytes that are no whole element end it.
class ForgetReader {
 public:
  explicit ForgetReader(Bytes tail) noexcept : rest_(tail) {}
  std::optional<wire::ForgetOne> next() noexcept {
    if (rest_.size() < sizeof(wire::ForgetOne)) return std::nullopt;
    wire::ForgetOne one;
    std::memcpy(&one, rest_.data(), sizeof(one));
    rest_ = rest_.subspan(sizeof(one));
    return one;
  }

 private:
  Bytes rest_;
};

/// Whether a GETXATTR or LISTXATTR asks for the length only; false for every other request.
inline bool asks_size(const RequestView& request) noexcept {
  const Opcode opcode = request.opcode();
  return (opcode == Opcode::kGetxattr || opcode == Opcode::kListxattr) && request.fixed<wire::GetxattrIn>().size == 0;
}

/// Rule K15: a directory entry name as the kernel sends it: not empty, at most `max` bytes, no '/', no NUL.
bool valid_name(std::string_view name, std::size_t max = 4095) noexcept;

}  // namespace fusereplay

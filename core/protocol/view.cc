#include "core/protocol/view.h"

namespace fusereplay {
namespace {

template <class Header>
tl::expected<Header, MessageError> read_header(Bytes head) noexcept {
  if (head.size() < sizeof(Header)) return tl::unexpected(MessageError::kTooShort);
  Header header;
  std::memcpy(&header, head.data(), sizeof(header));
  return header;
}

/// Element sizes of the tails that are arrays; 0 for the others.
std::size_t element_size(Tail tail) noexcept {
  switch (tail) {
    case Tail::kForgets:
      return sizeof(wire::ForgetOne);
    case Tail::kRemovemappings:
      return sizeof(wire::RemovemappingOne);
    case Tail::kNodeIds:
      return sizeof(std::uint64_t);
    case Tail::kNone:
    case Tail::kBytes:
    case Tail::kDirents:
    case Tail::kDirentsPlus:
      break;
  }
  return 0;
}

}  // namespace

std::string_view describe(MessageError error) noexcept {
  switch (error) {
    case MessageError::kTooShort:
      return "too short for its header and structs";
    case MessageError::kWrongLength:
      return "header.len is not its length";
    case MessageError::kUnknownOpcode:
      return "an opcode that is not in 7.45";
    case MessageError::kUnterminatedName:
      return "a name without its NUL";
    case MessageError::kBadName:
      return "a name that is empty or has a slash";
    case MessageError::kBadExtensions:
      return "extensions that do not fit it";
    case MessageError::kTrailingBytes:
      return "bytes beyond its layout";
    case MessageError::kBadCount:
      return "a count that does not match what follows";
  }
  return "an unknown error";
}

tl::expected<void, MessageError> BodyView::split_all(const MessageLayout& layout, Bytes body, Bytes separate_tail,
                                                     std::size_t extension_bytes) {
  layout_ = &layout;
  body_ = body.data();
  const auto part = [this](Bytes bytes) {
    return Part{.offset = static_cast<std::uint32_t>(bytes.data() - body_),
                .size = static_cast<std::uint32_t>(bytes.size())};
  };
  if (extension_bytes != 0) {
    if (!layout.extensions || extension_bytes > body.size()) return tl::unexpected(MessageError::kBadExtensions);
    extensions_ = part(body.last(extension_bytes));
    body = body.first(body.size() - extension_bytes);
  }
  std::size_t fixed_size = layout.fixed_size();
  if (body.size() < fixed_size) {
    if (!layout.truncatable) return tl::unexpected(MessageError::kTooShort);
    fixed_size = body.size();
  }
  fixed_size_ = static_cast<std::uint32_t>(fixed_size);
  body = body.subspan(fixed_size);
  for (std::size_t i = 0; i < layout.names; ++i) {
    const void* nul = body.empty() ? nullptr : std::memchr(body.data(), 0, body.size());
    if (nul == nullptr) return tl::unexpected(MessageError::kUnterminatedName);
    const auto length = static_cast<std::size_t>(static_cast<const std::byte*>(nul) - body.data());
    names_[i] = part(body.first(length));
    body = body.subspan(length + 1);
  }
  if (layout.tail == Tail::kNone) {
    if (!body.empty() || !separate_tail.empty()) return tl::unexpected(MessageError::kTrailingBytes);
    return {};
  }
  if (!separate_tail.empty()) {
    if (!body.empty()) return tl::unexpected(MessageError::kTrailingBytes);
    tail_ = separate_tail;
  } else {
    tail_ = body;
  }
  if (const std::size_t size = element_size(layout.tail); size != 0) {
    // Every struct that counts elements starts with a u32 count.
    std::uint32_t count = 0;
    std::memcpy(&count, body_, sizeof(count));
    if (std::uint64_t{count} * size != tail_.size()) return tl::unexpected(MessageError::kBadCount);
  }
  return {};
}

// The parse functions fill the view where it will be returned: copying it would cost as much as parsing.

tl::expected<RequestView, MessageError> RequestView::parse(const Message& message, const Negotiated& negotiated) {
  tl::expected<RequestView, MessageError> result;
  if (const auto read = result->read(message.head, message.tail, negotiated); !read)
    result = tl::unexpected(read.error());
  return result;
}

RequestView RequestView::keep_in(std::vector<std::byte>& storage) const {
  const bool leave_out_tail = opcode() == Opcode::kWrite;
  const bool tail_is_separate =
      !tail().empty() && (tail().data() < bytes_.data() || tail().data() >= bytes_.data() + bytes_.size());
  const std::size_t head_size = leave_out_tail && !tail_is_separate ? bytes_.size() - tail().size() : bytes_.size();
  storage.assign(bytes_.data(), bytes_.data() + head_size);
  Bytes kept_tail;
  if (!leave_out_tail && !tail().empty()) {
    std::size_t offset = storage.size();
    if (tail_is_separate) {
      storage.insert(storage.end(), tail().begin(), tail().end());
    } else {
      offset = static_cast<std::size_t>(tail().data() - bytes_.data());
    }
    kept_tail = Bytes(storage).subspan(offset, tail().size());
  }
  RequestView kept = *this;
  kept.bytes_ = storage;
  kept.rebase(storage.data() + sizeof(header_), kept_tail);
  return kept;
}

tl::expected<ReplyView, MessageError> ReplyView::parse(const Message& message, Opcode opcode, bool asks_size) {
  tl::expected<ReplyView, MessageError> result;
  if (const auto read = result->read(message, opcode, asks_size); !read) result = tl::unexpected(read.error());
  return result;
}

tl::expected<NotificationView, MessageError> NotificationView::parse(const Message& message) {
  tl::expected<NotificationView, MessageError> result;
  if (const auto read = result->read(message); !read) result = tl::unexpected(read.error());
  return result;
}

tl::expected<void, MessageError> NotificationView::read(const Message& message) {
  if (message.head.size() < sizeof(header_)) return tl::unexpected(MessageError::kTooShort);
  std::memcpy(&header_, message.head.data(), sizeof(header_));
  if (header_.len != message.size()) return tl::unexpected(MessageError::kWrongLength);
  const MessageLayout* layout = notify_layout(code());
  if (layout == nullptr || header_.unique != 0) return tl::unexpected(MessageError::kUnknownOpcode);
  const auto parts = split(*layout, message.head.subspan(sizeof(header_)), message.tail, 0);
  if (!parts || layout->names == 0) return parts;
  const std::uint32_t namelen = code() == NotifyCode::kDelete ? fixed<wire::NotifyDeleteOut>().namelen
                                                              : fixed<wire::NotifyInvalEntryOut>().namelen;
  if (namelen != name(0).size()) return tl::unexpected(MessageError::kBadCount);
  return {};
}

tl::expected<wire::InHeader, MessageError> read_in_header(Bytes message) noexcept {
  return read_header<wire::InHeader>(message);
}

tl::expected<wire::OutHeader, MessageError> read_out_header(const Message& message) noexcept {
  return read_header<wire::OutHeader>(message.head);
}

bool valid_name(std::string_view name, std::size_t max) noexcept {
  return !name.empty() && name.size() <= max && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

}  // namespace fusereplay

// Events to trace records and back: docs/trace-contract.md, section 3. Private to traces/, its tests and benchmarks.
//
// Both directions are driven by layouts and field tables; the identity bytes -> record -> bytes holds for every
// message, since what would not be rebuilt exactly is kept raw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/event/event.h"
#include "core/protocol/layout.h"
#include "traces/limits.h"
#include "traces/shared_chunks.h"
#include "traces/struct_codec.h"

namespace fusereplay {

/// What the deltas of the next record are relative to. Starts afresh in each block.
struct RecordBase {
  std::uint64_t next_sequence = 1;
  std::int64_t begin = 0;
  std::uint64_t unique = 0;
};

enum class RecordForm : std::uint8_t {
  kTyped,
  kRaw,  // the message did not fit its layout exactly
};

/// Whether file data that stood in the trace already is kept as a reference.
enum class PayloadSharing : std::uint8_t {
  kOff,  // each record stands for itself
  kOn,   // what decodes it needs EarlierBlocks
};

/// Encodes events. One thread at a time.
class RecordEncoder {
 public:
  explicit RecordEncoder(PayloadPolicy policy = PayloadPolicy::kFull, PayloadSharing sharing = PayloadSharing::kOff)
      : policy_(policy), sharing_(sharing) {}

  /// `offset`: where the block will begin in the file. Its records are encoded one behind the other.
  void start_block(std::uint64_t first_sequence, std::int64_t first_begin, std::uint64_t offset = 0) noexcept;

  struct Encoded {
    std::byte* end;
    RecordForm form;
  };
  /// Appends one length-delimited record at `out`, where max_record_bytes(message size) bytes are free. The sequence
  /// is not below the base's next one. Event::request says what a reply answers; null is allowed.
  Encoded encode(const Event& event, std::byte* out) noexcept;

 private:
  /// Where in its file the tail of a message stands, if it is file data.
  using FileOffset = std::optional<std::uint64_t>;

  bool typed_body(const Event& event, protobuf::Output& out, RecordBase& base) noexcept;
  bool request_body(const Event& event, protobuf::Output& out, RecordBase& base) noexcept;
  bool reply_body(const Event& event, protobuf::Output& out, const RecordBase& base) noexcept;
  bool notification_body(const Event& event, protobuf::Output& out) noexcept;
  bool entries(Tail tail, Bytes bytes, protobuf::Output& out) const noexcept;
  template <class View>
  bool layout_body(const View& view, std::uint32_t opcode, FileOffset payload, protobuf::Output& out) noexcept;
  template <class Element>
  bool elements(Bytes bytes, protobuf::Output& out) const noexcept;
  void payload(Bytes bytes, std::uint64_t offset, protobuf::Output& out) noexcept;
  void hashes(Bytes bytes, std::uint64_t offset, protobuf::Output& out) const noexcept;
  void shared(Bytes bytes, std::uint64_t offset, protobuf::Output& out) noexcept;

  const PayloadPolicy policy_;
  const PayloadSharing sharing_;
  RecordBase base_;
  SharedChunks chunks_;
  std::uint64_t block_offset_ = 0;
  std::size_t block_size_ = 0;         // of the records so far
  const std::byte* record_ = nullptr;  // the first byte of the one under way, behind its length
};

/// A growing buffer for messages, one behind the other, each 16-byte aligned.
class MessageSpace {
 public:
  /// Of the message under way, the last one.
  std::byte* data() const noexcept { return base() + begin_; }
  std::size_t size() const noexcept { return end_ - begin_; }
  /// Where it begins: unlike data(), this stays true when later messages let the buffer grow.
  std::size_t offset() const noexcept { return begin_; }
  std::byte* at(std::size_t offset) const noexcept { return base() + offset; }

  /// Drops all messages.
  void clear() noexcept { begin_ = end_ = 0; }
  /// The next message, empty.
  void begin() noexcept { begin_ = end_ = (end_ + sizeof(Unit) - 1) / sizeof(Unit) * sizeof(Unit); }
  /// `count` more bytes, contents unspecified; null rather than a buffer grown for more than kMaxMessageBytes.
  std::byte* append(std::size_t count) {
    if (end_ <= capacity_ && count <= capacity_ - end_) [[likely]] {
      std::byte* const place = base() + end_;
      end_ += count;
      return place;
    }
    return grow(count);
  }
  /// False where there was no place.
  bool append(Bytes bytes);
  void truncate(std::size_t size) noexcept { end_ = begin_ + size; }

 private:
  struct alignas(16) Unit {
    std::byte bytes[16];
  };
  static constexpr std::size_t kInitialUnits = 512;
  std::byte* base() const noexcept { return reinterpret_cast<std::byte*>(space_.get()); }
  std::byte* grow(std::size_t count);

  std::unique_ptr<Unit[]> space_ = std::make_unique_for_overwrite<Unit[]>(kInitialUnits);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = kInitialUnits * sizeof(Unit);
};

class ParsedRecord;

/// Gives the bodies of blocks that hold shared file data.
class EarlierBlocks {
 public:
  virtual ~EarlierBlocks() = default;
  /// The raw body of the block that begins `back` bytes before the one being decoded, 0 for itself; empty where there
  /// is none. Valid until the next call.
  virtual Bytes body(std::uint64_t back) = 0;
};

/// Decodes records. Input may be anything. One thread at a time; no allocation once its buffer is large enough.
class RecordDecoder {
 public:
  /// Without `earlier`, which outlives the decoder, records that share file data are refused.
  explicit RecordDecoder(EarlierBlocks* earlier = nullptr) noexcept : earlier_(earlier) {}

  void start_block(std::uint64_t first_sequence, std::int64_t first_begin) noexcept;

  /// Decodes one record (without its length) into `event`; the message stays valid until the next call. What is wrong
  /// with the record, or empty for success. `form` says how the message was kept.
  std::string_view decode(Bytes record, Event& event, RecordForm& form) {
    space_.clear();
    return decode_next(record, event, form);
  }
  /// The same, but earlier messages stay, though perhaps elsewhere: messages().offset() tells where this one is.
  std::string_view decode_next(Bytes record, Event& event, RecordForm& form);
  MessageSpace& messages() noexcept { return space_; }

 private:
  std::string_view build_raw(const ParsedRecord& record, EventKind kind);
  std::string_view build(const ParsedRecord& record, Bytes bytes, EventKind kind);
  std::string_view build_request(const ParsedRecord& record, Bytes bytes);
  std::string_view build_out(const ParsedRecord& record, Bytes bytes, const MessageLayout* layout, std::int32_t error,
                             std::uint64_t unique);
  std::uint64_t unique_of(const ParsedRecord& record) const noexcept;
  std::string_view body(const ParsedRecord& record, Bytes bytes, const MessageLayout& layout);
  std::string_view names(const ParsedRecord& record);
  std::string_view tail(const ParsedRecord& record, Bytes bytes, const MessageLayout& layout);
  std::string_view list(Bytes bytes, std::uint32_t number, StructId element);
  std::string_view directory(Bytes bytes, bool plus);
  bool directory_entry(Bytes bytes, bool plus);
  std::string_view node_ids(Bytes bytes);
  std::string_view kept_payload(const ParsedRecord& record);
  std::string_view shared_payload(Bytes bytes);
  bool shared_piece(Bytes bytes);

  EarlierBlocks* const earlier_;
  RecordBase base_;
  MessageSpace space_;
};

}  // namespace fusereplay

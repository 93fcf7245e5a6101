#include "recorder/ring_drain.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <system_error>

#include "core/event/unseen_data.h"
#include "core/unique_fd.h"
#include "traces/limits.h"

namespace fusereplay {

/// One ring file, from its oldest event on.
class RingDrain::File {
 public:
  /// Null when it is no ring file.
  static std::unique_ptr<File> open(const std::filesystem::path& path);

  /// The oldest event that is left; null at the end.
  const RingEntry* front() {
    while (!entry_ && position_ < written_) load();
    return entry_ ? &*entry_ : nullptr;
  }
  void pop() {
    position_ += entry_->size;
    entry_.reset();
  }
  /// False where it is not there whole.
  bool read_message(std::vector<std::byte>& message) const {
    std::uint64_t at = offset_of(position_) + sizeof(RingEntry);
    UnseenSize unseen = 0;
    if (entry_->form == EntryForm::kUnseen) {
      if (entry_->size - sizeof(RingEntry) - entry_->inline_size < sizeof(unseen)) return false;
      if (!read(&unseen, sizeof(unseen), at) || unseen > kMaxUnseenData) return false;
      at += sizeof(unseen);
    } else if (entry_->form != EntryForm::kInline) {
      return false;
    }
    message.assign(entry_->inline_size + unseen, std::byte{0});
    return read(message.data(), entry_->inline_size, at);
  }

 private:
  File(UniqueFd file, std::uint64_t bytes, std::uint64_t released, std::uint64_t written) noexcept
      : file_(std::move(file)), bytes_(bytes), position_(released), written_(written) {}

  bool read(void* to, std::size_t size, std::uint64_t offset) const {
    return ::pread(file_.get(), to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
  }
  std::uint64_t offset_of(std::uint64_t position) const noexcept {
    return kRingSpaceOffset + (position & (bytes_ - 1));
  }
  void load();
  bool sound(const RingEntry& entry) const noexcept;

  const UniqueFd file_;
  const std::uint64_t bytes_;
  std::uint64_t position_;
  std::uint64_t written_;
  std::uint64_t last_sequence_ = 0;
  std::optional<RingEntry> entry_;
};

std::unique_ptr<RingDrain::File> RingDrain::File::open(const std::filesystem::path& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return nullptr;
  alignas(RingFileHeader) std::array<std::byte, sizeof(RingFileHeader)> bytes{};
  if (::pread(file.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return nullptr;
  const auto get = [&]<class T>(std::size_t offset, T value) {
    std::memcpy(&value, bytes.data() + offset, sizeof(value));
    return value;
  };
  const auto space = get(offsetof(RingFileHeader, space_bytes), std::uint64_t{});
  const auto written = get(offsetof(RingFileHeader, written), std::uint64_t{});
  const auto released = get(offsetof(RingFileHeader, released), std::uint64_t{});
  if (get(offsetof(RingFileHeader, magic), std::uint32_t{}) != RingFileHeader::kMagic ||
      get(offsetof(RingFileHeader, version), std::uint32_t{}) != RingFileHeader::kVersion ||
      !std::has_single_bit(space) || space > static_cast<std::uint64_t>(status.st_size) - kRingSpaceOffset ||
      status.st_size < static_cast<off_t>(kRingSpaceOffset) || released > written || written - released > space) {
    return nullptr;
  }
  return std::unique_ptr<File>(new File(std::move(file), space, released, written));
}

bool RingDrain::File::sound(const RingEntry& entry) const noexcept {
  const std::uint64_t to_end = bytes_ - (position_ & (bytes_ - 1));
  return entry.size % 8 == 0 && entry.size >= sizeof(RingEntry) && entry.size <= to_end &&
         entry.size <= written_ - position_ && entry.form <= EntryForm::kUnseen &&
         entry.inline_size <= entry.size - sizeof(RingEntry) && entry.inline_size <= kMaxMessageBytes &&
         entry.kind >= EventKind::kRequest && entry.kind <= EventKind::kMark && entry.mark <= Mark::kServerDied &&
         (entry.kind == EventKind::kMark) == (entry.mark != Mark::kNone) &&
         (entry.kind != EventKind::kMark || entry.inline_size == 0) && entry.sequence > last_sequence_;
}

/// The entry at position_, or the end of the ring where there is none.
void RingDrain::File::load() {
  const std::uint64_t to_end = bytes_ - (position_ & (bytes_ - 1));
  RingEntry entry{};
  if (!read(&entry, std::min<std::uint64_t>(sizeof(entry), to_end), offset_of(position_))) {
    position_ = written_;
  } else if (entry.form == EntryForm::kSkip) {
    position_ = entry.size == to_end && to_end <= written_ - position_ ? position_ + to_end : written_;
  } else if (!sound(entry)) {
    position_ = written_;
  } else {
    last_sequence_ = entry.sequence;
    entry_ = entry;
  }
}

RingDrain::RingDrain(const std::filesystem::path& directory) {
  std::error_code error;
  for (const auto& found : std::filesystem::directory_iterator(directory, error)) {
    if (auto file = File::open(found.path())) rings_.push_back(std::move(file));
  }
}
RingDrain::~RingDrain() = default;

bool RingDrain::next(std::uint64_t after, Event& event) {
  for (;;) {
    File* oldest = nullptr;
    for (const auto& ring : rings_) {
      while (ring->front() != nullptr && ring->front()->sequence <= after) ring->pop();
      if (ring->front() == nullptr) continue;
      if (oldest == nullptr || ring->front()->sequence < oldest->front()->sequence) oldest = ring.get();
    }
    if (oldest == nullptr) return false;
    const RingEntry entry = *oldest->front();
    const bool whole = oldest->read_message(message_);
    oldest->pop();
    if (!whole) {
      ++lost_;
      continue;
    }
    event = entry.event();
    event.message.head = Bytes(message_.data(), message_.size());
    return true;
  }
}

}  // namespace fusereplay

// What every rule must know about the stream as such: is its history whole, is the connection up, what did INIT settle.
#pragma once

#include <cstdint>

#include "rules/step.h"

namespace fusereplay {

/// Whether a kernel that offers PASSTHROUGH takes it from this answer to INIT (fs/fuse/inode.c process_init_reply).
bool settles_passthrough(const wire::InitOut& out) noexcept;

/// Told of each event before the rules are.
class StreamState {
 public:
  /// Every event, first: watches for gaps.
  void on_event(const Event& event) noexcept {
    // What a replay asks beyond the recording repeats the sequence (core/event/synthetic.h).
    const bool follows = event.sequence == last_sequence_ + 1 || event.sequence == last_sequence_;
    if (last_sequence_ != 0 && !follows) whole_ = false;
    last_sequence_ = event.sequence;
  }
  void on_request(const RequestStep& step) noexcept;
  void on_reply(const ReplyStep& step) noexcept;
  void on_mark(Mark mark) noexcept;
  void on_notification(const Event& event) noexcept;

  /// The stream began with INIT and has no gap: what was never seen never happened.
  bool whole() const noexcept { return whole_; }
  /// The connection is up. Counts, handles and outstanding requests are void once it is not (rule F11).
  bool up() const noexcept { return up_; }
  /// The rules that need the whole history may speak.
  bool judges_history() const noexcept { return whole_ && up_; }
  /// read(2) said ENODEV and nothing worse happened.
  bool unmounted() const noexcept { return unmounted_ && !broken_off_; }
  /// Some request was sent again: replies to first sendings are refused, and that is nobody's fault.
  bool resends() const noexcept { return resends_; }

  bool init_seen() const noexcept { return init_seen_; }
  bool init_answered() const noexcept { return init_answered_; }
  std::uint32_t kernel_minor() const noexcept { return kernel_minor_; }
  /// InitFlag bits that the kernel offered, and those that hold.
  std::uint64_t offered() const noexcept { return offered_; }
  std::uint64_t granted() const noexcept { return granted_; }
  /// Bytes, as the kernel rounds it.
  std::uint32_t max_write() const noexcept { return max_write_; }
  std::uint32_t max_pages() const noexcept { return max_pages_; }
  /// Bytes in a name: 1024, or 4095 in kernels from 7.42 on with MAX_PAGES (fs/fuse/inode.c process_init_reply).
  std::uint32_t max_name() const noexcept { return max_name_; }

 private:
  void learn(const wire::InitOut& out) noexcept;

  std::uint64_t last_sequence_ = 0;
  bool whole_ = false;
  bool up_ = true;
  bool unmounted_ = false;
  bool broken_off_ = false;
  bool resends_ = false;
  bool init_seen_ = false;
  bool init_answered_ = false;
  std::uint32_t kernel_minor_ = 0;
  std::uint64_t offered_ = 0;
  std::uint64_t granted_ = 0;
  std::uint32_t max_write_ = 4096;
  std::uint32_t max_pages_ = 32;
  std::uint32_t max_name_ = 1024;
};

}  // namespace fusereplay

#include "replayer/replayer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "core/protocol/flags.h"
#include "core/protocol/view.h"
#include "replayer/causes.h"
#include "replayer/compare.h"
#include "replayer/describe.h"
#include "replayer/held_locks.h"
#include "replayer/involved.h"
#include "replayer/live_log.h"
#include "replayer/rewrite.h"
#include "replayer/synthetic.h"
#include "replayer/window.h"

namespace fusereplay {

class Replayer::Impl final : public ReplyChannel {
 public:
  Impl(Server& server, ManualExecutor& executor, ManualClock& clock, ReplayOptions options)
      : server_(server),
        executor_(executor),
        clock_(clock),
        options_(std::move(options)),
        comparer_(bindings_, options_.tolerances, options_.payload) {
    if (!options_.tolerances.other_implementation()) return;
    elsewhere_.emplace(Synthetic::Parts{.server = server_,
                                        .channel = *this,
                                        .executor = executor_,
                                        .log = log_,
                                        .slots = slots_,
                                        .bindings = bindings_,
                                        .comparer = comparer_,
                                        .counts = report_.counts,
                                        .negotiated = negotiated_,
                                        .diverge = [this](const Slot& slot, const Difference& difference,
                                                          const Message* live) { diverge(slot, difference, live); }});
  }

  LiveLog& log() noexcept { return log_; }
  ReplayReport run(RecordedEvents& source);

  std::int64_t send(const Message& message) override;

 private:
  // The conversation, event by event.
  void play_alone(const Event& event);
  void play(WindowEvent& entry);
  void play_request(Slot& slot);
  void play_rest(const Event& event);
  void finish();

  // One request.
  void reach(Slot& slot);
  void deliver(Slot& slot, Verdict verdict);
  void deliver_immediate(Slot& slot);
  void deliver_interrupted(const Slot& interrupt);
  void settle(Slot& slot);
  void conclude(Slot& slot);
  void close(Slot& slot);
  void learn_init(const Slot& slot);

  // Order.
  void attempt(Slot& slot, Verdict verdict);
  void attempt_early(Slot& slot);
  void attempt_waiting();
  /// Which changing requests may explain a reply.
  enum class Reach : std::uint8_t {
    kWhatDiffers,    // those that name the node whose attribute differs, else the node asked about
    kWhatMayDiffer,  // and those that take a name away, which may be that node's
    kWhatItNames,    // those that touch any node of the request
  };
  void bring_forward(Slot& slot, Reach reach);
  void release_from_wait(Slot& slot);
  void order_locks(Slot& slot);
  bool may_explain(const Slot& slot, const Slot& change, Reach reach) const noexcept;
  void note_thread(std::uint32_t thread);
  const Overlap& overlap_of(const Slot& slot);

  // Live replies.
  std::int64_t judge(Slot& slot, const Message& message);
  std::int64_t unexpected(std::uint64_t unique, const Message& message);
  bool refuses(const Slot& slot, const Comparison& comparison) const noexcept;
  void keep(Slot& slot, const Message& message);
  void count_tolerated(const Comparison& comparison) noexcept;
  Divergence explain(const Slot& slot, const Difference& difference, const Message* live) const;
  void diverge(const Slot& slot, const Difference& difference, const Message* live);
  void follow_names(const Slot& slot);

  void advance_clock(std::int64_t instant) noexcept {
    if (instant > clock_.realtime()) clock_.set(instant);
  }

  Server& server_;
  ManualExecutor& executor_;
  ManualClock& clock_;
  const ReplayOptions options_;
  Bindings bindings_;
  Comparer comparer_;
  Causes causes_;
  HeldLocks locks_;
  enum class CausePlace : std::uint8_t { kKept, kCounted, kExpected };
  std::vector<CausePlace> places_;    // by cause
  std::vector<std::size_t> kept_at_;  // by cause: where in the report, if it is kept
  SlotPool slots_;
  LiveLog log_{slots_};
  std::optional<Synthetic> elsewhere_;  // for another implementation
  Window* window_ = nullptr;            // while run() runs
  Negotiated negotiated_;
  bool stopped_ = false;  // by ReplayOptions::after_init
  ReplayReport report_;

  std::vector<Slot*> open_;                // reached and not concluded, in recorded order
  Slot* current_ = nullptr;                // the request delivered last, as long as it is not closed
  Overlap overlap_;                        // of the comparison under way
  std::vector<std::uint32_t> forgetting_;  // threads that may not have finished their last FORGET
  std::vector<std::pair<std::uint64_t, std::uint64_t>> forgotten_;  // nodeid, count: of the FORGET under way
  std::vector<std::uint64_t> abandoned_;                            // uniques whose reply did not come when it was due
};

ReplayReport Replayer::Impl::run(RecordedEvents& source) {
  Window window(source, slots_, options_.window_events, options_.window_bytes);
  window_ = &window;
  Event event;
  while (!stopped_ && (options_.stop_after == 0 || report_.counts.divergences < options_.stop_after)) {
    if (!window.empty()) {
      WindowEvent& entry = window.pop();
      play(entry);
      window.give_back(entry);
    } else if (!window.read(event)) {
      break;
    } else if (event.kind == EventKind::kRequest && open_.empty() && has_header(event)) {
      play_alone(event);
    } else {
      window.append(event);
    }
  }
  report_.counts.events = window.events();
  finish();
  window_ = nullptr;
  return std::move(report_);
}

/// A request while none is outstanding: nearly always followed by its reply, which then needs no copy.
void Replayer::Impl::play_alone(const Event& event) {
  Slot& slot = slots_.take(event);
  note_thread(event.thread);
  reach(slot);
  if (slot.traits.delivery == DeliveryKind::kImmediate) {
    deliver_immediate(slot);
    return;
  }
  open_.push_back(&slot);
  Event next;
  if (!window_->read(next)) return;
  if (next.kind == EventKind::kReply && has_header(next)) {
    wire::OutHeader header;
    std::memcpy(&header, next.message.head.data(), sizeof(header));
    if (header.unique == slot.unique) {
      slot.has_reply = true;
      slot.reply = next;
      note_thread(next.thread);
      conclude(slot);
      return;
    }
  }
  window_->expect(slot);
  window_->append(next);
  attempt_early(slot);
}

void Replayer::Impl::play(WindowEvent& entry) {
  note_thread(entry.event.thread);
  if (!has_header(entry.event)) {
    ++report_.counts.unreadable;
  } else if (entry.event.kind == EventKind::kRequest) {
    play_request(*entry.slot);
  } else if (entry.event.kind == EventKind::kReply) {
    if (entry.slot != nullptr) {
      conclude(*entry.slot);
    } else {
      play_rest(entry.event);
    }
  } else {
    play_rest(entry.event);
  }
}

void Replayer::Impl::play_request(Slot& slot) {
  reach(slot);
  if (slot.traits.delivery == DeliveryKind::kImmediate) {
    deliver_immediate(slot);
    return;
  }
  open_.push_back(&slot);
  if (open_.size() > 1) {
    for (Slot* other : open_) other->overlaps = true;
  }
  attempt_early(slot);
}

void Replayer::Impl::play_rest(const Event& event) {
  switch (event.kind) {
    case EventKind::kNotification:
      ++report_.counts.recorded_notifications;
      break;
    case EventKind::kMark:
      log_.mark(event);
      break;
    case EventKind::kReply: {
      wire::OutHeader header;
      std::memcpy(&header, event.message.head.data(), sizeof(header));
      // The answer to an INTERRUPT itself is optional and waits for nobody (rule R20).
      if ((header.unique & kUniqueInterruptBit) == 0) ++report_.counts.stray_replies;
      break;
    }
    case EventKind::kRequest:
      break;
  }
}

/// The request's turn in the recording has come: from now on it may be delivered.
void Replayer::Impl::reach(Slot& slot) {
  read_request(slot, negotiated_);
  if (!slot.readable) ++report_.counts.unreadable;
  forgotten_.clear();
  if (slot.readable && slot.opcode == Opcode::kForget) {
    forgotten_.emplace_back(slot.nodeid, slot.fixed<wire::ForgetIn>().nlookup);
  } else if (slot.readable && slot.opcode == Opcode::kBatchForget) {
    ForgetReader forgets(slot.bytes().subspan(sizeof(wire::InHeader) + sizeof(wire::BatchForgetIn)));
    while (const auto one = forgets.next()) forgotten_.emplace_back(one->nodeid, one->nlookup);
  }
  const UnboundIds ids = elsewhere_ ? UnboundIds::kWithheld : UnboundIds::kPassedOn;
  const std::uint64_t unbound = rewrite_request(slot, bindings_, causes_, ids);
  if (elsewhere_) elsewhere_->rewrite(slot);
  slot.state = SlotState::kWaiting;
  slot.usage_overlaps = slot.may_free = !forgetting_.empty();
  if (slot.withheld) {
    ++report_.counts.withheld;
    log_.nothing(slot.event);
  } else {
    report_.counts.unbound_ids += unbound;
    log_.request(slot, negotiated_);
  }
}

void Replayer::Impl::deliver(Slot& slot, Verdict verdict) {
  if (slot.withheld) return;
  if (!slot.delivered) ++report_.counts.requests;
  slot.delivered = true;
  slot.verdict = verdict;
  slot.state = SlotState::kInFlight;
  current_ = &slot;
  advance_clock(slot.event.begin);
  if (options_.time != nullptr)
    options_.time->pass(slot.event.begin, slot.has_reply ? slot.reply.begin : slot.event.begin);
  server_.handle(IncomingRequest{slot.buffer, slot.bytes(), slot.event.begin}, *this);
  executor_.run_ready();
}

void Replayer::Impl::deliver_immediate(Slot& slot) {
  if (slot.opcode == Opcode::kInterrupt) deliver_interrupted(slot);
  deliver(slot, Verdict::kFinal);
  for (const auto& [node, count] : forgotten_) {
    bindings_.forget(node, count);
    if ((!causes_.any() && !elsewhere_) || bindings_.live_node(node)) continue;
    causes_.forgotten(node);
    comparer_.forgotten(node);
  }
  if (!forgotten_.empty()) {
    forgetting_.push_back(slot.event.thread);
    for (Slot* other : open_) other->usage_overlaps = other->may_free = true;
    attempt_waiting();
  }
  if (current_ == &slot) current_ = nullptr;
  log_.retire(slot);
}

/// What is interrupted must be under way before it can be.
void Replayer::Impl::deliver_interrupted(const Slot& interrupt) {
  if (!interrupt.readable) return;
  Slot* target = window_->find(interrupt.fixed<wire::InterruptIn>().unique);
  if (target == nullptr || target->state != SlotState::kWaiting) return;
  if (!window_->find_reply(*target)) return;
  attempt(*target, target->changing() ? Verdict::kUnlessErring : Verdict::kExact);
}

/// The recorded reply is due: gets the live one, if it can be had.
void Replayer::Impl::settle(Slot& slot) {
  if (slot.state == SlotState::kInFlight) {
    slot.verdict = Verdict::kFinal;
    advance_clock(slot.reply.begin);
    executor_.run_ready();
    release_from_wait(slot);
    return;
  }
  if (slot.state != SlotState::kWaiting) return;
  if (slot.overlaps) {
    if (sets_lock(slot)) order_locks(slot);
    if (slot.state != SlotState::kWaiting) return;
    attempt(slot, slot.changing() ? Verdict::kUnlessErring : Verdict::kExact);
    release_from_wait(slot);
    for (const Reach reach : {Reach::kWhatDiffers, Reach::kWhatMayDiffer}) {
      if (slot.state == SlotState::kWaiting) bring_forward(slot, reach);
    }
    // A filesystem need not look at everything that a listing or its totals show at one instant: no order explains it.
    const bool many = slot.opcode == Opcode::kReaddirplus || slot.opcode == Opcode::kStatfs;
    if (slot.state == SlotState::kWaiting && many) attempt(slot, Verdict::kConcurrent);
    if (slot.state == SlotState::kWaiting) bring_forward(slot, Reach::kWhatItNames);
    if (slot.state != SlotState::kWaiting) return;
  }
  deliver(slot, Verdict::kFinal);
}

void Replayer::Impl::conclude(Slot& slot) {
  slot.at_reply = true;
  settle(slot);
  advance_clock(slot.reply.begin);
  if (slot.state == SlotState::kInFlight) {
    slot.verdict = Verdict::kFinal;
    executor_.run_ready();
  }
  if (slot.state == SlotState::kAnswered) {
    ++report_.counts.replies;
    const Message live{.head = slot.live, .tail = {}, .owner = nullptr};
    if (!slot.judged) judge(slot, live);
    if (!slot.shown) log_.reply(slot, live);
    if (elsewhere_) elsewhere_->conclude(slot, open_);
  } else {
    Difference difference;
    difference.kind = slot.withheld ? DifferenceKind::kUnbound : DifferenceKind::kNoReply;
    difference.recorded = slot.nodeid;
    diverge(slot, difference, nullptr);
    if (slot.withheld) {
      log_.nothing(slot.reply);
    } else {
      abandoned_.push_back(slot.unique);
    }
  }
  close(slot);
}

/// The request is over, for the recorded client.
void Replayer::Impl::close(Slot& slot) {
  const bool changed = slot.changing();
  if (slot.released_handle != 0 || slot.released_live != 0) {
    bindings_.unbind_handle(slot.nodeid, slot.released_handle, slot.released_live);
  }
  if (slot.opcode == Opcode::kInit) {
    learn_init(slot);
    if (options_.after_init) stopped_ = !options_.after_init(server_, executor_);
  }
  if (slot.overlaps) ++report_.counts.overlapping;
  open_.erase(std::find(open_.begin(), open_.end(), &slot));
  const bool changes_usage = (slot.touch.effects & kUsageTotals) != 0;
  for (Slot* other : open_) {
    if (slot.touch.effects != kNoEffect) other->overlapped.push_back(slot.touch);
    if (changes_usage || slot.may_free) other->usage_overlaps = true;
    if (changes_usage) other->may_free = true;
  }
  window_->close(slot);
  if (current_ == &slot) current_ = nullptr;
  log_.retire(slot);
  if (changed && !open_.empty()) attempt_waiting();
}

void Replayer::Impl::learn_init(const Slot& slot) {
  const Message recorded = slot.reply.message;
  const auto request = RequestView::parse(Message{.head = slot.bytes(), .tail = {}, .owner = nullptr});
  const auto reply = ReplyView::parse(recorded, Opcode::kInit, false);
  if (!request || !reply || reply->header().error != 0 || slot.reply.result < 0) return;
  const auto in = request->fixed<wire::InitIn>();
  const auto out = reply->fixed<wire::InitOut>();
  negotiated_.minor = std::min(in.minor, out.minor);
  negotiated_.setxattr_ext = (in.flags & out.flags & kInitSetxattrExt) != 0;
  if ((in.flags & out.flags & kInitExportSupport) != 0) bindings_.keep_forgotten();
}

void Replayer::Impl::attempt(Slot& slot, Verdict verdict) {
  if (slot.withheld) return;
  deliver(slot, verdict);
  if (slot.state == SlotState::kWaiting) ++report_.counts.retried;
}

/// At its request.
void Replayer::Impl::attempt_early(Slot& slot) {
  const bool tried = slot.traits.delivery == DeliveryKind::kTried;
  if ((!tried && !sets_lock(slot)) || !window_->find_reply(slot)) return;
  if (tried || locks_.fails_as_recorded(slot)) attempt(slot, Verdict::kExact);
}

/// Something changed: perhaps what waits can be explained now.
void Replayer::Impl::attempt_waiting() {
  for (std::size_t i = 0; i < open_.size(); ++i) {
    Slot& slot = *open_[i];
    if (slot.state != SlotState::kWaiting || !slot.has_reply) continue;
    if (slot.changing() && !locks_.fails_as_recorded(slot)) continue;
    attempt(slot, Verdict::kExact);
  }
}

bool Replayer::Impl::may_explain(const Slot& slot, const Slot& change, Reach reach) const noexcept {
  if (&change == &slot || !change.changing() || change.state != SlotState::kWaiting) return false;
  // Who takes a lock explains nothing but that it is held.
  if (sets_lock(change) && (change.touch.effects & kFreesLock) == 0 && slot.opcode != Opcode::kGetlk) return false;
  // What is named by parent and name only may be any node.
  const bool child = (change.touch.effects & kChildAttributes) != 0;
  if (reach != Reach::kWhatItNames) {
    if (slot.opcode == Opcode::kStatfs) return false;
    if (slot.differing_node == 0) return change.touch.names(slot.nodeid);
    return change.touch.names(slot.differing_node) || (child && reach == Reach::kWhatMayDiffer);
  }
  if (child || slot.opcode == Opcode::kStatfs) return true;
  for (std::size_t i = 0; i < slot.touch.count; ++i) {
    if (change.touch.names(slot.touch.nodes[i])) return true;
  }
  return false;
}

/// Delivers changing requests before their replies, in the order of requests, until `slot` is explained.
void Replayer::Impl::bring_forward(Slot& slot, Reach reach) {
  for (std::size_t i = 0; i < open_.size() && slot.state == SlotState::kWaiting; ++i) {
    Slot& change = *open_[i];
    if (!may_explain(slot, change, reach) || !window_->find_reply(change)) continue;
    deliver(change, Verdict::kUnlessErring);
    if (change.state != SlotState::kAnswered) continue;
    ++report_.counts.brought_forward;
    attempt(slot, slot.changing() ? Verdict::kUnlessErring : Verdict::kExact);
    attempt_waiting();
  }
}

/// It was answered when it was recorded and waits now: for a lock that an overlapping request gives back, if there is
/// one, else for what another one does to the same node.
void Replayer::Impl::release_from_wait(Slot& slot) {
  for (const bool any : {false, true}) {
    for (std::size_t i = 0; i < open_.size() && slot.state == SlotState::kInFlight; ++i) {
      Slot& change = *open_[i];
      if (!may_explain(slot, change, Reach::kWhatItNames)) continue;
      if ((!any && (change.touch.effects & kFreesLock) == 0) || !window_->find_reply(change)) continue;
      deliver(change, Verdict::kUnlessErring);
      if (change.state != SlotState::kAnswered) continue;
      ++report_.counts.brought_forward;
      attempt_waiting();
    }
  }
}

/// Delivers the overlapping requests that must come first for this lock to be taken, or refused, as it was.
void Replayer::Impl::order_locks(Slot& slot) {
  for (Slot* other : open_) {
    if (other != &slot && (other->touch.effects & kFreesLock) == 0 && !sets_lock(*other)) continue;
    if (other->nodeid == slot.nodeid) window_->find_reply(*other);
  }
  while (slot.state == SlotState::kWaiting) {
    Slot* const change = locks_.first_before(slot, open_);
    if (change == nullptr) return;
    deliver(*change, Verdict::kUnlessErring);
    if (change->state != SlotState::kAnswered) return;
    ++report_.counts.brought_forward;
    attempt_waiting();
  }
}

/// A thread that passes on its next message has finished the FORGET before it.
void Replayer::Impl::note_thread(std::uint32_t thread) {
  if (forgetting_.empty()) return;
  forgetting_.erase(std::remove(forgetting_.begin(), forgetting_.end(), thread), forgetting_.end());
}

const Overlap& Replayer::Impl::overlap_of(const Slot& slot) {
  overlap_.clear();
  if (slot.usage_overlaps || !forgetting_.empty()) overlap_.add_usage();
  for (const Touch& touch : slot.overlapped) overlap_.add(touch);
  if (open_.size() <= 1) return overlap_;
  for (const Slot* other : open_) {
    if (other == &slot) continue;
    if (other->may_free || (other->touch.effects & kUsageTotals) != 0) overlap_.add_usage();
    if (other->touch.effects != kNoEffect) overlap_.add(other->touch);
  }
  return overlap_;
}

std::int64_t Replayer::Impl::send(const Message& message) {
  const auto header = read_out_header(message);
  if (!header) return -EINVAL;
  if (header->unique == 0) {
    ++report_.counts.live_notifications;
    return static_cast<std::int64_t>(message.size());
  }
  if (elsewhere_ && elsewhere_->expects(header->unique)) return elsewhere_->take(message);
  Slot* slot = current_;
  if (slot == nullptr || slot->unique != header->unique || slot->state != SlotState::kInFlight) {
    slot = window_ != nullptr ? window_->find(header->unique) : nullptr;
  }
  if (slot == nullptr || slot->state != SlotState::kInFlight) return unexpected(header->unique, message);
  if (slot->opcode == Opcode::kInterrupt) return static_cast<std::int64_t>(message.size());
  if (slot->traits.delivery == DeliveryKind::kImmediate) return unexpected(header->unique, message);
  if (slot->has_reply) return judge(*slot, message);
  keep(*slot, message);
  slot->state = SlotState::kAnswered;
  slot->live_result = static_cast<std::int64_t>(message.size());
  return slot->live_result;
}

std::int64_t Replayer::Impl::unexpected(std::uint64_t unique, const Message& message) {
  const auto late = std::find(abandoned_.begin(), abandoned_.end(), unique);
  if (late != abandoned_.end()) {
    abandoned_.erase(late);
    return -ENOENT;
  }
  Slot nobody;
  nobody.unique = unique;
  if (current_ != nullptr && current_->unique == unique) {
    nobody.opcode = current_->opcode;
    nobody.event = current_->event;
    nobody.buffer = current_->buffer;
    nobody.size = current_->size;
  }
  Difference difference;
  difference.kind = DifferenceKind::kUnexpectedReply;
  diverge(nobody, difference, &message);
  return -ENOENT;
}

bool Replayer::Impl::refuses(const Slot& slot, const Comparison& comparison) const noexcept {
  if (comparison.same) return false;
  switch (slot.verdict) {
    case Verdict::kExact:
    case Verdict::kConcurrent:
      return true;
    case Verdict::kUnlessErring:
      return comparison.difference.kind == DifferenceKind::kError && comparison.difference.live != 0;
    case Verdict::kFinal:
      break;
  }
  return false;
}

std::int64_t Replayer::Impl::judge(Slot& slot, const Message& message) {
  const bool decided = slot.state == SlotState::kAnswered;  // its send() has returned already
  const bool to_end = decided || slot.verdict == Verdict::kFinal || slot.verdict == Verdict::kUnlessErring;
  const bool exact =
      options_.tolerances.concurrent == ConcurrentFields::kCompared || (!decided && slot.verdict == Verdict::kExact);
  const Overlap* overlap = exact ? nullptr : &overlap_of(slot);
  const Comparison comparison = comparer_.compare(slot, slot.reply.message, message, overlap,
                                                  to_end ? CompareMode::kToEnd : CompareMode::kToFirstDifference);
  if (!decided && refuses(slot, comparison)) {
    comparer_.refuse();
    slot.state = SlotState::kWaiting;
    slot.differing_node = comparison.difference.node;
    return -ENOENT;
  }
  const bool accepted = slot.reply.result >= 0;
  if (accepted) {
    comparer_.accept();
  } else {
    comparer_.refuse();
  }
  if (!comparison.same) diverge(slot, comparison.difference, &message);
  count_tolerated(comparison);
  slot.judged = true;
  if (!decided) slot.live_result = accepted ? static_cast<std::int64_t>(message.size()) : slot.reply.result;
  wire::OutHeader recorded;
  wire::OutHeader live;
  std::memcpy(&recorded, slot.reply.message.head.data(), sizeof(recorded));
  std::memcpy(&live, message.head.data(), sizeof(live));
  if (live.error == 0 && ((slot.touch.effects & kFreesLock) != 0 || sets_lock(slot))) locks_.apply(slot);
  // A success where an error was recorded: the recorded kernel knows of no entry and no handle, so none is granted.
  if (!decided && accepted && recorded.error != 0 && live.error == 0) slot.live_result = -ENOENT;
  if (recorded.error == 0) {
    if ((slot.traits.effects & kRemovesName) != 0) bindings_.name_removed();
    follow_names(slot);
  }
  if (elsewhere_ && (recorded.error == 0 || live.error == 0)) elsewhere_->touch(slot);
  if (elsewhere_ && slot.opcode == Opcode::kInit) elsewhere_->learn_init(message);
  slot.state = SlotState::kAnswered;
  if (decided) return slot.live_result;
  if (slot.at_reply) {
    log_.reply(slot, message);
    slot.shown = true;
  }
  if (!slot.at_reply || (elsewhere_ && reads_directory(slot.opcode))) keep(slot, message);
  return slot.live_result;
}

void Replayer::Impl::keep(Slot& slot, const Message& message) {
  slot.live.assign(message.head.begin(), message.head.end());
  slot.live.insert(slot.live.end(), message.tail.begin(), message.tail.end());
}

void Replayer::Impl::count_tolerated(const Comparison& comparison) noexcept {
  report_.counts.tolerated_concurrent_attributes += comparison.tolerated_attributes;
  report_.counts.tolerated_usage += comparison.tolerated_usage;
  report_.counts.tolerated_ignored += comparison.tolerated_ignored;
  report_.counts.tolerated_unseen += comparison.tolerated_unseen;
  if (comparison.opened_past) ++report_.counts.opened_past;
  if (comparison.by_size) ++report_.counts.compared_by_size;
}

/// Remembers under which name a node was made known, and what happens to names that a difference left different.
void Replayer::Impl::follow_names(const Slot& slot) {
  if (!slot.readable) return;
  if (const std::uint64_t entry = recorded_entry(slot); entry != 0 && slot.plan->layout->names != 0) {
    const auto* name =
        reinterpret_cast<const char*>(slot.bytes().data()) + sizeof(wire::InHeader) + slot.plan->layout->fixed_size();
    const std::size_t most =
        slot.size - static_cast<std::size_t>(name - reinterpret_cast<const char*>(slot.bytes().data()));
    bindings_.name(entry, name_key(slot.nodeid, std::string_view(name, ::strnlen(name, most))));
  }
  if (!causes_.any()) return;
  const std::vector<std::uint64_t> names = entry_names(slot, negotiated_);
  if (names.size() == 2) causes_.named(names[0], 0, names[1]);
  if (slot.opcode == Opcode::kLink && names.size() == 1) causes_.named(0, slot.touch.nodes[1], names[0]);
}

Divergence Replayer::Impl::explain(const Slot& slot, const Difference& difference, const Message* live) const {
  Divergence divergence;
  divergence.sequence = slot.has_reply ? slot.reply.sequence : slot.event.sequence;
  divergence.request_sequence = slot.event.sequence;
  divergence.unique = slot.unique;
  divergence.nodeid = slot.nodeid;
  divergence.opcode = slot.opcode;
  divergence.field = describe_place(difference);
  divergence.recorded = describe_recorded(difference);
  divergence.live = describe_live(difference);
  divergence.request = slot.buffer ? describe_request(slot.bytes(), negotiated_)
                                   : "no request with unique " + std::to_string(slot.unique);
  const Opcode recorded = slot.without_nodes ? Opcode::kReaddirplus : slot.opcode;
  if (slot.has_reply) divergence.recorded_reply = describe_reply(slot.reply.message, recorded, slot.asks_size);
  if (live != nullptr) divergence.live_reply = describe_reply(*live, slot.opcode, slot.asks_size);
  return divergence;
}

void Replayer::Impl::diverge(const Slot& slot, const Difference& difference, const Message* live) {
  Involved involved = involved_in(slot, difference, bindings_, negotiated_);
  const Causes::Placed placed = causes_.place(involved);
  if (placed.link == DivergenceLink::kCause) {
    Divergence divergence = explain(slot, difference, live);
    divergence.nodes = std::move(involved.nodes);
    divergence.names = std::move(involved.names);
    const bool expected = options_.expected != nullptr && options_.expected->take(divergence);
    const bool kept = !expected && report_.causes.size() < options_.kept_causes;
    places_.push_back(expected ? CausePlace::kExpected : kept ? CausePlace::kKept : CausePlace::kCounted);
    kept_at_.push_back(report_.causes.size());
    ++(expected ? report_.counts.expected : report_.counts.divergences);
    if (!expected) ++report_.counts.causes;
    if (kept) report_.causes.push_back({std::move(divergence), {}, 0});
    return;
  }
  const CausePlace place = places_[placed.cause];
  ++(place == CausePlace::kExpected ? report_.counts.expected : report_.counts.divergences);
  if (place != CausePlace::kKept) return;
  RootCause& cause = report_.causes[kept_at_[placed.cause]];
  ++cause.follower_count;
  if (cause.followers.size() >= options_.kept_followers) return;
  cause.followers.push_back(explain(slot, difference, live));
  cause.followers.back().link = placed.link;
}

void Replayer::Impl::finish() {
  executor_.run_ready();
  log_.flush();
  const bool stopped = stopped_ || (options_.stop_after != 0 && report_.counts.divergences >= options_.stop_after);
  bool hung = !abandoned_.empty() || (elsewhere_ && elsewhere_->hung());
  for (const Slot* slot : open_) hung = hung || slot->state == SlotState::kInFlight;
  if (!stopped) report_.counts.unanswered = open_.size();
  if (hung) {
    report_.end = ReplayEnd::kHung;
    return;
  }
  report_.end = stopped ? ReplayEnd::kStopped : ReplayEnd::kComplete;
  server_.disconnect();
}

Replayer::Replayer(Server& server, ManualExecutor& executor, ManualClock& clock, ReplayOptions options)
    : impl_(std::make_unique<Impl>(server, executor, clock, std::move(options))) {}
Replayer::~Replayer() = default;

void Replayer::add_sink(EventSink& sink) {
  impl_->log().add(sink);
}

ReplayReport Replayer::run(RecordedEvents& source) {
  return impl_->run(source);
}

}  // namespace fusereplay

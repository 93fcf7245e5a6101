// Writes a conversation down line by line and lets the rules listen, for tests.
//
//   ConversationScript talk;
//   talk.mount();
//   const auto lookup = talk.ask(Opcode::kLookup, 1, "a");
//   talk.answer(lookup, entry(7));
//   talk.ask(Opcode::kForget, 7, wire::ForgetIn{.nlookup = 2});
//   EXPECT_THAT(talk.broken(), ElementsAre("K6"));
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/event/conversation.h"
#include "core/protocol/builder.h"
#include "core/protocol/dirent.h"
#include "core/protocol/flags.h"
#include "rules/rule_set.h"

namespace fusereplay::test {

inline constexpr std::uint32_t kFile = S_IFREG | 0644;
inline constexpr std::uint32_t kDirectory = S_IFDIR | 0755;

inline wire::EntryOut entry(std::uint64_t nodeid, std::uint32_t mode = kFile, std::uint64_t generation = 0) {
  wire::EntryOut out{};
  out.nodeid = nodeid;
  out.generation = generation;
  out.attr.mode = mode;
  return out;
}

inline wire::AttrOut attr(std::uint32_t mode) {
  wire::AttrOut out{};
  out.attr.mode = mode;
  return out;
}

inline wire::OpenOut opened(std::uint64_t fh, std::uint32_t flags = 0) {
  return {.fh = fh, .open_flags = flags, .backing_id = 0};
}

/// Directory records in the making.
class Listing {
 public:
  explicit Listing(DirentKind kind) : kind_(kind) {}
  Listing& add(std::string_view name, std::uint64_t off, const wire::EntryOut& entry = {}) {
    std::vector<std::byte> record(dirent_record_size(kind_, name.size()));
    DirentWriter writer(kind_, record);
    writer.add(entry, {.ino = 1, .off = off, .namelen = 0, .type = 0}, name);
    bytes_.insert(bytes_.end(), record.begin(), record.end());
    return *this;
  }
  /// Takes the last bytes away.
  Listing& cut(std::size_t bytes) {
    bytes_.erase(bytes_.end() - static_cast<std::ptrdiff_t>(bytes), bytes_.end());
    return *this;
  }
  Bytes bytes() const { return bytes_; }

 private:
  DirentKind kind_;
  std::vector<std::byte> bytes_;
};

class ConversationScript {
 public:
  explicit ConversationScript(const RuleOptions& options = {}) : rules_(options) {}

  /// INIT, asked and answered; both sides agree on `flags`.
  void mount(std::uint64_t flags = kInitInitExt) {
    init({.minor = kProtocolMinor, .flags = flags},
         {.minor = kProtocolMinor, .flags = flags, .max_write = 131072, .max_stack_depth = 1});
  }
  struct Side {
    std::uint32_t minor = kProtocolMinor;
    std::uint64_t flags = 0;
    std::uint32_t max_write = 0;
    std::uint32_t major = kProtocolMajor;
    std::uint32_t max_stack_depth = 0;
  };
  void init(const Side& kernel, const Side& server) {
    wire::InitIn in{};
    in.major = kernel.major;
    in.minor = kernel.minor;
    in.flags = static_cast<std::uint32_t>(kernel.flags);
    in.flags2 = static_cast<std::uint32_t>(kernel.flags >> 32);
    wire::InitOut out{};
    out.major = server.major;
    out.minor = server.minor;
    out.flags = static_cast<std::uint32_t>(server.flags);
    out.flags2 = static_cast<std::uint32_t>(server.flags >> 32);
    out.max_write = server.max_write;
    out.max_stack_depth = server.max_stack_depth;
    answer(ask(Opcode::kInit, 0, in), out);
  }

  // What the next message differs in.
  ConversationScript& pid(std::uint32_t pid) { return pid_ = pid, *this; }
  ConversationScript& thread(std::uint32_t thread) { return thread_ = thread, *this; }
  ConversationScript& channel(std::uint32_t channel) { return channel_ = channel, *this; }
  /// What write(2) returns for the next reply.
  ConversationScript& result(std::int64_t result) { return result_ = result, has_result_ = true, *this; }
  /// The next request's unique.
  ConversationScript& unique(std::uint64_t unique) { return unique_ = unique, *this; }
  /// One event is missing from the stream.
  void gap() { ++sequence_; }

  /// A request; `parts` are wire structs, names and tails (Bytes) in the order of its layout. Returns its unique.
  template <class... Parts>
  std::uint64_t ask(Opcode opcode, std::uint64_t nodeid, const Parts&... parts) {
    const std::uint64_t unique = unique_ != 0 ? std::exchange(unique_, 0) : next_unique_ += 2;
    wire::InHeader header{};
    header.opcode = static_cast<std::uint32_t>(opcode);
    header.unique = unique;
    header.nodeid = nodeid;
    header.pid = std::exchange(pid_, 0);
    builder_.start_request(opcode, header);
    (put(parts), ...);
    pass(EventKind::kRequest, builder_.finish());
    return unique;
  }
  /// A successful reply.
  template <class... Parts>
  void answer(std::uint64_t unique, const Parts&... parts) {
    reply(unique, 0, parts...);
  }
  /// An error reply; `error` is positive.
  void fail(std::uint64_t unique, int error) { reply(unique, -error); }
  /// Any reply.
  template <class... Parts>
  void reply(std::uint64_t unique, std::int32_t error, const Parts&... parts) {
    builder_.start_reply(unique, error);
    (put(parts), ...);
    pass(EventKind::kReply, builder_.finish());
  }
  /// A reply whose bytes no builder would make.
  void reply_bytes(Bytes bytes) { pass(EventKind::kReply, bytes); }
  void notify(NotifyCode code) {
    builder_.start_notification(code);
    pass(EventKind::kNotification, builder_.finish());
  }
  void mark(Mark mark) { pass(EventKind::kMark, {}, mark); }

  /// Asked and answered at once: LOOKUP of `name` in the root.
  void know(std::uint64_t nodeid, std::string_view name = "a", std::uint32_t mode = kFile) {
    answer(ask(Opcode::kLookup, kRootNodeId, name), entry(nodeid, mode));
  }
  /// Asked and answered at once: OPEN.
  void open(std::uint64_t nodeid, std::uint64_t fh) { answer(ask(Opcode::kOpen, nodeid, wire::OpenIn{}), opened(fh)); }

  RuleSet& rules() { return rules_; }
  /// The numbers of the rules broken so far, in order.
  std::vector<std::string> broken() const {
    std::vector<std::string> numbers;
    for (const Finding& finding : rules_.findings()) numbers.emplace_back(finding.rule);
    return numbers;
  }
  /// Likewise, after the end of the stream.
  std::vector<std::string> broken_at_end() {
    rules_.finish();
    return broken();
  }

 private:
  void put(std::string_view name) { builder_.name(name); }
  void put(const char* name) { builder_.name(name); }
  void put(Bytes bytes) { builder_.bytes(bytes); }
  void put(const Listing& listing) { builder_.bytes(listing.bytes()); }
  template <class Struct>
  void put(const Struct& value) {
    builder_.add(value);
  }

  void pass(EventKind kind, Bytes message, Mark mark = Mark::kNone) {
    Event event;
    event.kind = kind;
    event.mark = mark;
    event.sequence = ++sequence_;
    event.begin = static_cast<std::int64_t>(sequence_) * 1000;
    event.end = event.begin;
    event.thread = std::exchange(thread_, 1);
    event.channel = std::exchange(channel_, 0);
    event.result = static_cast<std::int64_t>(message.size());
    if (kind != EventKind::kRequest && std::exchange(has_result_, false)) event.result = result_;
    event.message.head = message;
    conversation_.follow(event);
    rules_.on_event(event);
  }

  RuleSet rules_;
  Conversation conversation_;
  MessageBuilder builder_;
  std::uint64_t sequence_ = 0;
  std::uint64_t next_unique_ = 0;
  std::uint64_t unique_ = 0;
  std::uint32_t pid_ = 0;
  std::uint32_t thread_ = 1;
  std::uint32_t channel_ = 0;
  std::int64_t result_ = 0;
  bool has_result_ = false;
};

}  // namespace fusereplay::test

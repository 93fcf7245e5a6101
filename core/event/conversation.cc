#include "core/event/conversation.h"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <vector>

#include "core/protocol/flags.h"
#include "core/protocol/reply_check.h"

namespace fusereplay {
namespace {

/// A context and the bytes under its view.
struct Node {
  RequestContext context;
  std::vector<std::byte> storage;
};

/// Outstanding requests by unique: open addressing with linear probing, so that a request costs no allocation.
class NodeTable {
 public:
  NodeTable() : slots_(kInitialSlots) {}

  std::size_t size() const noexcept { return size_; }

  Node* find(std::uint64_t unique) const noexcept { return slots_[slot_of(unique)].node; }

  /// `unique` must not be in the table.
  void insert(std::uint64_t unique, Node* node) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    slots_[slot_of(unique)] = {unique, node};
    ++size_;
  }

  /// The node taken out; null when there is none.
  Node* remove(std::uint64_t unique) noexcept {
    std::size_t hole = slot_of(unique);
    Node* const node = slots_[hole].node;
    if (node == nullptr) return nullptr;
    --size_;
    // Close the hole: a slot may move into it unless its home lies after the hole.
    for (std::size_t next = (hole + 1) & mask(); slots_[next].node != nullptr; next = (next + 1) & mask()) {
      const std::size_t home = hash(slots_[next].unique) & mask();
      if (((next - home) & mask()) >= ((next - hole) & mask())) {
        slots_[hole] = slots_[next];
        hole = next;
      }
    }
    slots_[hole] = {};
    return node;
  }

 private:
  struct Slot {
    std::uint64_t unique = 0;
    Node* node = nullptr;
  };
  static constexpr std::size_t kInitialSlots = 64;

  std::size_t mask() const noexcept { return slots_.size() - 1; }

  /// The slot that holds `unique`, or the empty one where it belongs.
  std::size_t slot_of(std::uint64_t unique) const noexcept {
    std::size_t slot = hash(unique) & mask();
    while (slots_[slot].node != nullptr && slots_[slot].unique != unique) slot = (slot + 1) & mask();
    return slot;
  }

  // Salted by an address, so that a trace cannot be made to put every unique into one run of slots. The order of slots
  // is never seen from outside.
  std::size_t hash(std::uint64_t unique) const noexcept {
    std::uint64_t mixed = unique ^ (reinterpret_cast<std::uintptr_t>(this) * 0x9e3779b97f4a7c15U);
    mixed = (mixed ^ (mixed >> 33)) * 0xff51afd7ed558ccdU;
    mixed = (mixed ^ (mixed >> 33)) * 0xc4ceb9fe1a85ec53U;
    return static_cast<std::size_t>(mixed ^ (mixed >> 33));
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.node != nullptr) slots_[slot_of(slot.unique)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace

bool ends_request(const Event& reply, const RequestContext& request) noexcept {
  if (reply.result >= 0 || reply.result == -EFAULT) return true;
  if (reply.result == -ENOENT) return reply.channel == request.channel;
  const auto header = read_out_header(reply.message);
  return reply.result == -EINVAL && header && has_sound_header(*header, reply.message);
}

class Conversation::Impl {
 public:
  void follow(Event& event) {
    if (retired_ != nullptr) recycle(std::exchange(retired_, nullptr));
    event.request = nullptr;
    switch (event.kind) {
      case EventKind::kRequest:
        event.request = follow_request(event);
        break;
      case EventKind::kReply:
        event.request = follow_reply(event);
        break;
      case EventKind::kNotification:
      case EventKind::kMark:
        break;
    }
  }

  const Negotiated& negotiated() const noexcept { return negotiated_; }
  std::size_t outstanding() const noexcept { return outstanding_.size(); }

 private:
  /// Storage that a recycled node may keep: requests up to here are followed without allocation.
  static constexpr std::size_t kKeptStorage = 8192;

  const RequestContext* follow_request(const Event& event) {
    const auto header = read_in_header(event.message.head);
    if (!header) {
      describe(passing_, event, {});
      passing_.view = {};
      return &passing_;
    }
    const auto view = RequestView::parse(event.message, negotiated_);
    const auto opcode = static_cast<Opcode>(header->opcode);
    if (!expects_reply(opcode)) {
      describe(passing_, event, *header);
      if (view) {
        know(passing_, *view);
      } else {
        passing_.view = {};
      }
      return &passing_;
    }
    if (header->unique & kUniqueResendBit) drop(header->unique & ~kUniqueResendBit);
    drop(header->unique);
    Node* const node = fresh_node();
    describe(node->context, event, *header);
    if (view) {
      know(node->context, view->keep_in(node->storage));
    } else {
      node->context.view = {};
    }
    outstanding_.insert(header->unique, node);
    return &node->context;
  }

  const RequestContext* follow_reply(const Event& event) {
    const auto header = read_out_header(event.message);
    if (!header) return nullptr;
    Node* const node = outstanding_.find(header->unique);
    if (node == nullptr) return nullptr;
    if (!ends_request(event, node->context)) return &node->context;
    outstanding_.remove(header->unique);
    retired_ = node;
    if (node->context.opcode == Opcode::kInit) learn(node->context, event);
    return &node->context;
  }

  /// What an accepted INIT reply settles (fs/fuse/inode.c process_init_reply).
  void learn(const RequestContext& request, const Event& event) {
    if (!request.known || event.result < 0) return;
    const auto reply = ReplyView::parse(event.message, Opcode::kInit, false);
    if (!reply || reply->header().error != 0) return;
    const auto in = request.view.fixed<wire::InitIn>();
    const auto out = reply->fixed<wire::InitOut>();
    if (out.major != kProtocolMajor) return;
    negotiated_.minor = std::min(in.minor, out.minor);
    negotiated_.setxattr_ext = (in.flags & out.flags & kInitSetxattrExt) != 0;
  }

  /// Fills every member in place: a context is large, and most of it is the view.
  static void describe(RequestContext& context, const Event& event, const wire::InHeader& header) noexcept {
    context.opcode = static_cast<Opcode>(header.opcode);
    context.unique = header.unique;
    context.sequence = event.sequence;
    context.begin = event.begin;
    context.channel = event.channel;
    context.known = false;
    context.asks_size = false;
  }

  static void know(RequestContext& context, const RequestView& view) noexcept {
    context.known = true;
    context.asks_size = fusereplay::asks_size(view);
    context.view = view;
  }

  void drop(std::uint64_t unique) {
    if (Node* const node = outstanding_.remove(unique)) recycle(node);
  }

  Node* fresh_node() {
    if (idle_.empty()) return &nodes_.emplace_back();
    Node* const node = idle_.back();
    idle_.pop_back();
    return node;
  }

  void recycle(Node* node) {
    if (node->storage.capacity() > kKeptStorage) node->storage = {};
    idle_.push_back(node);
  }

  Negotiated negotiated_;
  NodeTable outstanding_;
  std::deque<Node> nodes_;   // every node ever made; addresses are stable
  std::vector<Node*> idle_;  // those of no outstanding request
  Node* retired_ = nullptr;  // ended by the last event, which still shows it
  RequestContext passing_;   // of a request that is not kept outstanding; its view is the event's own bytes
};

Conversation::Conversation() : impl_(std::make_unique<Impl>()) {}
Conversation::~Conversation() = default;

void Conversation::follow(Event& event) {
  impl_->follow(event);
}

const Negotiated& Conversation::negotiated() const noexcept {
  return impl_->negotiated();
}

std::size_t Conversation::outstanding() const noexcept {
  return impl_->outstanding();
}

}  // namespace fusereplay

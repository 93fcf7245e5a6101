#include "traces/event_log.h"

#include <xxhash.h>

#include <array>
#include <cstring>
#include <vector>

#include "core/check.h"
#include "core/event/conversation.h"
#include "core/flat_map.h"
#include "core/protocol/dirent.h"
#include "core/protocol/view.h"

namespace fusereplay {
namespace {

struct FreeState {
  void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
};

/// Gives values numbers in the order of their first appearance. 0 is always 0.
class Numbering {
 public:
  std::uint64_t number(std::uint64_t value) {
    if (value == 0) return 0;
    if (const std::uint64_t* known = numbers_.find(value)) return *known;
    return renumber(value);
  }
  /// A new number, whatever the value had before.
  std::uint64_t renumber(std::uint64_t value) {
    if (value == 0) return 0;
    if (numbers_.size() >= kMost && numbers_.find(value) == nullptr) numbers_.clear();
    numbers_[value] = next_;
    return next_++;
  }
  void forget(std::uint64_t value) { numbers_.erase(value); }

 private:
  static constexpr std::size_t kMost = 131'072;  // contract, section 6: memory must not grow with the conversation

  FlatMap<std::uint64_t, std::uint64_t> numbers_;
  std::uint64_t next_ = 1;
};

/// Nodeids, numbered for as long as their lookup count is above zero.
class NodeNumbering {
 public:
  std::uint64_t number(std::uint64_t nodeid) {
    if (nodeid <= kRootNodeId) return nodeid;
    return find(nodeid).number;
  }
  void counted(std::uint64_t nodeid) {
    if (nodeid > kRootNodeId) ++find(nodeid).count;
  }
  void forgotten(std::uint64_t nodeid, std::uint64_t count) {
    Node* const node = nodes_.find(nodeid);
    if (node == nullptr) return;
    if (count >= node->count) {
      nodes_.erase(nodeid);
    } else {
      node->count -= count;
    }
  }

 private:
  struct Node {
    std::uint64_t number = 0;
    std::uint64_t count = 0;
  };
  Node& find(std::uint64_t nodeid) {
    Node& node = nodes_[nodeid];
    if (node.number == 0) node.number = next_++;
    return node;
  }

  FlatMap<std::uint64_t, Node> nodes_;
  std::uint64_t next_ = kRootNodeId + 1;
};

/// Where the file handles of a struct come from: a successful reply makes new ones.
enum class Handles : std::uint8_t { kKnown, kMade };

}  // namespace

class EventLog::Impl {
 public:
  Impl() : state_(XXH3_createState()) {
    FUSEREPLAY_CHECK(state_ != nullptr, "memory for a hash");
    XXH3_128bits_reset(state_.get());
    put(std::string_view("fusereplay event log 1"));
  }

  void add(const Event& event) {
    ++events_;
    line_.clear();
    put(static_cast<std::uint64_t>(event.kind));
    put(static_cast<std::uint64_t>(event.mark));
    const auto size = static_cast<std::int64_t>(event.message.size());
    put(event.result == size ? std::uint64_t{1} : static_cast<std::uint64_t>(event.result));
    switch (event.kind) {
      case EventKind::kRequest:
        request(event);
        break;
      case EventKind::kReply:
        reply(event);
        break;
      case EventKind::kNotification:
        notification(event);
        break;
      case EventKind::kMark:
        break;
    }
    XXH3_128bits_update(state_.get(), line_.data(), line_.size());
  }

  std::string hash() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    std::string text;
    for (const unsigned char byte : canonical.digest) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
    return text;
  }

  std::uint64_t events_ = 0;

 private:
  void put(std::uint64_t value) {
    std::array<std::byte, sizeof(value)> little_endian;
    for (std::size_t i = 0; i < sizeof(value); ++i) little_endian[i] = static_cast<std::byte>(value >> 8 * i);
    line_.insert(line_.end(), little_endian.begin(), little_endian.end());
  }
  void put(Bytes bytes) {
    put(bytes.size());
    line_.insert(line_.end(), bytes.begin(), bytes.end());
  }
  void put(std::string_view text) { put(std::as_bytes(std::span(text))); }
  void put_whole(const Message& message) {
    put(message.size());
    line_.insert(line_.end(), message.head.begin(), message.head.end());
    line_.insert(line_.end(), message.tail.begin(), message.tail.end());
  }

  void request(const Event& event);
  void request_body(const RequestView& view);
  void reply(const Event& event);
  void reply_body(const ReplyView& view, Opcode opcode, bool accepted);
  void notification(const Event& event);
  void fields(StructId id, const std::byte* base, Handles handles);
  void structs(const MessageLayout& layout, Bytes fixed, Handles handles);
  void directory(Bytes bytes, DirentKind kind, bool accepted);
  void forgets(Bytes bytes);

  std::unique_ptr<XXH3_state_t, FreeState> state_;
  std::vector<std::byte> line_;  // the event in the making
  NodeNumbering nodes_;
  Numbering handles_;
  Numbering uniques_;
  Numbering retrievals_;
  Numbering lock_owners_;
  Numbering kernel_handles_;
  Numbering generations_;
  Numbering inos_;
  Numbering cookies_;
};

void EventLog::Impl::fields(StructId id, const std::byte* base, Handles handles) {
  for (const Field& field : struct_info(id).fields) {
    if (field.type == FieldType::kBytes) {
      put(Bytes(base + field.offset, field.width));
      continue;
    }
    const std::uint64_t value = read_field(base, field);
    switch (field.role) {
      case FieldRole::kTime:
      case FieldRole::kTimeNsec:
      case FieldRole::kPid:
      case FieldRole::kUsage:
        break;
      case FieldRole::kNodeId:
        put(nodes_.number(value));
        break;
      case FieldRole::kFileHandle:
        put(handles == Handles::kMade ? handles_.renumber(value) : handles_.number(value));
        break;
      case FieldRole::kUnique:
        put(id == StructId::kNotifyRetrieveOut ? retrievals_.renumber(value) : uniques_.number(value));
        break;
      case FieldRole::kLockOwner:
        put(lock_owners_.number(value));
        break;
      case FieldRole::kKernelHandle:
        put(kernel_handles_.number(value));
        break;
      case FieldRole::kGeneration:
        put(generations_.number(value));
        break;
      case FieldRole::kIno:
        put(inos_.number(value));
        break;
      case FieldRole::kCookie:
        put(cookies_.number(value));
        break;
      case FieldRole::kPlain:
      case FieldRole::kTimeout:
      case FieldRole::kTimeoutNsec:
      case FieldRole::kSize:
      case FieldRole::kOffset:
      case FieldRole::kMode:
      case FieldRole::kFlags:
      case FieldRole::kUid:
      case FieldRole::kGid:
      case FieldRole::kPadding:
        put(value);
        break;
    }
  }
}

void EventLog::Impl::structs(const MessageLayout& layout, Bytes fixed, Handles handles) {
  std::array<std::byte, 512> whole{};
  FUSEREPLAY_CHECK(layout.fixed_size() <= whole.size(), "the structs of a layout fit");
  if (!fixed.empty()) std::memcpy(whole.data(), fixed.data(), fixed.size());
  put(fixed.size());
  const std::byte* base = whole.data();
  for (const StructId id : layout.structs) {
    fields(id, base, handles);
    base += struct_info(id).size;
  }
}

void EventLog::Impl::request(const Event& event) {
  const auto header = read_in_header(event.message.head);
  if (!header) return put_whole(event.message);
  const auto opcode = static_cast<Opcode>(header->opcode);
  put(header->opcode);
  put(nodes_.number(header->nodeid));
  put(header->uid);
  put(header->gid);
  if (opcode == Opcode::kNotifyReply) {
    put(retrievals_.number(header->unique));
    retrievals_.forget(header->unique);
  } else if (opcode == Opcode::kInterrupt) {
    put(uniques_.number(header->unique & ~kUniqueInterruptBit));
  } else if (expects_reply(opcode)) {
    put(uniques_.renumber(header->unique));
  }
  const Bytes bytes = event.message.head;
  Negotiated negotiated;
  if (event.request != nullptr && event.request->known) {
    negotiated.setxattr_ext = &event.request->view.layout() == request_layout(opcode, negotiated);
  }
  const auto view = RequestView::parse(event.message, negotiated);
  if (!view) {
    Message body = event.message;
    body.head = bytes.subspan(sizeof(wire::InHeader));
    return put_whole(body);
  }
  request_body(*view);
}

void EventLog::Impl::request_body(const RequestView& view) {
  const MessageLayout& layout = view.layout();
  const bool lists = view.opcode() == Opcode::kReaddir || view.opcode() == Opcode::kReaddirplus;
  if (lists) {
    auto in = view.fixed<wire::ReadIn>();
    put(cookies_.number(in.offset));
    in.offset = 0;
    structs(layout, std::as_bytes(std::span(&in, 1)), Handles::kKnown);
  } else {
    structs(layout, view.fixed_bytes(), Handles::kKnown);
  }
  for (std::size_t i = 0; i < layout.names; ++i) put(view.name(i));
  if (layout.tail == Tail::kForgets) {
    forgets(view.tail());
  } else {
    put(view.tail());
  }
  put(view.extensions());
  if (view.opcode() == Opcode::kForget) nodes_.forgotten(view.nodeid(), view.fixed<wire::ForgetIn>().nlookup);
}

void EventLog::Impl::forgets(Bytes bytes) {
  for (; bytes.size() >= sizeof(wire::ForgetOne); bytes = bytes.subspan(sizeof(wire::ForgetOne))) {
    wire::ForgetOne one;
    std::memcpy(&one, bytes.data(), sizeof(one));
    fields(StructId::kForgetOne, bytes.data(), Handles::kKnown);
    nodes_.forgotten(one.nodeid, one.nlookup);
  }
}

void EventLog::Impl::reply(const Event& event) {
  const auto header = read_out_header(event.message);
  if (!header) return put_whole(event.message);
  put(uniques_.number(header->unique));
  put(static_cast<std::uint64_t>(static_cast<std::int64_t>(header->error)));
  const RequestContext* const request = event.request;
  if (request != nullptr) put(static_cast<std::uint64_t>(request->opcode));
  if (request != nullptr && header->error == 0) {
    const auto view = ReplyView::parse(event.message, request->opcode, request->asks_size);
    if (view) {
      reply_body(*view, request->opcode, event.result >= 0);
    } else {
      put_whole({.head = event.message.head.subspan(sizeof(wire::OutHeader)), .tail = event.message.tail});
    }
  } else {
    put_whole({.head = event.message.head.subspan(sizeof(wire::OutHeader)), .tail = event.message.tail});
  }
  if (event.result >= 0) uniques_.forget(header->unique);
}

void EventLog::Impl::reply_body(const ReplyView& view, Opcode opcode, bool accepted) {
  const MessageLayout& layout = view.layout();
  const bool makes_handle =
      opcode == Opcode::kOpen || opcode == Opcode::kOpendir || opcode == Opcode::kCreate || opcode == Opcode::kTmpfile;
  structs(layout, view.fixed_bytes(), makes_handle ? Handles::kMade : Handles::kKnown);
  if (layout.structs[0] == StructId::kEntryOut && accepted) nodes_.counted(view.fixed<wire::EntryOut>().nodeid);
  if (layout.tail == Tail::kDirents) return directory(view.tail(), DirentKind::kPlain, accepted);
  if (layout.tail == Tail::kDirentsPlus) return directory(view.tail(), DirentKind::kPlus, accepted);
  put(view.tail());
}

void EventLog::Impl::directory(Bytes bytes, DirentKind kind, bool accepted) {
  DirentReader reader(kind, bytes);
  while (const auto record = reader.next()) {
    if (kind == DirentKind::kPlus) {
      fields(StructId::kEntryOut, reinterpret_cast<const std::byte*>(&record->entry), Handles::kKnown);
      // fs/fuse/readdir.c fuse_direntplus_link: these two are not counted, whatever nodeid they have.
      if (accepted && record->name != "." && record->name != "..") nodes_.counted(record->entry.nodeid);
    }
    fields(StructId::kDirent, reinterpret_cast<const std::byte*>(&record->dirent), Handles::kKnown);
    put(record->name);
  }
  put(reader.rest());
}

void EventLog::Impl::notification(const Event& event) {
  const auto view = NotificationView::parse(event.message);
  if (!view) return put_whole(event.message);
  const MessageLayout& layout = view->layout();
  put(static_cast<std::uint64_t>(view->code()));
  structs(layout, view->fixed_bytes(), Handles::kKnown);
  for (std::size_t i = 0; i < layout.names; ++i) put(view->name(i));
  if (layout.tail != Tail::kNodeIds) return put(view->tail());
  for (Bytes ids = view->tail(); ids.size() >= sizeof(std::uint64_t); ids = ids.subspan(sizeof(std::uint64_t))) {
    std::uint64_t nodeid = 0;
    std::memcpy(&nodeid, ids.data(), sizeof(nodeid));
    put(nodes_.number(nodeid));
  }
}

EventLog::EventLog() : impl_(std::make_unique<Impl>()) {}
EventLog::~EventLog() = default;
void EventLog::on_event(const Event& event) {
  impl_->add(event);
}
std::string EventLog::hash() const {
  return impl_->hash();
}
std::uint64_t EventLog::events() const noexcept {
  return impl_->events_;
}

}  // namespace fusereplay

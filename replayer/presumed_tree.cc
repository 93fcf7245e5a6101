#include "replayer/presumed_tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/intrusive/list.hpp>
#include <limits>
#include <set>
#include <unordered_map>
#include <vector>

#include "core/event/conversation.h"
#include "core/operations/decode.h"
#include "core/protocol/dirent.h"

namespace fusereplay {

namespace {

constexpr unsigned kMaxDepth = 2048;  // of directories: a path has at most PATH_MAX bytes

/// Ranges of a file, [start, end), that do not touch.
class Ranges {
 public:
  void add(std::uint64_t start, std::uint64_t end) {
    auto next = ranges_.upper_bound(start);
    if (next != ranges_.begin() && std::prev(next)->second >= start) --next;
    while (next != ranges_.end() && next->first <= end) {
      start = std::min(start, next->first);
      end = std::max(end, next->second);
      next = ranges_.erase(next);
    }
    if (start < end) ranges_[start] = end;
  }
  /// Calls `use(start, end)` for each part of [start, end) outside of all ranges.
  template <class Use>
  void each_gap(std::uint64_t start, std::uint64_t end, Use use) const {
    auto next = ranges_.upper_bound(start);
    if (next != ranges_.begin()) start = std::max(start, std::prev(next)->second);
    for (; start < end; ++next) {
      const std::uint64_t stop = next == ranges_.end() ? end : std::min(end, next->first);
      if (start < stop) use(start, stop);
      if (next == ranges_.end()) return;
      start = std::max(start, next->second);
    }
  }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;
};

}  // namespace

class PresumedTree::Collector {
  /// A node of the recording, presumed or made by it.
  struct Live : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    using Children = std::map<std::string, std::shared_ptr<Live>, std::less<>>;

    Live() = default;
    /// In a loop, as a trace may nest as deep as it is long.
    ~Live() {
      std::vector<std::shared_ptr<Live>> going;
      take_children(going);
      while (!going.empty()) {
        const std::shared_ptr<Live> child = std::move(going.back());
        going.pop_back();
        if (child != nullptr && child.use_count() == 1) child->take_children(going);
      }
    }
    Live(const Live&) = delete;
    Live& operator=(const Live&) = delete;

    std::shared_ptr<PresumedNode> presumed;  // null: the recording made it
    Children children;                       // names seen; null: known to be absent
    Ranges taken;                            // of its data: written by the recording, or in `presumed` already
    std::uint64_t end = std::numeric_limits<std::uint64_t>::max();  // presumed data lies before it: truncated
    std::set<std::string, std::less<>> set_xattrs;                  // by the recording
    unsigned depth = 0;

   private:
    void take_children(std::vector<std::shared_ptr<Live>>& to) {
      for (auto& [name, child] : children) to.push_back(std::move(child));
      children.clear();
    }
  };

 public:
  explicit Collector(PresumedTree& tree) : tree_(tree) {
    auto root = make();
    root->presumed = tree.root_;
    nodes_[kRootNodeId] = {root, 1};
  }

  /// A hostile trace may give a node a name below itself: such circles would hold themselves.
  ~Collector() {
    std::vector<Live::Children> all;
    for (Live& live : lives_) all.push_back(std::move(live.children));
  }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  void take(const Event& event) {
    if (event.request == nullptr || !event.request->known) return;
    const RequestView& request = event.request->view;
    if (event.kind == EventKind::kRequest) {
      take_request(request);
    } else if (event.kind == EventKind::kReply && event.result >= 0) {
      const auto header = read_out_header(event.message);
      if (header && header->error == -ENOENT && request.opcode() == Opcode::kLookup) {
        if (Live* parent = find(request.nodeid())) parent->children.try_emplace(std::string(request.name(0)));
      }
      if (!header || header->error != 0) return;
      const auto reply = ReplyView::parse(event.message, request.opcode(), event.request->asks_size);
      if (reply) take_reply(request, *reply, event.request->asks_size);
    }
  }

 private:
  struct Counted {
    std::shared_ptr<Live> live;
    std::uint64_t count = 0;
  };

  std::shared_ptr<Live> make() {
    auto live = std::make_shared<Live>();
    lives_.push_back(*live);
    return live;
  }
  Live* find(std::uint64_t nodeid) {
    const auto found = nodes_.find(nodeid);
    return found == nodes_.end() ? nullptr : found->second.live.get();
  }
  void forget(std::uint64_t nodeid, std::uint64_t count) {
    const auto found = nodes_.find(nodeid);
    if (found == nodes_.end() || nodeid == kRootNodeId) return;
    if (found->second.count <= count) {
      nodes_.erase(found);
    } else {
      found->second.count -= count;
    }
  }

  void take_request(const RequestView& request);
  void take_reply(const RequestView& request, const ReplyView& reply, bool asks_size);
  void take_rename(const RequestView& request, std::uint64_t new_parent, std::uint32_t flags);
  void take_listing(Live& directory, const ReplyView& reply);
  void take_data(Live& file, std::uint64_t offset, Bytes data);
  void take_xattr_names(Live& node, Bytes names);

  void show(Live& live, const Attributes& attributes) {
    if (live.presumed == nullptr || live.presumed->seen) return;
    live.presumed->attributes = attributes;
    live.presumed->seen = true;
  }
  void made(Live* parent, std::string_view name, std::uint64_t nodeid) {
    auto live = make();
    if (parent != nullptr) {
      live->depth = parent->depth + 1;
      parent->children.insert_or_assign(std::string(name), live);
    }
    nodes_[nodeid] = {std::move(live), 1};
  }
  /// A new presumed name of `parent`, for a node with this mode.
  std::shared_ptr<Live> presume(Live& parent, std::string_view name, std::uint32_t mode) {
    auto live = make();
    live->depth = parent.depth + 1;
    if (parent.presumed != nullptr && live->depth < kMaxDepth && valid_name(name) && !is_dot_name(name)) {
      live->presumed = std::make_shared<PresumedNode>();
      live->presumed->attributes.mode = mode;
      parent.presumed->entries[std::string(name)] = live->presumed;
      ++tree_.names_;
    }
    parent.children.insert_or_assign(std::string(name), live);
    return live;
  }
  /// LOOKUP and READDIRPLUS: `name` is this node.
  void found(Live& parent, std::string_view name, const Entry& entry);

  PresumedTree& tree_;
  boost::intrusive::list<Live, boost::intrusive::constant_time_size<false>> lives_;  // outlives them
  std::unordered_map<std::uint64_t, Counted> nodes_;
};

void PresumedTree::Collector::found(Live& parent, std::string_view name, const Entry& entry) {
  const std::uint64_t nodeid = raw(entry.node);
  if (nodeid == kRootNodeId) return;
  const auto known_name = parent.children.find(name);
  const auto known_node = nodes_.find(nodeid);
  std::shared_ptr<Live> live;
  if (known_node != nodes_.end()) {
    live = known_node->second.live;
    if (known_name == parent.children.end()) {  // one more name of it
      parent.children.emplace(name, live);
      // A hostile trace may give a file names below itself: only what has none below it gets another.
      if (parent.presumed != nullptr && live->presumed != nullptr && live.get() != &parent &&
          live->presumed->entries.empty() && !S_ISDIR(entry.attributes.mode) &&
          !S_ISDIR(live->presumed->attributes.mode) && valid_name(name)) {
        parent.presumed->entries[std::string(name)] = live->presumed;
        ++tree_.names_;
      }
    }
  } else if (known_name == parent.children.end()) {
    live = presume(parent, name, entry.attributes.mode);
  } else if (known_name->second != nullptr) {
    live = known_name->second;  // listed before, or forgotten meanwhile
  } else {
    live = make();  // it was not there, and no request of the recording made it
    live->depth = parent.depth + 1;
    known_name->second = live;
  }
  Counted& counted = nodes_[nodeid];
  counted.live = live;
  ++counted.count;
  show(*live, entry.attributes);
}

void PresumedTree::Collector::take_request(const RequestView& request) {
  if (request.opcode() == Opcode::kBatchForget) {
    ForgetReader forgets(request.tail());
    while (const auto one = forgets.next()) forget(one->nodeid, one->nlookup);
    return;
  }
  const auto changed = [](Live* file, std::uint64_t offset, std::uint64_t length) {
    if (file != nullptr) file->taken.add(offset, offset + std::min(length, ~offset));
  };
  Live* const node = find(request.nodeid());
  switch (request.opcode()) {
    case Opcode::kForget:
      return forget(request.nodeid(), request.fixed<wire::ForgetIn>().nlookup);
    case Opcode::kWrite: {
      const auto in = request.fixed<wire::WriteIn>();
      return changed(node, in.offset, in.size);
    }
    case Opcode::kFallocate:  // some of its modes move what follows
      return changed(node, request.fixed<wire::FallocateIn>().offset, ~std::uint64_t{0});
    case Opcode::kCopyFileRange:
    case Opcode::kCopyFileRange64: {
      const auto in = request.fixed<wire::CopyFileRangeIn>();
      return changed(find(in.nodeid_out), in.off_out, in.len);
    }
    case Opcode::kOpen:
      if (node != nullptr && (request.fixed<wire::OpenIn>().flags & O_TRUNC) != 0) node->end = 0;
      return;
    case Opcode::kSetattr: {
      const auto in = request.fixed<wire::SetattrIn>();
      if (node != nullptr && (in.valid & kSetattrSize) != 0) node->end = std::min(node->end, in.size);
      return;
    }
    case Opcode::kSetxattr:
    case Opcode::kRemovexattr:
      if (node != nullptr) node->set_xattrs.emplace(request.name(0));
      return;
    default:
      return;
  }
}

void PresumedTree::Collector::take_reply(const RequestView& request, const ReplyView& reply, bool asks_size) {
  Live* const node = find(request.nodeid());
  const Opcode opcode = request.opcode();
  switch (opcode) {
    case Opcode::kMknod:
    case Opcode::kMkdir:
    case Opcode::kSymlink:
    case Opcode::kCreate:
      return made(node, request.name(0), reply.fixed<wire::EntryOut>().nodeid);
    case Opcode::kTmpfile:
      return made(nullptr, {}, reply.fixed<wire::EntryOut>().nodeid);
    case Opcode::kRename:
      return take_rename(request, request.fixed<wire::RenameIn>().newdir, 0);
    case Opcode::kRename2: {
      const auto in = request.fixed<wire::Rename2In>();
      return take_rename(request, in.newdir, in.flags);
    }
    default:
      break;
  }
  if (node == nullptr) return;
  switch (opcode) {
    case Opcode::kLookup: {
      const Entry entry = internal::from_wire(reply.fixed<wire::EntryOut>());
      if (raw(entry.node) != 0) return found(*node, request.name(0), entry);
      node->children.try_emplace(std::string(request.name(0)));
      return;
    }
    case Opcode::kLink: {
      const auto source = nodes_.find(request.fixed<wire::LinkIn>().oldnodeid);
      if (source == nodes_.end()) return;
      ++source->second.count;
      node->children.insert_or_assign(std::string(request.name(0)), source->second.live);
      return;
    }
    case Opcode::kUnlink:
    case Opcode::kRmdir:
      node->children.insert_or_assign(std::string(request.name(0)), nullptr);
      return;
    case Opcode::kGetattr:
    case Opcode::kSetattr:
      return show(*node, internal::from_wire(reply.fixed<wire::AttrOut>().attr));
    case Opcode::kReaddir:
    case Opcode::kReaddirplus:
      return take_listing(*node, reply);
    case Opcode::kRead:
      return take_data(*node, request.fixed<wire::ReadIn>().offset, reply.tail());
    default:
      break;
  }
  if (node->presumed == nullptr || asks_size) return;
  const Bytes tail = reply.tail();
  if (opcode == Opcode::kReadlink) {
    node->presumed->target.assign(reinterpret_cast<const char*>(tail.data()), tail.size());
  } else if (opcode == Opcode::kGetxattr && node->set_xattrs.find(request.name(0)) == node->set_xattrs.end()) {
    node->presumed->xattrs[std::string(request.name(0))].assign(tail.begin(), tail.end());
  } else if (opcode == Opcode::kListxattr) {
    take_xattr_names(*node, tail);
  }
}

void PresumedTree::Collector::take_rename(const RequestView& request, std::uint64_t new_parent, std::uint32_t flags) {
  Live* const from = find(request.nodeid());
  Live* const to = find(new_parent);
  if (from == nullptr || to == nullptr) return;
  std::shared_ptr<Live>& source = from->children[std::string(request.name(0))];
  std::shared_ptr<Live>& target = to->children[std::string(request.name(1))];
  if (&source == &target) return;
  constexpr std::uint32_t kExchange = 2;  // RENAME_EXCHANGE
  if ((flags & kExchange) != 0) {
    std::swap(source, target);
  } else {
    target = std::exchange(source, nullptr);
  }
}

void PresumedTree::Collector::take_listing(Live& directory, const ReplyView& reply) {
  const bool plus = reply.layout().tail == Tail::kDirentsPlus;
  DirentReader reader(plus ? DirentKind::kPlus : DirentKind::kPlain, reply.tail());
  while (const auto record = reader.next()) {
    if (is_dot_name(record->name)) continue;
    if (plus && record->entry.nodeid != 0) {
      found(directory, record->name, internal::from_wire(record->entry));
    } else if (directory.children.find(record->name) == directory.children.end()) {
      presume(directory, record->name, record->dirent.type << 12);  // DTTOIF
    }
  }
}

void PresumedTree::Collector::take_data(Live& file, std::uint64_t offset, Bytes data) {
  if (file.presumed == nullptr || offset >= file.end) return;
  const std::uint64_t stop = offset + std::min<std::uint64_t>(data.size(), std::min(~offset, file.end - offset));
  file.taken.each_gap(offset, stop, [&](std::uint64_t start, std::uint64_t end) {
    const Bytes piece = data.subspan(start - offset, end - start);
    file.presumed->data[start].assign(piece.begin(), piece.end());
  });
  file.taken.add(offset, stop);
}

void PresumedTree::Collector::take_xattr_names(Live& node, Bytes names) {
  std::string_view rest(reinterpret_cast<const char*>(names.data()), names.size());
  while (!rest.empty()) {
    const std::size_t length = std::min(rest.find('\0'), rest.size());
    const std::string name(rest.substr(0, length));
    if (!name.empty() && node.set_xattrs.count(name) == 0) node.presumed->xattrs.try_emplace(name);
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
}

PresumedTree PresumedTree::collect(RecordedEvents& source) {
  PresumedTree tree;
  Collector collector(tree);
  Conversation conversation;
  Event event;
  while (source.next(event)) {
    conversation.follow(event);
    collector.take(event);
  }
  return tree;
}

}  // namespace fusereplay

#include "replayer/compare.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "core/protocol/flags.h"

namespace fusereplay {
namespace {

constexpr std::size_t kHeader = sizeof(wire::OutHeader);

bool copies_range(Opcode opcode) noexcept {
  return opcode == Opcode::kCopyFileRange || opcode == Opcode::kCopyFileRange64;
}

bool is_access_time(std::string_view field) noexcept {
  return field.substr(std::min<std::size_t>(5, field.size())).starts_with("atime");
}

/// What the kernel does without if it must: it takes ENOSYS for "never ask again" and the caller sees no error
/// (reference 3.3).
bool optional_request(Opcode opcode) noexcept {
  switch (opcode) {
    case Opcode::kOpen:
    case Opcode::kOpendir:
    case Opcode::kFlush:
    case Opcode::kFsync:
    case Opcode::kFsyncdir:
    case Opcode::kAccess:
    case Opcode::kSyncfs:
    case Opcode::kPoll:
    case Opcode::kStatx:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool Overlap::explains(const PlanField& field, std::uint64_t node) const noexcept {
  for (const Touch* touch : touches_) {
    const bool named = touch->names(node);
    if (named && (touch->effects & kAttributes) != 0) return true;
    if (field.child_attribute && (touch->effects & kChildAttributes) != 0) return true;
    if (named && (touch->effects & kAccessTime) != 0 && is_access_time(field.field->name)) return true;
  }
  return false;
}

void Comparer::differs(const Difference& difference) {
  if (!result_.same) return;
  result_.same = false;
  result_.difference = difference;
}

bool Comparer::split(const MessageLayout& layout, const Message& message, Body& body) noexcept {
  const Bytes rest = message.head.subspan(kHeader);
  std::size_t fixed = layout.fixed_size();
  if (rest.size() < fixed) {
    if (!layout.truncatable) return false;
    fixed = rest.size();
  }
  body.fixed = rest.first(fixed);
  body.tail = message.tail.empty() ? rest.subspan(fixed) : message.tail;
  return layout.tail != Tail::kNone || body.tail.empty();
}

void Comparer::begin(const Slot& slot, const Overlap* overlap, CompareMode mode) {
  slot_ = &slot;
  overlap_ = overlap;
  mode_ = mode;
  node_ = slot.nodeid;
  counts_ = true;
  result_ = {};
  opened_.clear();
  cookies_.clear();
  wrote_ = 0;
  changed_ = DataChange::kNone;
}

Comparison Comparer::compare(const Slot& slot, const Message& recorded, const Message& live, const Overlap* overlap,
                             CompareMode mode) {
  begin(slot, overlap, mode);
  wire::OutHeader was;
  wire::OutHeader is;
  std::memcpy(&was, recorded.head.data(), kHeader);
  std::memcpy(&is, live.head.data(), kHeader);
  if (kept_.active() && slot.readable && is.error == 0) note_changed_data(slot, live);
  if (copies_range(slot.opcode) && unseen_.of(slot.nodeid) == UnseenChanges::Extent::kContent) {
    for (std::size_t i = 0; i < slot.touch.count; ++i) {
      unseen_.opened(slot.touch.nodes[i], UnseenChanges::Extent::kContent);
    }
  }
  if (was.error != is.error) {
    if (tolerances_.other_implementation() && same_outcome(live, was.error, is.error)) return result_;
    differs({.kind = DifferenceKind::kError,
             .recorded = static_cast<std::uint64_t>(std::int64_t{was.error}),
             .live = static_cast<std::uint64_t>(std::int64_t{is.error})});
    return result_;
  }
  if (tolerances_.other_implementation() && was.error == 0) follow_times(slot);
  const MessageLayout* layout = reply_layout(slot.opcode, slot.asks_size);
  Body was_body;
  Body is_body;
  const bool form = was.error == 0 && slot.readable && layout != nullptr && split(*layout, recorded, was_body);
  if (!form) {
    // An error, or nothing that 7.45 lays out: the body is bytes.
    compare_data(recorded.head.subspan(kHeader), live.tail.empty() ? live.head.subspan(kHeader) : live.tail);
  } else if (!split(*layout, live, is_body)) {
    differs({.kind = DifferenceKind::kForm, .recorded = recorded.size(), .live = live.size()});
  } else {
    compare_bodies(*layout, was_body, is_body);
  }
  return result_;
}

/// The same to a caller, though one is an error and the other is not, or another.
bool Comparer::same_outcome(const Message& live, std::int32_t was, std::int32_t is) {
  const Bytes recorded = slot_->reply.message.head;
  if (slot_->opcode == Opcode::kLookup && (was == 0 || was == -ENOENT) && (is == 0 || is == -ENOENT)) {
    // A nodeid of 0 says what ENOENT says, and for how long.
    const Bytes entry = (was == 0 ? recorded : live.head).subspan(kHeader);
    std::uint64_t nodeid = 1;
    if (entry.size() >= sizeof(nodeid)) std::memcpy(&nodeid, entry.data(), sizeof(nodeid));
    return nodeid == 0;
  }
  if (!optional_request(slot_->opcode) || (was != -ENOSYS && is != -ENOSYS) || (was != 0 && is != 0)) return false;
  const bool opens = slot_->opcode == Opcode::kOpen || slot_->opcode == Opcode::kOpendir;
  if (opens && was == 0 && recorded.size() >= kHeader + sizeof(wire::OpenOut)) {
    std::uint64_t handle = 0;
    std::memcpy(&handle, recorded.data() + kHeader, sizeof(handle));
    opened_.push_back({slot_->nodeid, handle, 0});  // what the kernel uses without a handle
  }
  ++result_.tolerated_ignored;
  return true;
}

Comparison Comparer::compare_entry(const Slot& slot, const wire::EntryOut& recorded, const wire::EntryOut& live) {
  begin(slot, nullptr, CompareMode::kToEnd);
  compare_struct(StructId::kEntryOut, reinterpret_cast<const std::byte*>(&recorded),
                 reinterpret_cast<const std::byte*>(&live), -1);
  return result_;
}

void Comparer::follow_times(const Slot& slot) {
  if ((slot.touch.effects & kAttributes) == 0) return;
  if (slot.opcode == Opcode::kSetxattr || slot.opcode == Opcode::kRemovexattr) return;
  if (slot.opcode == Opcode::kSetattr && slot.readable) {
    const auto in = slot.fixed<wire::SetattrIn>();
    if ((in.valid & kSetattrMtime) != 0 && (in.valid & kSetattrMtimeNow) == 0) {
      set_times_[slot.nodeid] = true;
    } else if ((in.valid & (kSetattrSize | kSetattrMtime)) != 0) {
      set_times_.erase(slot.nodeid);
    }
    return;
  }
  for (std::size_t i = 0; i < slot.touch.count; ++i) {
    // LINK changes the directory, not the file's data.
    if (slot.opcode != Opcode::kLink || i == 0) set_times_.erase(slot.touch.nodes[i]);
  }
}

void Comparer::accept() {
  bindings_.commit();
  for (const Opened& opened : opened_) bindings_.bind_handle(opened.node, opened.recorded, opened.live);
  for (const Opened& cookie : cookies_) bindings_.bind_cookie(cookie.node, cookie.recorded, cookie.live);
  if (wrote_ != 0 || changed_ != DataChange::kNone) accept_changed_data();
  opened_.clear();
  cookies_.clear();
}

void Comparer::note_changed_data(const Slot& slot, const Message& live) {
  const Bytes fixed = slot.bytes().subspan(sizeof(wire::InHeader));
  switch (slot.opcode) {
    case Opcode::kWrite: {
      wire::WriteOut out{};
      const Bytes body = live.head.subspan(kHeader);
      if (body.size() >= sizeof(out)) std::memcpy(&out, body.data(), sizeof(out));
      wrote_ = std::min<std::size_t>(out.size, fixed.size() - sizeof(wire::WriteIn));
      break;
    }
    case Opcode::kOpen: {
      wire::OpenIn in;
      std::memcpy(&in, fixed.data(), sizeof(in));
      if ((in.flags & O_TRUNC) != 0) changed_ = DataChange::kEmptied;
      break;
    }
    case Opcode::kCreate: {
      wire::EntryOut out{};
      const Bytes body = live.head.subspan(kHeader);
      if (body.size() >= sizeof(out)) std::memcpy(static_cast<void*>(&out), body.data(), sizeof(out));
      changed_ = out.attr.size == 0 ? DataChange::kEmptied : DataChange::kOther;
      break;
    }
    case Opcode::kSetattr: {
      wire::SetattrIn in;
      std::memcpy(static_cast<void*>(&in), fixed.data(), sizeof(in));
      if ((in.valid & kSetattrSize) != 0) changed_ = in.size == 0 ? DataChange::kEmptied : DataChange::kOther;
      break;
    }
    case Opcode::kFallocate:
    case Opcode::kCopyFileRange:
    case Opcode::kCopyFileRange64:
    case Opcode::kIoctl:
      changed_ = DataChange::kOther;
      break;
    default:
      break;
  }
}

void Comparer::accept_changed_data() {
  if (wrote_ != 0) {
    const Bytes fixed = slot_->bytes().subspan(sizeof(wire::InHeader));
    wire::WriteIn write;
    std::memcpy(&write, fixed.data(), sizeof(write));
    kept_.wrote(slot_->nodeid, write.offset, fixed.subspan(sizeof(write), wrote_));
  }
  if (changed_ == DataChange::kNone) return;
  const auto note = [&](std::uint64_t node) {
    if (changed_ == DataChange::kEmptied) {
      kept_.emptied(node);
    } else {
      kept_.changed(node);
    }
  };
  if (slot_->opcode == Opcode::kCreate) {
    for (const Opened& opened : opened_) note(opened.node);
    return;
  }
  for (std::size_t i = 0; i < slot_->touch.count; ++i) note(slot_->touch.nodes[i]);
}

void Comparer::refuse() noexcept {
  bindings_.roll_back();
  opened_.clear();
  cookies_.clear();
}

void Comparer::compare_bodies(const MessageLayout& layout, const Body& recorded, const Body& live) {
  if (layout.truncatable) {
    // INIT: what an older peer left out reads as zero.
    wire::InitOut was{};
    wire::InitOut is{};
    std::memcpy(static_cast<void*>(&was), recorded.fixed.data(), std::min(sizeof(was), recorded.fixed.size()));
    std::memcpy(static_cast<void*>(&is), live.fixed.data(), std::min(sizeof(is), live.fixed.size()));
    // How the messages travelled is not the filesystem's to say.
    if ((was.flags2 & (kInitPassthrough >> 32)) != 0) unseen_.follow();
    for (wire::InitOut* init : {&was, &is}) init->flags2 &= ~static_cast<std::uint32_t>(kInitOverIoUring >> 32);
    compare_struct(StructId::kInitOut, reinterpret_cast<const std::byte*>(&was),
                   reinterpret_cast<const std::byte*>(&is), -1);
    return;
  }
  std::size_t offset = 0;
  for (const StructId id : layout.structs) {
    if (id == StructId::kNone || done()) break;
    if (id == StructId::kOpenOut) {
      compare_open(recorded.fixed.data() + offset, live.fixed.data() + offset);
    } else {
      compare_struct(id, recorded.fixed.data() + offset, live.fixed.data() + offset, -1);
    }
    offset += plans_.of(id).size;
  }
  if (done()) return;
  switch (layout.tail) {
    case Tail::kNone:
      break;
    case Tail::kDirents:
      if (tolerances_.other_implementation()) break;  // see Listing
      compare_entries(DirentKind::kPlain, recorded.tail, live.tail);
      break;
    case Tail::kDirentsPlus:
      if (tolerances_.other_implementation()) {
        match_entries(recorded.tail, live.tail);
      } else {
        compare_entries(DirentKind::kPlus, recorded.tail, live.tail);
      }
      break;
    default:
      if (tolerances_.profile == CompareProfile::kOutcome) break;
      if (slot_->opcode == Opcode::kRead && unseen_.of(slot_->nodeid) == UnseenChanges::Extent::kContent) {
        ++result_.tolerated_unseen;
        break;
      }
      if (slot_->opcode == Opcode::kListxattr && tolerances_.other_implementation()) {
        compare_names(recorded.tail, live.tail);
      } else if (slot_->opcode == Opcode::kRead && kept_.active()) {
        compare_kept(recorded.tail, live.tail);
      } else {
        compare_data(recorded.tail, live.tail);
      }
  }
}

/// Without a kernel no backing file can be had, so that a live answer never goes past the filesystem.
void Comparer::compare_open(const std::byte* recorded, const std::byte* live) {
  wire::OpenOut was{};
  std::memcpy(&was, recorded, sizeof(was));
  if (slot_->opcode == Opcode::kOpendir || !goes_past_filesystem(was.open_flags)) {
    return compare_struct(StructId::kOpenOut, recorded, live, -1);
  }
  wire::OpenOut is{};
  std::memcpy(&is, live, sizeof(is));
  const std::uint32_t flags =
      slot_->opcode == Opcode::kOpen ? slot_->fixed<wire::OpenIn>().flags : slot_->fixed<wire::CreateIn>().flags;
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  unseen_.opened(node_, writes ? UnseenChanges::Extent::kContent : UnseenChanges::Extent::kTimes);
  result_.opened_past = true;
  is.open_flags = was.open_flags;
  is.backing_id = was.backing_id;
  compare_struct(StructId::kOpenOut, recorded, reinterpret_cast<const std::byte*>(&is), -1);
}

void Comparer::compare_struct(StructId id, const std::byte* recorded, const std::byte* live, std::int64_t entry) {
  const StructPlan& plan = plans_.of(id);
  compare_ids(plan, recorded, live, entry);
  if (done()) return;
  for (const StructPlan::Run& run : plan.plain) {
    if (std::memcmp(recorded + run.offset, live + run.offset, run.size) != 0) {
      compare_fields(plan, recorded, live, entry);
      break;
    }
  }
  note_last_link(id, recorded);
}

/// A node without a link left frees its inode number when it is forgotten.
void Comparer::note_last_link(StructId id, const std::byte* recorded) {
  std::size_t offset = 0;
  if (id == StructId::kAttrOut) {
    offset = offsetof(wire::AttrOut, attr.nlink);
  } else if (id == StructId::kEntryOut) {
    offset = offsetof(wire::EntryOut, attr.nlink);
  } else {
    return;
  }
  std::uint32_t nlink = 0;
  std::memcpy(&nlink, recorded + offset, sizeof(nlink));
  if (nlink == 0) bindings_.last_link_gone(node_);
}

void Comparer::compare_ids(const StructPlan& plan, const std::byte* recorded, const std::byte* live,
                           std::int64_t entry) {
  for (const PlanField& id : plan.ids) {
    compare_id(id, read_field(recorded, *id.field), read_field(live, *id.field), entry);
    if (done()) return;
  }
}

void Comparer::compare_id(const PlanField& id, std::uint64_t recorded, std::uint64_t live, std::int64_t entry) {
  bool same = true;
  switch (id.field->role) {
    case FieldRole::kNodeId:
      node_ = recorded;
      if (!counts_) {
        same = bindings_.may_be_node(recorded, live);
        break;
      }
      same = bindings_.match_node(recorded, live);
      if (!same && mode_ == CompareMode::kToEnd && !bindings_.live_node(recorded)) bindings_.force_node(recorded, live);
      bindings_.count(recorded, live);
      break;
    case FieldRole::kGeneration:
      if (tolerances_.other_implementation()) return;
      same = !counts_ || node_ == 0 || bindings_.match_generation(node_, recorded, live);
      break;
    case FieldRole::kIno:
      if (counts_) unseen_.shown(node_, recorded);
      if (tolerances_.other_implementation()) return;
      same = bindings_.match_ino(counts_ ? node_ : 0, recorded, live);
      break;
    case FieldRole::kFileHandle:
      opened_.push_back({node_, recorded, live});
      return;
    case FieldRole::kCookie:
      if (tolerances_.other_implementation()) return;
      // 0 would rewind the stream (rule R11), so it stands for itself.
      same = (recorded == 0) == (live == 0);
      cookies_.push_back({slot_->nodeid, recorded, live});
      break;
    default:
      return;
  }
  if (same || tolerances_.profile == CompareProfile::kOutcome) return;
  if (tolerances_.ignored.has(id.field->role)) {
    ++result_.tolerated_ignored;
    return;
  }
  differs({.kind = DifferenceKind::kField, .field = id.field, .entry = entry, .recorded = recorded, .live = live});
}

void Comparer::compare_fields(const StructPlan& plan, const std::byte* recorded, const std::byte* live,
                              std::int64_t entry) {
  for (const PlanField& planned : plan.compared) {
    const Field& field = *planned.field;
    if (std::memcmp(recorded + field.offset, live + field.offset, field.width) == 0) continue;
    if (tolerances_.other_implementation() && chosen(planned, plan, recorded)) {
      ++result_.tolerated_ignored;
      continue;
    }
    // Arrays in replies are padding, which is not among `compared`.
    const std::uint64_t was = read_field(recorded, field);
    const std::uint64_t is = read_field(live, field);
    if (tolerated(planned, was, is)) continue;
    differs({.kind = DifferenceKind::kField,
             .field = &field,
             .entry = entry,
             .recorded = was,
             .live = is,
             .node = planned.attribute ? node_ : 0});
    if (done()) return;
  }
}

/// Whether another implementation may answer with something else here.
bool Comparer::chosen(const PlanField& planned, const StructPlan& plan, const std::byte* recorded) const noexcept {
  if (tolerances_.profile == CompareProfile::kOutcome) return true;
  switch (planned.portable) {
    case Portable::kCompared:
      return false;
    case Portable::kChosen:
      return true;
    case Portable::kUnlessDirectory:
      return plan.mode != nullptr && (read_field(recorded, *plan.mode) & S_IFMT) == S_IFDIR;
    case Portable::kWhereSetByCaller:
      return set_times_.find(node_) == nullptr;
  }
  return false;
}

bool Comparer::tolerated(const PlanField& planned, std::uint64_t recorded, std::uint64_t live) {
  const FieldRole role = planned.field->role;
  if (tolerances_.ignored.has(role)) {
    ++result_.tolerated_ignored;
    return true;
  }
  const bool of_content = slot_->opcode == Opcode::kLseek || copies_range(slot_->opcode);
  const bool unknown = of_content && unseen_.of(slot_->nodeid) == UnseenChanges::Extent::kContent;
  if (unknown || (planned.attribute && unseen_.explain(node_, *planned.field))) {
    ++result_.tolerated_unseen;
    return true;
  }
  if (overlap_ == nullptr) return false;
  if (role == FieldRole::kUsage && overlap_->changes_usage()) {
    ++result_.tolerated_usage;
    return true;
  }
  if (!planned.attribute || !overlap_->explains(planned, node_)) return false;
  if (role == FieldRole::kMode && ((recorded ^ live) & S_IFMT) != 0) return false;
  ++result_.tolerated_attributes;
  return true;
}

void Comparer::compare_entries(DirentKind kind, Bytes recorded, Bytes live) {
  DirentReader was_reader(kind, recorded);
  DirentReader is_reader(kind, live);
  for (std::int64_t index = 0;; ++index) {
    const auto was = was_reader.next();
    const auto is = is_reader.next();
    if (!was && !is) break;
    if (!was || !is) {
      differs({.kind = DifferenceKind::kEntryEnd,
               .entry = index,
               .recorded_name = was ? was->name : std::string_view(),
               .live_name = is ? is->name : std::string_view()});
      return;
    }
    compare_entry(kind, *was, *is, index);
    if (done()) return;
    if (was->name != is->name) return;  // what follows are other entries
  }
  if (was_reader.rest().size() != is_reader.rest().size()) {
    differs({.kind = DifferenceKind::kForm, .recorded = recorded.size(), .live = live.size()});
  }
}

/// Entries that both pages show with a node; what else the live page grants is counted, so that it can be given back.
void Comparer::match_entries(Bytes recorded, Bytes live) {
  std::unordered_map<std::string_view, wire::EntryOut> shown;
  DirentReader was_reader(DirentKind::kPlus, recorded);
  while (const auto was = was_reader.next()) {
    if (was->entry.nodeid != 0 && !is_dot_name(was->name)) shown.emplace(was->name, was->entry);
  }
  DirentReader is_reader(DirentKind::kPlus, live);
  for (std::int64_t index = 0;; ++index) {
    const auto is = is_reader.next();
    if (!is) break;
    if (is->entry.nodeid == 0 || is_dot_name(is->name)) continue;
    const auto was = shown.find(is->name);
    if (was == shown.end()) {
      bindings_.count(0, is->entry.nodeid);
      continue;
    }
    counts_ = true;
    compare_struct(StructId::kEntryOut, reinterpret_cast<const std::byte*>(&was->second),
                   reinterpret_cast<const std::byte*>(&is->entry), index);
    if (done()) return;
  }
}

/// A list of names, each ended by a NUL, in any order.
void Comparer::compare_names(Bytes recorded, Bytes live) {
  const auto sorted = [](Bytes list) {
    std::vector<std::string_view> names;
    std::string_view rest(reinterpret_cast<const char*>(list.data()), list.size());
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\0'), rest.size());
      names.push_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    std::sort(names.begin(), names.end());
    return names;
  };
  if (sorted(recorded) != sorted(live)) compare_data(recorded, live);
}

void Comparer::compare_entry(DirentKind kind, const DirentRecord& recorded, const DirentRecord& live,
                             std::int64_t index) {
  if (recorded.name != live.name) {
    differs(
        {.kind = DifferenceKind::kEntryName, .entry = index, .recorded_name = recorded.name, .live_name = live.name});
    return;
  }
  counts_ = !is_dot_name(recorded.name);
  node_ = 0;
  if (kind == DirentKind::kPlus) {
    compare_struct(StructId::kEntryOut, reinterpret_cast<const std::byte*>(&recorded.entry),
                   reinterpret_cast<const std::byte*>(&live.entry), index);
    if (done()) return;
  }
  node_ = 0;  // d_ino is the number of what is mounted or listed here, not shown by the node itself
  compare_struct(StructId::kDirent, reinterpret_cast<const std::byte*>(&recorded.dirent),
                 reinterpret_cast<const std::byte*>(&live.dirent), index);
}

void Comparer::compare_data(Bytes recorded, Bytes live) {
  if (recorded.size() != live.size()) {
    differs({.kind = DifferenceKind::kDataSize, .recorded = recorded.size(), .live = live.size()});
    return;
  }
  if (recorded.empty() || std::memcmp(recorded.data(), live.data(), recorded.size()) == 0) return;
  const auto at = std::mismatch(recorded.begin(), recorded.end(), live.begin()).first - recorded.begin();
  differs_at(static_cast<std::size_t>(at), recorded, live);
}

/// What a READ gave where the trace does not keep the bytes.
void Comparer::compare_kept(Bytes recorded, Bytes live) {
  if (recorded.size() != live.size()) {
    compare_data(recorded, live);
    return;
  }
  const auto read = slot_->fixed<wire::ReadIn>();
  const auto moment = slot_->overlaps ? KeptData::Moment::kOverlapping : KeptData::Moment::kKnown;
  const KeptData::Verdict verdict = kept_.compare(slot_->nodeid, read.offset, recorded, live, moment);
  result_.by_size = verdict.by_size;
  if (verdict.differs_at) differs_at(*verdict.differs_at, recorded, live);
}

void Comparer::differs_at(std::size_t index, Bytes recorded, Bytes live) {
  differs({.kind = DifferenceKind::kDataByte,
           .index = index,
           .recorded = static_cast<std::uint64_t>(recorded[index]),
           .live = static_cast<std::uint64_t>(live[index])});
}

}  // namespace fusereplay

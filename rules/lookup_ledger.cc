#include "rules/lookup_ledger.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "core/protocol/dirent.h"
#include "rules/text.h"

namespace fusereplay {
namespace {

/// True for a request that holds the inodes it names until it is answered. NOTIFY_REPLY holds none: the FORGET of its
/// inode may be read before it (fs/fuse/dev.c fuse_retrieve). LOOKUP "." may name an inode long forgotten.
bool holds_inodes(const RequestContext& request) noexcept {
  switch (request.opcode) {
    case Opcode::kForget:
    case Opcode::kBatchForget:
    case Opcode::kInit:
    case Opcode::kCuseInit:
    case Opcode::kDestroy:
    case Opcode::kInterrupt:
    case Opcode::kNotifyReply:
      return false;
    case Opcode::kStatfs:
      return request.known && request.view.nodeid() != 0;
    case Opcode::kLookup:
      return request.known && request.view.name(0) != ".";
    default:
      return request.known;
  }
}

constexpr std::uint32_t kStatxType = 0x1;
constexpr std::uint32_t kStatxSize = 0x200;

}  // namespace

LookupLedger::LookupLedger(Reporter& reporter, const StreamState& stream, std::uint32_t root_type)
    : reporter_(reporter), stream_(stream), root_type_(root_type) {}

void LookupLedger::reset() noexcept {
  nodes_.clear();
  counted_nodes_ = 0;
}

std::uint64_t LookupLedger::count(std::uint64_t nodeid) const noexcept {
  const Node* node = nodes_.find(nodeid);
  return node == nullptr ? 0 : node->count;
}

std::uint32_t LookupLedger::type_of(std::uint64_t nodeid) const noexcept {
  const Node* node = nodes_.find(nodeid);
  return node == nullptr || node->count == 0 ? 0 : node->type;
}

void LookupLedger::on_request(const RequestStep& step) {
  if (!stream_.up() || !step.context.known) return;
  const RequestView& view = step.context.view;
  if (step.context.opcode == Opcode::kForget) {
    forget(step, view.nodeid(), view.fixed<wire::ForgetIn>().nlookup);
    return;
  }
  if (step.context.opcode == Opcode::kBatchForget) {
    ForgetReader forgets(view.tail());
    while (const auto one = forgets.next()) forget(step, one->nodeid, one->nlookup);
    return;
  }
  // A request sent again still has what its first sending held.
  if (step.resent() || !holds_inodes(step.context)) return;
  hold(step, view.nodeid(), RuleId::kK4);
  ids_.for_each_nodeid(step.context, [&](std::uint64_t nodeid) { hold(step, nodeid, RuleId::kK5); });
}

void LookupLedger::hold(const RequestStep& step, std::uint64_t nodeid, RuleId rule) {
  if (nodeid == kRootNodeId) return;
  Node& node = nodes_[nodeid];
  ++node.busy;
  if (node.count == 0 && node.unsure == 0 && stream_.judges_history()) {
    reporter_.report(rule, step.event, &step.context, nodeid, [&] {
      return text(step.context.opcode, rule == RuleId::kK4 ? " on nodeid " : " names nodeid ", nodeid,
                  ", which has no lookup count");
    });
  }
}

void LookupLedger::let_go(std::uint64_t nodeid) noexcept {
  Node* node = nodes_.find(nodeid);
  if (node == nullptr || node->busy == 0) return;
  --node->busy;
  if (node->idle()) nodes_.erase(nodeid);
}

void LookupLedger::forget(const RequestStep& step, std::uint64_t nodeid, std::uint64_t nlookup) {
  static const Node kNothing;
  Node* node = nodes_.find(nodeid);
  const Node held = node == nullptr ? kNothing : *node;
  const std::uint64_t most = held.count + held.unsure;
  if (nlookup > most && stream_.judges_history()) {
    reporter_.report(RuleId::kK6, step.event, &step.context, nodeid, [&] {
      return text(step.context.opcode, " takes back ", nlookup, " lookups of nodeid ", nodeid, ", which has ", most);
    });
  }
  if (node == nullptr) return;
  const std::uint64_t from_count = std::min(nlookup, held.count);
  node->count -= from_count;
  node->unsure -= std::min(nlookup - from_count, held.unsure);
  if (held.count != 0 && node->count == 0) --counted_nodes_;
  if (node->count == 0 && node->unsure == 0 && node->busy != 0 && stream_.judges_history()) {
    reporter_.report(RuleId::kK7, step.event, &step.context, nodeid, [&] {
      return text(step.context.opcode, " takes the last lookup of nodeid ", nodeid, " while ", node->busy,
                  " requests that name it are outstanding");
    });
  }
  if (node->idle()) nodes_.erase(nodeid);
}

void LookupLedger::on_reply(const ReplyStep& step) {
  if (step.context == nullptr || !step.context->known || !stream_.up()) return;
  const Opcode opcode = step.context->opcode;
  if (step.body != nullptr) {
    if (answers_with_entry(opcode)) {
      on_entry(step, step.body->fixed<wire::EntryOut>());
    } else if (opcode == Opcode::kReaddirplus) {
      on_direntplus(step);
    } else if (opcode == Opcode::kGetattr || opcode == Opcode::kSetattr || opcode == Opcode::kStatx) {
      on_attr(step);
    }
  }
  if (step.ended && holds_inodes(*step.context)) {
    let_go(step.context->view.nodeid());
    ids_.for_each_nodeid(*step.context, [&](std::uint64_t nodeid) { let_go(nodeid); });
  }
}

void LookupLedger::on_entry(const ReplyStep& step, const wire::EntryOut& entry) {
  const RequestContext& request = *step.context;
  const bool link = request.opcode == Opcode::kLink;
  const std::uint64_t linked = link ? request.view.fixed<wire::LinkIn>().oldnodeid : 0;
  const EntryFault fault = check_entry(request, entry, link ? type_of(linked) : 0);
  if (fault == EntryFault::kNegative) return;
  if (fault != EntryFault::kNone) {
    report_fault(step, fault, entry, request.opcode == Opcode::kTmpfile ? "" : request.view.name(0));
    // A LOOKUP that revalidates a dentry counts before it looks at the attributes (fs/fuse/dir.c
    // fuse_dentry_revalidate); one that names another node than the dentry's sends a FORGET for it.
    if (request.opcode == Opcode::kLookup) grant_unsure(entry.nodeid);
    return;
  }
  if (link && entry.nodeid != linked) {
    reporter_.report(RuleId::kR8, step.event, &request, linked, [&] {
      return text("LINK of nodeid ", linked, " as ", quoted(request.view.name(0)), " answered with nodeid ",
                  entry.nodeid);
    });
  }
  grant(step, entry);
}

void LookupLedger::on_direntplus(const ReplyStep& step) {
  DirentReader records(DirentKind::kPlus, step.body->tail());
  while (const auto record = records.next()) {
    // From a bad name on, nothing is counted and nothing forgotten; rule R11 speaks of it.
    if (!valid_record_name(record->name, stream_.max_name())) return;
    const wire::EntryOut& entry = record->entry;
    if (entry.nodeid == 0 || is_dot_name(record->name)) continue;
    EntryFault fault = EntryFault::kNone;
    if (entry.nodeid == kRootNodeId) {
      fault = EntryFault::kRoot;
    } else if (const AttrFault attr = check_attr(entry.attr.mode, entry.attr.size); attr != AttrFault::kNone) {
      fault = attr == AttrFault::kType ? EntryFault::kAttrType : EntryFault::kAttrSize;
    }
    if (fault == EntryFault::kNone) {
      grant(step, entry);
    } else {
      report_fault(step, fault, entry, record->name);
      grant_unsure(entry.nodeid);  // fs/fuse/readdir.c fuse_force_forget: a FORGET of one follows
    }
  }
}

void LookupLedger::report_fault(const ReplyStep& step, EntryFault fault, const wire::EntryOut& entry,
                                std::string_view name) {
  const auto say = [&](RuleId rule, auto&&... parts) {
    reporter_.report(rule, step.event, step.context, entry.nodeid, [&] {
      return text(step.context->opcode, name.empty() ? "" : " ", name.empty() ? std::string() : quoted(name),
                  " answered with ", parts...);
    });
  };
  switch (fault) {
    case EntryFault::kNone:
    case EntryFault::kNegative:
      break;
    case EntryFault::kNoNodeId:
      return say(RuleId::kR4, "nodeid 0");
    case EntryFault::kRoot:
      return say(RuleId::kR4, "nodeid 1, which is the root");
    case EntryFault::kAttrType:
      return say(RuleId::kR5, "mode ", entry.attr.mode, ", which has no file type");
    case EntryFault::kAttrSize:
      return say(RuleId::kR5, "size ", entry.attr.size, ", which is above 2^63-1");
    case EntryFault::kCreatedType:
      return say(RuleId::kR7, "a ", type_name(entry.attr.mode));
  }
}

void LookupLedger::grant(const ReplyStep& step, const wire::EntryOut& entry) {
  if (entry.nodeid == kRootNodeId) return;
  Node& node = nodes_[entry.nodeid];
  const auto generation = static_cast<std::uint32_t>(entry.generation);  // the kernel keeps 32 bits
  const std::uint32_t type = entry.attr.mode & S_IFMT;
  if (node.count == 0) {
    ++counted_nodes_;
  } else if ((node.type != type || node.generation != generation) && stream_.judges_history()) {
    reporter_.report(RuleId::kR6, step.event, step.context, entry.nodeid, [&] {
      return text(step.context->opcode, " answered with nodeid ", entry.nodeid, " as a ", type_name(type),
                  " of generation ", generation, ", which with a lookup count of ", node.count, " is still a ",
                  type_name(node.type), " of generation ", node.generation);
    });
  }
  ++node.count;
  node.generation = generation;
  node.type = type;
}

void LookupLedger::grant_unsure(std::uint64_t nodeid) {
  ++nodes_[nodeid].unsure;
}

void LookupLedger::on_attr(const ReplyStep& step) {
  if (step.context->opcode == Opcode::kStatx) {
    const wire::Statx stat = step.body->fixed<wire::StatxOut>().stat;
    const bool has_type = (stat.mask & kStatxType) != 0;
    const std::uint32_t mode = has_type ? stat.mode : std::uint32_t{S_IFREG};
    const AttrFault fault = check_attr(mode, (stat.mask & kStatxSize) != 0 ? stat.size : 0);
    if (has_type || fault != AttrFault::kNone) judge_attr(step, stat.mode, fault);
  } else {
    const wire::Attr attr = step.body->fixed<wire::AttrOut>().attr;
    judge_attr(step, attr.mode, check_attr(attr.mode, attr.size));
  }
}

void LookupLedger::judge_attr(const ReplyStep& step, std::uint32_t mode, AttrFault fault) {
  const std::uint64_t nodeid = step.context->view.nodeid();
  const Opcode opcode = step.context->opcode;
  if (fault != AttrFault::kNone) {
    reporter_.report(RuleId::kR5, step.event, step.context, nodeid, [&] {
      return fault == AttrFault::kType ? text(opcode, " answered with mode ", mode, ", which has no file type")
                                       : text(opcode, " answered with a size above 2^63-1");
    });
    return;
  }
  const std::uint32_t type = mode & S_IFMT;
  if (nodeid == kRootNodeId) {
    if (type != root_type_) {
      reporter_.report(RuleId::kR18, step.event, step.context, nodeid, [&] {
        return text(opcode, " of the root answered with a ", type_name(type), " where a ", type_name(root_type_),
                    " was mounted");
      });
    }
    return;
  }
  const std::uint32_t known = type_of(nodeid);
  if (known != 0 && known != type && stream_.judges_history()) {
    reporter_.report(RuleId::kR6, step.event, step.context, nodeid, [&] {
      return text(opcode, " of nodeid ", nodeid, " answered with a ", type_name(type), ", but it is a ",
                  type_name(known));
    });
  }
}

}  // namespace fusereplay

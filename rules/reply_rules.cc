#include "rules/reply_rules.h"

#include <fcntl.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "core/protocol/dirent.h"
#include "core/protocol/flags.h"
#include "core/result.h"
#include "rules/entry_check.h"
#include "rules/text.h"

namespace fusereplay {
namespace {

constexpr std::uint32_t kMinMaxWrite = 4096;
// fs/fuse/passthrough.c: from this protocol on kernels know FOPEN_PASSTHROUGH.
constexpr std::uint32_t kPassthroughMinor = 40;
constexpr std::uint32_t kBesidePassthrough =
    kFopenPassthrough | kFopenDirectIo | kFopenParallelDirectWrites | kFopenNoflush;
constexpr std::uint64_t kMaxOffset = (std::uint64_t{1} << 63) - 1;

/// May stay unanswered for as long as somebody holds the lock.
bool may_wait_forever(Opcode opcode) noexcept {
  return opcode == Opcode::kSetlkw;
}

bool is_open_or_create(Opcode opcode) noexcept {
  return opcode == Opcode::kOpen || creates_open(opcode);
}

std::string_view result_name(std::int64_t result) noexcept {
  return result == -EFAULT ? "EFAULT" : "EINVAL";
}

}  // namespace

void ReplyRules::reset() noexcept {
  history_.assign(kFirstRemembered, {});
  untried_.clear();
}

void ReplyRules::on_request(const RequestStep& step) {
  const RequestContext& request = step.context;
  if (request.opcode == Opcode::kInterrupt) return;
  if (step.resent()) set_tried(request.unique & ~kUniqueResendBit);
  remember({.unique = request.unique,
            .sequence = request.sequence,
            .nodeid = request.known ? request.view.nodeid() : 0,
            .opcode = request.opcode,
            .untried = stream_.up() && expects_reply(request.opcode)});
}

void ReplyRules::remember(const Seen& seen) {
  const auto taken = [&](const Seen& by) { return by.sequence != 0 && by.unique != seen.unique; };
  while (history_.size() < kMostRemembered && taken(remembered(seen.unique))) grow_history();
  Seen& place = remembered(seen.unique);
  if (place.untried && place.unique != seen.unique) untried_[place.unique] = place;
  if (untried_.size() != 0) untried_.erase(seen.unique);
  place = seen;
}

void ReplyRules::grow_history() {
  std::vector<Seen> old(history_.size() * 2);
  old.swap(history_);
  for (const Seen& seen : old) {
    if (seen.sequence != 0) remembered(seen.unique) = seen;
  }
}

void ReplyRules::set_tried(std::uint64_t unique) noexcept {
  Seen& place = remembered(unique);
  if (place.unique == unique) {
    place.untried = false;
  } else if (untried_.size() != 0) {
    untried_.erase(unique);
  }
}

void ReplyRules::on_reply(const ReplyStep& step) {
  if (step.context != nullptr) set_tried(step.context->unique);
  if (!stream_.up()) return;
  check_form(step);
  if (step.context == nullptr || !step.context->known) return;
  if (step.context->opcode == Opcode::kInit) check_init(step);
  if (step.body != nullptr) check_body(step);
}

void ReplyRules::check_form(const ReplyStep& step) {
  const std::uint64_t nodeid =
      step.context != nullptr && step.context->known ? step.context->view.nodeid() : std::uint64_t{0};
  if (step.verdict.rule == "R2") {
    reporter_.report(RuleId::kR2, step.event, step.context, nodeid, [&] {
      return text("a reply with ", step.verdict.reason, " (len ", step.header.len, ", error ", step.header.error,
                  ", unique ", step.header.unique, ")");
    });
    return;
  }
  if ((step.header.unique & kUniqueInterruptBit) != 0) return check_interrupt_reply(step);
  if (step.context == nullptr) return report_unwanted(step);
  if (step.event.result == -ENOENT && step.event.channel != step.context->channel) {
    reporter_.report(RuleId::kR1, step.event, step.context, nodeid, [&] {
      return text("the reply to ", step.context->opcode, " was written to device ", step.event.channel, ", but device ",
                  step.context->channel, " read the request");
    });
    return;
  }
  if (step.verdict.rule == "R3") {
    reporter_.report(RuleId::kR3, step.event, step.context, nodeid, [&] {
      return text("the reply to ", step.context->opcode, " has a ", step.verdict.reason, " (",
                  step.event.message.size(), " bytes)");
    });
  } else if (step.event.result == -EINVAL || step.event.result == -EFAULT) {
    reporter_.report(RuleId::kR3, step.event, step.context, nodeid, [&] {
      return text("the reply to ", step.context->opcode, " was refused with ", result_name(step.event.result));
    });
  }
}

void ReplyRules::report_unwanted(const ReplyStep& step) {
  // After RESEND a server may still answer the first sending: refused, and nobody's fault.
  if (!stream_.judges_history() || stream_.resends()) return;
  RequestContext about;
  about.unique = step.header.unique;
  const Seen& seen = remembered(step.header.unique);
  const bool remembers = seen.unique == step.header.unique && seen.sequence != 0;
  if (remembers) {
    about.opcode = seen.opcode;
    about.sequence = seen.sequence;
  }
  reporter_.report(RuleId::kR1, step.event, &about, remembers ? seen.nodeid : 0, [&] {
    if (!remembers) return text("a reply to unique ", about.unique, ", which is no outstanding request");
    if (!expects_reply(about.opcode)) return text("a reply to ", about.opcode, ", which takes none");
    return text("a second reply to ", about.opcode);
  });
}

void ReplyRules::check_interrupt_reply(const ReplyStep& step) {
  const bool empty = step.event.message.size() == sizeof(wire::OutHeader);
  if (empty && (step.header.error == -EAGAIN || step.header.error == -ENOSYS)) return;
  RequestContext about;
  about.opcode = Opcode::kInterrupt;
  about.unique = step.header.unique;
  reporter_.report(RuleId::kR20, step.event, &about, 0, [&] {
    return empty ? text("an INTERRUPT answered with error ", step.header.error)
                 : text("an INTERRUPT answered with a payload");
  });
}

void ReplyRules::check_body(const ReplyStep& step) {
  const Opcode opcode = step.context->opcode;
  if (is_open_or_create(opcode)) return check_open_flags(step);
  switch (opcode) {
    case Opcode::kWrite:
      return check_write(step);
    case Opcode::kReaddir:
    case Opcode::kReaddirplus:
      return check_dirents(step);
    case Opcode::kListxattr:
      return check_xattr_list(step);
    case Opcode::kGetlk:
      return check_lock(step);
    default:
      break;
  }
}

void ReplyRules::check_write(const ReplyStep& step) {
  const auto in = step.context->view.fixed<wire::WriteIn>();
  const std::uint32_t written = step.body->fixed<wire::WriteOut>().size;
  const bool cached = (in.write_flags & kWriteCache) != 0;
  if (written == in.size || (written < in.size && !cached)) return;
  reporter_.report(RuleId::kR9, step.event, step.context, step.context->view.nodeid(), [&] {
    return text(cached ? "a cached WRITE of " : "a WRITE of ", in.size, " bytes answered with ", written);
  });
}

void ReplyRules::check_dirents(const ReplyStep& step) {
  const bool plus = step.context->opcode == Opcode::kReaddirplus;
  const DirentKind kind = plus ? DirentKind::kPlus : DirentKind::kPlain;
  const auto say = [&](RuleId rule, auto&&... parts) {
    reporter_.report(rule, step.event, step.context, step.context->view.nodeid(),
                     [&] { return text(step.context->opcode, " answered with ", parts...); });
  };
  offsets_.clear();
  DirentReader records(kind, step.body->tail());
  bool zero_offset = false;
  while (const auto record = records.next()) {
    if (!valid_record_name(record->name, stream_.max_name())) {
      return say(RuleId::kR11, "the entry name ", quoted(record->name));
    }
    if (record->dirent.off == 0 && !std::exchange(zero_offset, true)) {
      say(RuleId::kR11, "offset 0 after the entry ", quoted(record->name));
    }
    offsets_.push_back(record->dirent.off);
  }
  if (!zero_offset) check_offsets(step);

  const Bytes rest = records.rest();
  if (rest.empty()) return;
  wire::EntryOut entry{};
  if (plus && rest.size() >= sizeof(entry)) std::memcpy(&entry, rest.data(), sizeof(entry));
  if (entry.nodeid != 0) {
    return say(RuleId::kR12, "a last record that is cut short, of nodeid ", entry.nodeid);
  }
  say(RuleId::kR11, "a last record that is cut short, ", rest.size(), " bytes long");
}

void ReplyRules::check_offsets(const ReplyStep& step) {
  if (std::adjacent_find(offsets_.begin(), offsets_.end(), std::greater_equal<>()) == offsets_.end()) return;
  std::sort(offsets_.begin(), offsets_.end());
  const auto twice = std::adjacent_find(offsets_.begin(), offsets_.end());
  if (twice == offsets_.end()) return;
  reporter_.report(RuleId::kR11, step.event, step.context, step.context->view.nodeid(),
                   [&] { return text(step.context->opcode, " answered with two entries of offset ", *twice); });
}

void ReplyRules::check_xattr_list(const ReplyStep& step) {
  const Bytes list = step.body->tail();
  if (step.context->asks_size || list.empty()) return;
  const std::string_view names(reinterpret_cast<const char*>(list.data()), list.size());
  const bool good = names.front() != '\0' && names.back() == '\0' &&
                    names.find(std::string_view("\0\0", 2)) == std::string_view::npos;
  if (good) return;
  reporter_.report(RuleId::kR13, step.event, step.context, step.context->view.nodeid(), [&] {
    return text("LISTXATTR answered with ", quoted(names), ", which is no list of names that each end in NUL");
  });
}

void ReplyRules::check_lock(const ReplyStep& step) {
  const wire::FileLock lock = step.body->fixed<wire::LkOut>().lk;
  const bool range = lock.start <= kMaxOffset && lock.end <= kMaxOffset && lock.end >= lock.start;
  const bool held = lock.type == F_RDLCK || lock.type == F_WRLCK;
  if (lock.type == F_UNLCK || (held && range)) return;
  reporter_.report(RuleId::kR14, step.event, step.context, step.context->view.nodeid(), [&] {
    return text("GETLK answered with a lock of type ", lock.type, " from ", lock.start, " to ", lock.end);
  });
}

void ReplyRules::check_open_flags(const ReplyStep& step) {
  const auto out = step.body->fixed<wire::OpenOut>();
  if ((out.open_flags & kFopenPassthrough) == 0) return;
  // Older kernels do not know the flag.
  if (!stream_.init_answered() || stream_.kernel_minor() < kPassthroughMinor) return;
  std::string_view fault;
  if ((stream_.granted() & kInitPassthrough) == 0) {
    fault = "FOPEN_PASSTHROUGH, which INIT did not settle";
  } else if ((out.open_flags & ~kBesidePassthrough) != 0) {
    fault = "FOPEN_PASSTHROUGH beside flags that exclude it";
  } else if (out.backing_id <= 0) {
    fault = "FOPEN_PASSTHROUGH without a backing file";
  } else {
    return;
  }
  reporter_.report(RuleId::kR15, step.event, step.context, step.context->view.nodeid(),
                   [&] { return text(step.context->opcode, " answered with ", fault); });
}

void ReplyRules::check_init(const ReplyStep& step) {
  const auto say = [&](auto&&... parts) {
    reporter_.report(RuleId::kR17, step.event, step.context, 0, [&] { return text("INIT answered with ", parts...); });
  };
  if (step.taken() && step.header.error != 0) return say("error ", to_string(Errno(-step.header.error)));
  if (step.body == nullptr) return;
  const auto out = step.body->fixed<wire::InitOut>();
  if (out.major != kProtocolMajor) return say("major ", out.major);
  if (out.minor >= 5 && out.max_write < kMinMaxWrite) say("max_write ", out.max_write, ", which is below 4096");
  std::uint64_t flags = out.flags;
  if ((out.flags & kInitInitExt) != 0) flags |= std::uint64_t{out.flags2} << 32;
  for (std::uint64_t unasked = flags & ~stream_.offered(); unasked != 0; unasked &= unasked - 1) {
    const auto bit = static_cast<unsigned>(std::countr_zero(unasked));
    say("flag ", init_flag_name(bit).empty() ? text("bit ", bit) : std::string(init_flag_name(bit)),
        ", which the kernel did not offer");
  }
  if ((flags & stream_.offered() & kInitPassthrough) != 0 && !settles_passthrough(out)) {
    say("PASSTHROUGH with max_stack_depth ", out.max_stack_depth,
        (flags & kInitWritebackCache) != 0 ? " beside WRITEBACK_CACHE" : "", ", which the kernel does not take");
  }
}

void ReplyRules::finish(const Event& last_event) {
  if (!stream_.whole() || !stream_.unmounted()) return;
  std::vector<Seen> unanswered;
  const auto add = [&](const Seen& seen) {
    if (seen.untried && !may_wait_forever(seen.opcode)) unanswered.push_back(seen);
  };
  for (Seen& seen : history_) {
    add(seen);
    seen.untried = false;
  }
  untried_.for_each([&](std::uint64_t, const Seen& seen) { add(seen); });
  std::sort(unanswered.begin(), unanswered.end(), [](const Seen& a, const Seen& b) { return a.sequence < b.sequence; });
  for (const Seen& seen : unanswered) {
    RequestContext about;
    about.opcode = seen.opcode;
    about.unique = seen.unique;
    about.sequence = seen.sequence;
    reporter_.report(RuleId::kR1, last_event, &about, seen.nodeid,
                     [&] { return text(seen.opcode, " was never answered"); });
  }
  untried_.clear();
}

}  // namespace fusereplay

#include "rules/request_rules.h"

#include <algorithm>

#include "core/event/synthetic.h"
#include "core/protocol/dirent.h"
#include "core/protocol/flags.h"
#include "core/protocol/layout.h"
#include "rules/text.h"

namespace fusereplay {
namespace {

// A single page may be more than max_write, and max_pages counts pages; no architecture has larger ones.
constexpr std::uint64_t kLargestPage = 65536;
constexpr std::uint32_t kMinMaxWrite = 4096;
constexpr std::uint32_t kRename2Flags = 7;  // NOREPLACE, EXCHANGE, WHITEOUT

/// Sent before INIT is answered all the same (args.force), or never by a task of its own.
bool may_precede_init_reply(Opcode opcode) noexcept {
  return opcode == Opcode::kInit || opcode == Opcode::kCuseInit || opcode == Opcode::kDestroy ||
         opcode == Opcode::kForget || opcode == Opcode::kBatchForget || opcode == Opcode::kInterrupt;
}

/// True for a request whose caller certainly sleeps until the reply. READ and WRITE may be background ones. FLUSH is
/// left out: some kernels send it from a worker for a task that exits.
bool is_synchronous(Opcode opcode) noexcept {
  switch (opcode) {
    case Opcode::kRead:
    case Opcode::kWrite:
    case Opcode::kRelease:
    case Opcode::kReleasedir:
    case Opcode::kFlush:
    case Opcode::kInit:
    case Opcode::kCuseInit:
    case Opcode::kDestroy:
      return false;
    default:
      return expects_reply(opcode);
  }
}

}  // namespace

void RequestRules::reset() noexcept {
  last_ = {};
  waiting_.clear();
  last_unique_ = 0;
  last_queued_unique_ = 0;
  reader_known_ = false;
  several_readers_ = false;
}

void RequestRules::on_request(const RequestStep& step) {
  if (!stream_.up()) return;
  // What no kernel sent breaks no promise of a kernel.
  if (is_synthetic(step.context.unique)) return;
  check_first(step);
  check_unique(step);
  if (!step.context.known) {
    if (request_layout(step.context.opcode) != nullptr) {
      reporter_.report(RuleId::kK15, step.event, &step.context, 0,
                       [&] { return text("a malformed ", step.context.opcode); });
    }
    return;
  }
  check_task(step);
  switch (step.context.opcode) {
    case Opcode::kInterrupt:
      return check_interrupt(step);
    case Opcode::kRead:
    case Opcode::kWrite:
      return check_sizes(step);
    case Opcode::kRename2:
      check_rename(step);
      return check_names(step);
    default:
      return check_names(step);
  }
}

void RequestRules::check_first(const RequestStep& step) {
  if (stream_.init_answered() || may_precede_init_reply(step.context.opcode)) return;
  if (!stream_.init_seen()) {
    if (late_start_reported_) return;
    late_start_reported_ = true;
    reporter_.report(RuleId::kK1, step.event, &step.context, 0,
                     [&] { return text(step.context.opcode, " comes first, not INIT"); });
  } else if (stream_.whole()) {
    reporter_.report(RuleId::kK1, step.event, &step.context, 0,
                     [&] { return text(step.context.opcode, " comes before the reply to INIT"); });
  }
}

void RequestRules::check_unique(const RequestStep& step) {
  const Opcode opcode = step.context.opcode;
  // NOTIFY_REPLY carries a number that the filesystem chose.
  if (opcode == Opcode::kInterrupt || opcode == Opcode::kNotifyReply || step.resent()) return;
  const std::uint64_t unique = step.context.unique;
  if ((unique & kUniqueInterruptBit) != 0) {
    reporter_.report(RuleId::kK2, step.event, &step.context, 0,
                     [&] { return text(opcode, " has the odd unique ", unique); });
  }
  // Two threads may number their reads in the other order than the kernel made them.
  if (!reader_known_) {
    reader_known_ = true;
    reader_thread_ = step.event.thread;
  } else if (step.event.thread != reader_thread_) {
    several_readers_ = true;
  }
  // A forget is numbered when it is read, so requests that were queued before it carry lower numbers than it does.
  const bool forget = opcode == Opcode::kForget || opcode == Opcode::kBatchForget;
  const std::uint64_t before = forget ? last_unique_ : last_queued_unique_;
  if (!several_readers_ && unique <= before) {
    reporter_.report(RuleId::kK2, step.event, &step.context, 0,
                     [&] { return text(opcode, " with unique ", unique, " was read after unique ", before); });
  }
  last_unique_ = std::max(last_unique_, unique);
  if (!forget) last_queued_unique_ = std::max(last_queued_unique_, unique);
}

void RequestRules::check_interrupt(const RequestStep& step) {
  const std::uint64_t target = step.context.view.fixed<wire::InterruptIn>().unique;
  if (step.context.unique == (target | kUniqueInterruptBit) && (target & kUniqueInterruptBit) == 0) return;
  reporter_.report(RuleId::kK3, step.event, &step.context, 0, [&] {
    return text("INTERRUPT with unique ", step.context.unique, " names the request with unique ", target);
  });
}

void RequestRules::check_task(const RequestStep& step) {
  // Pid 0: a task outside the pid namespace of the mount, as many others may be.
  const std::uint32_t pid = step.context.view.header().pid;
  if (pid == 0 || !is_synchronous(step.context.opcode)) return;
  if (last_.unique != 0 && last_.pid != pid) waiting_[last_.pid] = last_;
  const Waiting before = last_.pid == pid ? last_ : take_waiting(pid);
  if (before.unique != 0 && !step.resent() && stream_.judges_history()) {
    reporter_.report(RuleId::kK9, step.event, &step.context, 0, [&] {
      return text(step.context.opcode, " from task ", pid, ", which waits for its ", before.opcode, " with unique ",
                  before.unique, " (#", before.sequence, ")");
    });
  }
  last_ = {.unique = step.context.unique, .sequence = step.context.sequence, .pid = pid, .opcode = step.context.opcode};
}

RequestRules::Waiting RequestRules::take_waiting(std::uint32_t pid) noexcept {
  const Waiting* const found = waiting_.size() == 0 ? nullptr : waiting_.find(pid);
  if (found == nullptr) return {};
  const Waiting waiting = *found;
  waiting_.erase(pid);
  return waiting;
}

void RequestRules::on_reply(const ReplyStep& step) {
  if (!step.ended || step.context == nullptr || !step.context->known) return;
  const std::uint32_t pid = step.context->view.header().pid;
  if (pid == 0 || !is_synchronous(step.context->opcode)) return;
  if (last_.pid == pid) {
    if (last_.unique == step.context->unique) last_.unique = 0;
    return;
  }
  if (waiting_.size() == 0) return;
  const Waiting* waiting = waiting_.find(pid);
  if (waiting != nullptr && waiting->unique == step.context->unique) waiting_.erase(pid);
}

void RequestRules::check_sizes(const RequestStep& step) {
  if (!stream_.init_answered()) return;
  std::uint64_t size = 0;
  std::uint64_t limit = 0;
  if (step.context.opcode == Opcode::kWrite) {
    const auto in = step.context.view.fixed<wire::WriteIn>();
    size = in.size;
    limit =
        std::max<std::uint64_t>(stream_.max_write(), (in.write_flags & kWriteCache) != 0 ? kLargestPage : kMinMaxWrite);
  } else {
    size = step.context.view.fixed<wire::ReadIn>().size;
    limit = stream_.max_pages() * kLargestPage;
  }
  if (size <= limit) return;
  reporter_.report(RuleId::kK15, step.event, &step.context, step.context.view.nodeid(), [&] {
    return text(step.context.opcode, " of ", size, " bytes, where at most ", limit, " were negotiated");
  });
}

void RequestRules::check_names(const RequestStep& step) {
  const Opcode opcode = step.context.opcode;
  const std::size_t names = entry_name_count(opcode);
  for (std::size_t i = 0; i < names; ++i) {
    const std::string_view name = step.context.view.name(i);
    const bool exported =
        opcode == Opcode::kLookup && (!stream_.init_answered() || (stream_.granted() & kInitExportSupport) != 0);
    if (valid_name(name) && (!is_dot_name(name) || exported)) continue;
    reporter_.report(RuleId::kK15, step.event, &step.context, step.context.view.nodeid(),
                     [&] { return text(opcode, " with the name ", quoted(name)); });
  }
}

void RequestRules::check_rename(const RequestStep& step) {
  const std::uint32_t flags = step.context.view.fixed<wire::Rename2In>().flags;
  if (flags != 0 && (flags & ~kRename2Flags) == 0) return;
  reporter_.report(RuleId::kK19, step.event, &step.context, step.context.view.nodeid(),
                   [&] { return text("RENAME2 with flags ", flags); });
}

}  // namespace fusereplay

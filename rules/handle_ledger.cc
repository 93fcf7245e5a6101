#include "rules/handle_ledger.h"

#include <cerrno>

#include "rules/entry_check.h"
#include "rules/text.h"

namespace fusereplay {
namespace {

bool is_release(Opcode opcode) noexcept {
  return opcode == Opcode::kRelease || opcode == Opcode::kReleasedir;
}

bool is_open(Opcode opcode) noexcept {
  return opcode == Opcode::kOpen || opcode == Opcode::kOpendir;
}

}  // namespace

HandleLedger::HandleLedger(Reporter& reporter, const StreamState& stream) : reporter_(reporter), stream_(stream) {}

void HandleLedger::reset() noexcept {
  handles_.clear();
  open_count_ = 0;
  zero_is_open_ = false;
}

std::uint64_t HandleLedger::opens(std::uint64_t nodeid, std::uint64_t fh) const noexcept {
  const Handle* handle = handles_.find(IdPair{nodeid, fh});
  return handle == nullptr ? 0 : handle->opens;
}

void HandleLedger::on_request(const RequestStep& step) {
  // A request sent again uses, or releases, what its first sending did.
  if (!stream_.up() || !step.context.known || step.resent()) return;
  ids_.for_each_handle(step.context, [&](const IdPair& key) {
    if (is_release(step.context.opcode)) {
      release(step, key);
    } else {
      use(step, key);
    }
  });
}

void HandleLedger::use(const RequestStep& step, const IdPair& key) {
  Handle* handle = handles_.find(key);
  if (handle != nullptr) ++(step.context.opcode == Opcode::kFlush ? handle->flushes : handle->busy);
  const bool open = (handle != nullptr && handle->opens != 0) || (key.second == 0 && zero_is_open_);
  if (!open && stream_.judges_history()) {
    reporter_.report(RuleId::kK10, step.event, &step.context, key.first, [&] {
      return text(step.context.opcode, " with fh ", key.second, " of nodeid ", key.first, ", which is not open");
    });
  }
}

void HandleLedger::release(const RequestStep& step, const IdPair& key) {
  Handle* handle = handles_.find(key);
  if (handle == nullptr || handle->opens == 0) {
    if (!stream_.judges_history()) return;
    reporter_.report(RuleId::kK11, step.event, &step.context, key.first, [&] {
      return text(step.context.opcode, " of fh ", key.second, " of nodeid ", key.first,
                  ", which is not open or was released already");
    });
    return;
  }
  --open_count_;
  if (--handle->opens != 0) return;
  if (handle->flushes != 0 && stream_.judges_history()) {
    reporter_.report(RuleId::kK12, step.event, &step.context, key.first, [&] {
      return text(step.context.opcode, " of fh ", key.second, " of nodeid ", key.first, " while ", handle->flushes,
                  " FLUSH of it outstanding");
    });
  }
  if (handle->busy != 0 && stream_.judges_history()) {
    reporter_.report(RuleId::kK10, step.event, &step.context, key.first, [&] {
      return text(step.context.opcode, " of fh ", key.second, " of nodeid ", key.first, " while ", handle->busy,
                  " requests with it are outstanding");
    });
  }
  if (handle->idle()) handles_.erase(key);
}

void HandleLedger::let_go(Opcode opcode, const IdPair& key) noexcept {
  Handle* handle = handles_.find(key);
  if (handle == nullptr) return;
  std::uint32_t& users = opcode == Opcode::kFlush ? handle->flushes : handle->busy;
  if (users != 0) --users;
  if (handle->idle()) handles_.erase(key);
}

void HandleLedger::opened(std::uint64_t nodeid, std::uint64_t fh) {
  ++handles_[IdPair{nodeid, fh}].opens;
  ++open_count_;
}

void HandleLedger::on_reply(const ReplyStep& step) {
  if (step.context == nullptr || !step.context->known || !stream_.up()) return;
  const RequestContext& request = *step.context;
  if (is_open(request.opcode)) {
    if (step.taken() && step.header.error == -ENOSYS) zero_is_open_ = true;
    if (step.body != nullptr) opened(request.view.nodeid(), step.body->fixed<wire::OpenOut>().fh);
  } else if (creates_open(request.opcode)) {
    if (step.body == nullptr) return;
    // A rejected entry opens nothing: no RELEASE will follow (fs/fuse/dir.c fuse_create_open).
    const auto entry = step.body->fixed<wire::EntryOut>();
    if (check_entry(request, entry, 0) == EntryFault::kNone) {
      opened(entry.nodeid, step.body->fixed<wire::OpenOut>().fh);
    }
  } else if (step.ended && !is_release(request.opcode)) {
    ids_.for_each_handle(request, [&](const IdPair& key) { let_go(request.opcode, key); });
  }
}

}  // namespace fusereplay

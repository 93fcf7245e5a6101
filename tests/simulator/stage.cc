#include "tests/simulator/stage.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "core/protocol/builder.h"
#include "core/protocol/flags.h"
#include "core/protocol/view.h"

namespace fusereplay::testing {
namespace {

Opcode opcode_named(const std::string& name) {
  for (const Opcode opcode : all_opcodes()) {
    if (opcode_name(opcode) == name) return opcode;
  }
  throw std::runtime_error("no such opcode: " + name);
}

Bytes bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

void StepLog::on_event(const Event& event) {
  if (event.kind != EventKind::kRequest) return;
  const auto request = RequestView::parse(event.message);
  if (!request) return;
  const std::lock_guard lock(mutex_);
  ++count_;
  const Opcode opcode = request->opcode();
  if (opcode == Opcode::kForget || opcode == Opcode::kBatchForget || opcode == Opcode::kInit) return;
  std::string line(opcode_name(opcode));
  if (opcode == Opcode::kInterrupt) {
    line += " of " + opcodes_[request->fixed<wire::InterruptIn>().unique];
  } else {
    opcodes_[request->unique()] = line;
    if ((request->unique() & kUniqueResendBit) != 0) line += " again";
    line += " " + std::to_string(request->nodeid());
    for (std::size_t i = 0; i < request->layout().names; ++i) line += " " + std::string(request->name(i));
  }
  requests_.push_back(std::move(line));
}

std::string StepLog::take() {
  const std::lock_guard lock(mutex_);
  std::sort(requests_.begin(), requests_.end());
  std::string all;
  for (const std::string& request : requests_) all += (all.empty() ? "" : ", ") + request;
  requests_.clear();
  return all;
}

std::uint64_t StepLog::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

std::vector<std::byte> make_notification(const Call& step) {
  const std::string& what = step.arguments.at(0);
  const auto number = [&step](std::size_t index) { return static_cast<std::uint64_t>(step.number(index)); };
  MessageBuilder message;
  const auto entry = [&](std::uint32_t flags) {
    const std::string name = step.text(2);
    message.start_notification(NotifyCode::kInvalEntry)
        .add(wire::NotifyInvalEntryOut{
            .parent = number(1), .namelen = static_cast<std::uint32_t>(name.size()), .flags = flags})
        .name(name);
  };
  if (what == "inval_entry") {
    entry(0);
  } else if (what == "expire") {
    entry(kExpireOnly);
  } else if (what == "inval_inode") {
    message.start_notification(NotifyCode::kInvalInode)
        .add(wire::NotifyInvalInodeOut{.ino = number(1), .off = step.number(2), .len = step.number(3)});
  } else if (what == "delete") {
    const std::string name = step.text(3);
    message.start_notification(NotifyCode::kDelete)
        .add(wire::NotifyDeleteOut{
            .parent = number(1), .child = number(2), .namelen = static_cast<std::uint32_t>(name.size()), .padding = 0})
        .name(name);
  } else if (what == "store") {
    const std::string data = step.data(3);
    message.start_notification(NotifyCode::kStore)
        .add(wire::NotifyStoreOut{
            .nodeid = number(1), .offset = number(2), .size = static_cast<std::uint32_t>(data.size()), .padding = 0})
        .bytes(bytes(data));
  } else if (what == "retrieve") {
    message.start_notification(NotifyCode::kRetrieve)
        .add(wire::NotifyRetrieveOut{.notify_unique = 77,
                                     .nodeid = number(1),
                                     .offset = number(2),
                                     .size = static_cast<std::uint32_t>(number(3)),
                                     .padding = 0});
  } else if (what == "prune") {
    const std::uint64_t nodeid = number(1);
    message.start_notification(NotifyCode::kPrune)
        .add(wire::NotifyPruneOut{.count = 1, .padding = 0, .spare = 0})
        .bytes(std::as_bytes(std::span(&nodeid, 1)));
  } else if (what == "epoch") {
    message.start_notification(NotifyCode::kIncEpoch);
  } else if (what == "resend") {
    message.start_notification(NotifyCode::kResend);
  } else {
    throw std::runtime_error("no such notification: " + what);
  }
  const Bytes finished = message.finish();
  return {finished.begin(), finished.end()};
}

std::string Stage::run(const Call& step) {
  if (step.name == "free") {
    Call freed;
    freed.name = step.arguments.at(0);
    freed.arguments.assign(step.arguments.begin() + 1, step.arguments.end());
    const std::string shown = perform(freed);
    static_cast<void>(log_.take());
    return shown == "waits" ? shown : "over";
  }
  std::string shown = perform(step);
  const std::string requests = log_.take();
  return requests.empty() ? shown : shown + " | " + requests;
}

std::string Stage::perform(const Call& step) {
  if (std::isdigit(static_cast<unsigned char>(step.name[0])) != 0) {
    const std::size_t process = std::stoul(step.name);
    if (!step.arguments.empty()) {
      Call call;
      call.name = step.arguments[0];
      call.arguments.assign(step.arguments.begin() + 1, step.arguments.end());
      start(process, call);
    }
    settle();
    return result(process).value_or("waits");
  }
  if (step.name == "hold") {
    hold(opcode_named(step.text(0)));
    return "ok";
  }
  if (step.name == "let_go") {
    let_go(opcode_named(step.text(0)));
  } else if (step.name == "signal") {
    signal(static_cast<std::size_t>(step.number(0)));
  } else if (step.name == "kill") {
    kill(static_cast<std::size_t>(step.number(0)));
  } else if (step.name == "notify") {
    notify(make_notification(step));
    settle();
    return told().value_or("waits");
  } else if (step.name == "told") {
    settle();
    return told().value_or("waits");
  } else {
    throw std::runtime_error("no such step: " + step.name);
  }
  settle();
  return "ok";
}

}  // namespace fusereplay::testing

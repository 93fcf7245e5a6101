#include "tests/simulator/spoilt_server.h"

#include <gtest/gtest.h>

#include "core/protocol/opcode.h"
#include "core/protocol/view.h"
#include "core/result.h"

namespace fusereplay::testing {

std::size_t SpoiltReply::record(DirentKind kind, std::string_view name) const {
  DirentReader records(kind, Bytes(bytes).subspan(sizeof(wire::OutHeader)));
  std::size_t at = 0;
  while (const auto record = records.next()) {
    if (record->name == name) return at;
    at += record->size;
  }
  ADD_FAILURE() << "the listing has no " << name;
  return 0;
}

void SpoiltReply::set_length() {
  if (keeps_length) return;
  header([&](wire::OutHeader& header) { header.len = static_cast<std::uint32_t>(bytes.size()); });
}

std::int64_t SpoiltReply::send() {
  set_length();
  return send_(bytes);
}

std::int64_t SpoiltReply::send_elsewhere() {
  set_length();
  return send_elsewhere_(bytes);
}

std::int64_t SpoiltReply::send_good() {
  return send_(good_);
}

bool SpoiltServer::spoils(Opcode opcode, std::string_view name) {
  if (!armed_ && opcode != Opcode::kInit) return false;
  const bool forgets = opcode == Opcode::kBatchForget && spoil_.opcode == Opcode::kForget;
  if (spoil_.how == nullptr || (opcode != spoil_.opcode && !forgets)) return false;
  return spoil_.name.empty() || spoil_.name == name;
}

void SpoiltServer::handle(IncomingRequest request, ReplyChannel& replies) {
  replies_ = &replies;
  const auto view = RequestView::parse(request.bytes);
  ASSERT_TRUE(view) << describe(view.error());
  const std::string name(view->layout().names > 0 ? view->name(0) : std::string_view());
  if (view->opcode() == Opcode::kLookup && name == ".begins") armed_ = true;
  Asked asked{.opcode = view->opcode(), .spoils = spoils(view->opcode(), name)};
  if (view->opcode() == Opcode::kRelease || view->opcode() == Opcode::kReleasedir) --handles_;
  if (view->opcode() == Opcode::kForget) {
    lookups_[view->nodeid()] -= static_cast<std::int64_t>(view->fixed<wire::ForgetIn>().nlookup);
  } else if (view->opcode() == Opcode::kBatchForget) {
    ForgetReader reader(view->tail());
    while (const auto one = reader.next()) lookups_[one->nodeid] -= static_cast<std::int64_t>(one->nlookup);
  }
  const std::uint64_t unique = view->unique();
  const bool answered = expects_reply(asked.opcode);
  if (answered) asked_[unique] = asked;
  server_->handle(std::move(request), *this);
  if (answered || !asked.spoils) return;
  SpoiltReply reply = spoilable(std::vector<std::byte>(sizeof(wire::OutHeader)));
  reply.header([&](wire::OutHeader& header) { header.unique = unique; });
  if (spoil_.times == Spoil::Times::kOnce) spoil_.opcode = Opcode{};
  spoil_.how(reply);
}

std::int64_t SpoiltServer::keep(std::int64_t result) {
  if (!written_.empty()) written_ += ' ';
  written_ += result < 0 ? to_string(Errno(static_cast<int>(-result))) : "ok";
  return result;
}

SpoiltReply SpoiltServer::spoilable(std::vector<std::byte> bytes) {
  return SpoiltReply(
      std::move(bytes), [this](Bytes spoilt) { return keep(replies_->send({.head = spoilt, .tail = {}})); },
      [this](Bytes spoilt) { return keep(elsewhere_(spoilt)); });
}

std::int64_t SpoiltServer::send(const Message& message) {
  const auto header = read_out_header(message);
  const auto found = header ? asked_.find(header->unique) : asked_.end();
  if (found == asked_.end()) return replies_->send(message);
  const Asked asked = found->second;
  asked_.erase(found);
  std::vector<std::byte> bytes(message.head.begin(), message.head.end());
  bytes.insert(bytes.end(), message.tail.begin(), message.tail.end());
  const std::vector<std::byte> meant(bytes.begin() + sizeof(wire::OutHeader), bytes.end());
  std::int64_t result = 0;
  const bool counts = header->error == 0 || spoil_.of == Spoil::Of::kAny;
  if (asked.spoils && counts && spoils(asked.opcode, spoil_.name)) {
    SpoiltReply reply = spoilable(std::move(bytes));
    if (spoil_.times == Spoil::Times::kOnce) spoil_.opcode = Opcode{};
    result = spoil_.how(reply);
  } else {
    result = replies_->send(message);
  }
  if (result >= 0 && header->error == 0) count(asked.opcode, meant);
  return result;
}

void SpoiltServer::count(Opcode opcode, Bytes body) {
  if (opcode == Opcode::kOpen || opcode == Opcode::kOpendir || creates_open(opcode)) ++handles_;
  if (answers_with_entry(opcode)) {
    wire::EntryOut entry;
    std::memcpy(&entry, body.data(), sizeof(entry));
    if (entry.nodeid != 0) ++lookups_[entry.nodeid];
  } else if (opcode == Opcode::kReaddirplus) {
    DirentReader records(DirentKind::kPlus, body);
    while (const auto record = records.next()) {
      if (record->entry.nodeid != 0 && !is_dot_name(record->name)) ++lookups_[record->entry.nodeid];
    }
  }
}

std::string SpoiltServer::left() const {
  std::string text;
  const auto add = [&](const std::string& what, std::int64_t count) {
    if (count != 0) text += (text.empty() ? "" : " ") + what + ":" + std::to_string(count);
  };
  for (const auto& [nodeid, count] : lookups_) add(std::to_string(nodeid), count);
  add("handles", handles_);
  return text;
}

}  // namespace fusereplay::testing

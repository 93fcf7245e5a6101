// Hostile bytes: whatever stands in a message, reading it stays inside it. Messages lie in heap blocks of their exact
// size, so that the address sanitizer sees one byte too far.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/protocol/builder.h"
#include "core/protocol/dirent.h"
#include "core/protocol/extension.h"
#include "core/protocol/reply_check.h"
#include "core/protocol/view.h"
#include "tests/support/message_generator.h"

namespace fusereplay {
namespace {

using test::MessageGenerator;
using test::OwnedMessage;

/// Reads all of the bytes; the result keeps the reads from being left out.
unsigned touch(Bytes bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += static_cast<unsigned>(byte);
  return sum;
}

void expect_inside(Bytes part, Bytes whole) {
  if (part.empty()) return;
  EXPECT_GE(part.data(), whole.data());
  EXPECT_LE(part.data() + part.size(), whole.data() + whole.size());
}

/// Everything a view gives lies in the message and adds up to its body.
unsigned read_all(const BodyView& view, Bytes whole, std::size_t header_size) {
  unsigned sum = touch(view.fixed_bytes()) + touch(view.tail()) + touch(view.extensions());
  std::size_t size = header_size + view.fixed_bytes().size() + view.tail().size() + view.extensions().size();
  expect_inside(view.fixed_bytes(), whole);
  expect_inside(view.tail(), whole);
  expect_inside(view.extensions(), whole);
  for (std::size_t i = 0; i < view.layout().names; ++i) {
    const Bytes name = std::as_bytes(std::span(view.name(i)));
    expect_inside(name, whole);
    sum += touch(name);
    size += name.size() + 1;
  }
  EXPECT_EQ(size, whole.size());
  for (const DirentKind kind : {DirentKind::kPlain, DirentKind::kPlus}) {
    DirentReader reader(kind, view.tail());
    std::size_t records = 0;
    while (const auto record = reader.next()) {
      sum += touch(std::as_bytes(std::span(record->name)));
      records += record->size;
    }
    EXPECT_EQ(records + reader.rest().size(), view.tail().size());
  }
  if (const auto extensions = parse_extensions(view.extensions())) {
    for (const SecurityContext& context : extensions->security_contexts) sum += touch(context.value);
  }
  return sum;
}

class Corruption : public ::testing::Test {
 protected:
  /// Reads `bytes` as everything they might be.
  void read(const OwnedMessage& bytes, Opcode opcode) {
    const auto block = std::make_unique<std::byte[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), block.get());
    const Bytes whole(block.get(), bytes.size());
    const Message message{.head = whole, .tail = {}};
    const auto request = RequestView::parse(whole);
    if (request) {
      sum_ += read_all(*request, whole, sizeof(wire::InHeader));
      sum_ += static_cast<unsigned>(max_reply_tail(*request)) + asks_size(*request);
      ++parsed_;
    }
    for (const bool asks_size : {false, true}) {
      if (const auto reply = ReplyView::parse(message, opcode, asks_size)) {
        sum_ += read_all(*reply, whole, sizeof(wire::OutHeader));
        ++parsed_;
      }
    }
    if (const auto notification = NotificationView::parse(message)) {
      sum_ += read_all(*notification, whole, sizeof(wire::OutHeader));
      ++parsed_;
    }
    const ReplyVerdict verdict = reply_check(request ? &*request : nullptr, message);
    EXPECT_EQ(verdict.write_result < 0, !verdict.rule.empty());
    if (const auto extensions = parse_extensions(whole)) sum_ += extensions->has_security_block;
  }

  unsigned sum_ = 0;
  std::size_t parsed_ = 0;
};

TEST_F(Corruption, MutatedMessagesNeverLeadOutsideThemselves) {
  MessageGenerator generate(5, 300);
  constexpr int kRounds = 33'334;  // of three messages each: more than 100,000
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    const Opcode opcode = generate.pick_opcode();
    const OwnedMessage request = generate.request(opcode);
    read(generate.mutated(request), opcode);
    const auto view = RequestView::parse(request);
    ASSERT_TRUE(view);
    read(generate.mutated(expects_reply(opcode) ? generate.reply(*view) : generate.unknown_request()), opcode);
    read(generate.mutated(generate.notification()), opcode);
  }
  EXPECT_GT(parsed_, 10'000U) << "mutations should leave many messages readable, and change what stands in them";
}

TEST_F(Corruption, EveryTruncationOfEveryMessageIsReadSafely) {
  MessageGenerator generate(6, 40);
  for (const Opcode opcode : all_opcodes()) {
    const OwnedMessage request = generate.request(opcode);
    for (std::size_t size = 0; size <= request.size(); ++size) {
      OwnedMessage cut(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(size));
      read(cut, opcode);
      if (size < sizeof(std::uint32_t)) continue;
      const auto length = static_cast<std::uint32_t>(size);
      std::memcpy(cut.data(), &length, sizeof(length));
      read(cut, opcode);
    }
  }
}

TEST_F(Corruption, RandomBytesAreReadSafely) {
  MessageGenerator generate(7);
  for (int i = 0; i < 5000; ++i) read(generate.data(generate.below(200)), generate.pick_opcode());
}

}  // namespace
}  // namespace fusereplay

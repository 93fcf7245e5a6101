// Reference 3.1, row by row.
#include "core/protocol/reply_check.h"

#include <gtest/gtest.h>
#include <linux/fs.h>

#include <cerrno>
#include <cstring>

#include "core/protocol/builder.h"
#include "tests/support/message_generator.h"

namespace fusereplay {
namespace {

using test::MessageGenerator;
using test::OwnedMessage;

class ReplyCheck : public ::testing::Test {
 protected:
  /// Makes the outstanding request; unique 8.
  template <class... Structs>
  void request(Opcode opcode, std::string_view name, const Structs&... structs) {
    wire::InHeader header{};
    header.unique = 8;
    request_builder_.start_request(opcode, header);
    (request_builder_.add(structs), ...);
    if (!name.empty()) request_builder_.name(name);
    const auto view = RequestView::parse(request_builder_.finish());
    ASSERT_TRUE(view);
    request_ = *view;
  }

  /// What becomes of a reply with `payload` bytes.
  ReplyVerdict reply(std::int32_t error, std::size_t payload, std::uint64_t unique = 8) {
    const std::vector<std::byte> bytes(payload);
    reply_builder_.start_reply(unique, error).bytes(bytes);
    return reply_check(&request_, {.head = reply_builder_.finish(), .tail = {}});
  }

  void expect(const ReplyVerdict& verdict, std::int64_t result, ReplyEffect effect, std::string_view rule) {
    EXPECT_EQ(verdict.write_result, result);
    EXPECT_EQ(verdict.effect, effect);
    EXPECT_EQ(verdict.rule, rule);
    EXPECT_EQ(verdict.reason.empty(), rule.empty());
  }

  /// Payloads of `least` to `most` bytes are accepted; one less and one more end the request with EIO.
  void expect_payload(std::size_t least, std::size_t most) {
    for (const std::size_t size : {least, most}) {
      expect(reply(0, size), static_cast<std::int64_t>(16 + size), ReplyEffect::kAccepted, "");
    }
    if (least > 0) expect(reply(0, least - 1), -EINVAL, ReplyEffect::kCompletedWithEio, "R3");
    expect(reply(0, most + 1), -EINVAL, ReplyEffect::kCompletedWithEio, "R3");
  }

  MessageBuilder request_builder_;
  MessageBuilder reply_builder_;
  RequestView request_;
};

TEST_F(ReplyCheck, LessThanAHeaderLeavesTheRequestOutstanding) {
  request(Opcode::kLookup, "a");
  const std::vector<std::byte> bytes(15);
  for (std::size_t size = 0; size < 16; ++size) {
    expect(reply_check(&request_, {.head = Bytes(bytes).first(size), .tail = {}}), -EINVAL, ReplyEffect::kOutstanding,
           "R2");
  }
}

TEST_F(ReplyCheck, AWrongLengthLeavesTheRequestOutstanding) {
  request(Opcode::kUnlink, "a");
  const Bytes whole = reply_builder_.start_reply(8, 0).finish();
  OwnedMessage longer(whole.begin(), whole.end());
  longer.resize(24);
  expect(reply_check(&request_, {.head = longer, .tail = {}}), -EINVAL, ReplyEffect::kOutstanding, "R2");
}

TEST_F(ReplyCheck, ErrorsOutsideTheRangeLeaveTheRequestOutstanding) {
  request(Opcode::kLookup, "a");
  for (const std::int32_t error : {1, 2, 511, 4095, -512, -513, -4095, std::numeric_limits<std::int32_t>::min(),
                                   std::numeric_limits<std::int32_t>::max()}) {
    expect(reply(error, 0), -EINVAL, ReplyEffect::kOutstanding, "R2");
  }
  for (const std::int32_t error : {-1, -2, -38, -511}) expect(reply(error, 0), 16, ReplyEffect::kAccepted, "");
}

TEST_F(ReplyCheck, AReplyWithoutItsRequestIsRefused) {
  request(Opcode::kUnlink, "a");
  const Bytes bytes = reply_builder_.start_reply(8, 0).finish();
  expect(reply_check(nullptr, {.head = bytes, .tail = {}}), -ENOENT, ReplyEffect::kUnknown, "R1");
  expect(reply(0, 0, 10), -ENOENT, ReplyEffect::kUnknown, "R1");
  expect(reply(0, 0, 8 | kUniqueResendBit), -ENOENT, ReplyEffect::kUnknown, "R1");
}

TEST_F(ReplyCheck, TheHeaderIsJudgedBeforeTheRequestIsLookedFor) {
  const Bytes bytes = reply_builder_.start_reply(8, 5).finish();
  expect(reply_check(nullptr, {.head = bytes, .tail = {}}), -EINVAL, ReplyEffect::kOutstanding, "R2");
}

TEST_F(ReplyCheck, RequestsWithoutAReplyTakeNone) {
  MessageGenerator generate(1);
  for (const Opcode opcode : {Opcode::kForget, Opcode::kBatchForget, Opcode::kNotifyReply}) {
    const OwnedMessage bytes = generate.request(opcode);
    const auto view = RequestView::parse(bytes);
    ASSERT_TRUE(view);
    const Bytes answer = reply_builder_.start_reply(view->unique(), -ENOSYS).finish();
    expect(reply_check(&*view, {.head = answer, .tail = {}}), -ENOENT, ReplyEffect::kUnknown, "R1");
  }
}

TEST_F(ReplyCheck, TheReplyToAnInterruptIsAHeaderAndLeavesTheTargetOutstanding) {
  request(Opcode::kSetlkw, "", wire::LkIn{});
  for (const std::int32_t error : {-EAGAIN, -ENOSYS, 0}) {
    expect(reply(error, 0, 9), 16, ReplyEffect::kOutstanding, "");
  }
  expect(reply(0, 8, 9), -EINVAL, ReplyEffect::kOutstanding, "R20");
  expect(reply(-EAGAIN, 1, 9), -EINVAL, ReplyEffect::kOutstanding, "R20");
  const Bytes late = reply_builder_.start_reply(9, -EAGAIN).finish();
  expect(reply_check(nullptr, {.head = late, .tail = {}}), -ENOENT, ReplyEffect::kUnknown, "R1");

  MessageBuilder builder;
  wire::InHeader header{};
  header.unique = 9;
  const auto interrupt = RequestView::parse(
      builder.start_request(Opcode::kInterrupt, header).add(wire::InterruptIn{.unique = 8}).finish());
  ASSERT_TRUE(interrupt);
  const Bytes answer = reply_builder_.start_reply(9, -EAGAIN).finish();
  expect(reply_check(&*interrupt, {.head = answer, .tail = {}}), 16, ReplyEffect::kOutstanding, "");
}

TEST_F(ReplyCheck, AnErrorWithAPayloadEndsTheRequestWithEio) {
  request(Opcode::kLookup, "a");
  expect(reply(-ENOENT, 128), -EINVAL, ReplyEffect::kCompletedWithEio, "R3");
  expect(reply(-ENOENT, 1), -EINVAL, ReplyEffect::kCompletedWithEio, "R3");
}

TEST_F(ReplyCheck, APayloadOfFixedSizeIsExact) {
  request(Opcode::kLookup, "a");
  expect_payload(128, 128);
  request(Opcode::kUnlink, "a");
  expect_payload(0, 0);
  request(Opcode::kCreate, "a", wire::CreateIn{});
  expect_payload(144, 144);
  request(Opcode::kWrite, "", wire::WriteIn{});
  expect_payload(8, 8);
  request(Opcode::kStatx, "", wire::StatxIn{});
  expect_payload(288, 288);
  request(Opcode::kGetxattr, "user.a", wire::GetxattrIn{.size = 0, .padding = 0});
  expect_payload(8, 8);
  request(Opcode::kListxattr, "", wire::GetxattrIn{.size = 0, .padding = 0});
  expect_payload(8, 8);
}

TEST_F(ReplyCheck, APayloadOfVariableSizeMayBeShorterButNotLonger) {
  wire::ReadIn read{};
  read.size = 100;
  for (const Opcode opcode : {Opcode::kRead, Opcode::kReaddir, Opcode::kReaddirplus}) {
    request(opcode, "", read);
    expect_payload(0, 100);
  }
  request(Opcode::kReadlink, "");
  expect_payload(0, 4095);
  request(Opcode::kGetxattr, "user.a", wire::GetxattrIn{.size = 20, .padding = 0});
  expect_payload(0, 20);
  request(Opcode::kListxattr, "", wire::GetxattrIn{.size = 20, .padding = 0});
  expect_payload(0, 20);
  request(Opcode::kInit, "", wire::InitIn{});
  expect_payload(0, 64);
  request(Opcode::kCuseInit, "", wire::CuseInitIn{});
  expect_payload(72, 72 + 4096);
}

TEST_F(ReplyCheck, IoctlHasItsStructInFullAndAtLeastAPageOfData) {
  wire::IoctlIn ioctl{};
  request(Opcode::kIoctl, "", ioctl);
  expect_payload(16, 16 + 4096);
  ioctl.out_size = 5000;
  request(Opcode::kIoctl, "", ioctl);
  expect_payload(16, 16 + 5000);
}

TEST_F(ReplyCheck, WhatTheKernelAsksOfAFilesFlagsComesWhole) {
  wire::IoctlIn ioctl{};
  ioctl.cmd = FS_IOC_GETFLAGS;
  ioctl.out_size = 4;
  request(Opcode::kIoctl, "", ioctl);
  expect_payload(20, 20);
  ioctl.cmd = FS_IOC_FSSETXATTR;
  ioctl.out_size = 0;
  request(Opcode::kIoctl, "", ioctl);
  expect_payload(16, 16);
  ioctl.arg = 0x7fff1234;  // of a caller, before Linux 5.13
  request(Opcode::kIoctl, "", ioctl);
  expect_payload(16, 16 + 4096);
}

TEST_F(ReplyCheck, ATailCountsAsPayload) {
  wire::ReadIn read{};
  read.size = 100;
  request(Opcode::kRead, "", read);
  const std::vector<std::byte> data(101);
  ReplyBuilder builder;
  builder.start(8, 0);
  builder.tail(Bytes(data).first(100), nullptr);
  expect(reply_check(&request_, builder.finish()), 116, ReplyEffect::kAccepted, "");
  builder.start(8, 0);
  builder.tail(data, nullptr);
  expect(reply_check(&request_, builder.finish()), -EINVAL, ReplyEffect::kCompletedWithEio, "R3");
}

TEST_F(ReplyCheck, ANotificationIsJudgedByItsForm) {
  MessageGenerator generate(2);
  for (const NotifyCode code : all_notify_codes()) {
    const OwnedMessage bytes = generate.notification(code);
    expect(reply_check(nullptr, {.head = bytes, .tail = {}}), static_cast<std::int64_t>(bytes.size()),
           ReplyEffect::kUnknown, "");
  }
  const Bytes unknown = reply_builder_.start_reply(0, 10).finish();
  expect(reply_check(nullptr, {.head = unknown, .tail = {}}), -EINVAL, ReplyEffect::kUnknown, "R16");
  const Bytes no_code = reply_builder_.start_reply(0, 0).finish();
  expect(reply_check(nullptr, {.head = no_code, .tail = {}}), -EINVAL, ReplyEffect::kUnknown, "R16");
}

TEST_F(ReplyCheck, EveryGeneratedReplyIsAccepted) {
  MessageGenerator generate(3);
  for (const Opcode opcode : all_opcodes()) {
    if (!expects_reply(opcode)) continue;
    for (int i = 0; i < 50; ++i) {
      const OwnedMessage bytes = generate.request(opcode);
      const auto view = RequestView::parse(bytes);
      ASSERT_TRUE(view);
      for (const OwnedMessage& answer : {generate.reply(*view), generate.error_reply(view->unique())}) {
        const ReplyVerdict verdict = reply_check(&*view, {.head = answer, .tail = {}});
        EXPECT_EQ(verdict.effect, ReplyEffect::kAccepted) << opcode_name(opcode) << ": " << verdict.reason;
      }
    }
  }
}

}  // namespace
}  // namespace fusereplay

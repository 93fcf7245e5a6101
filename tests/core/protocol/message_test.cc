// Every message there is, built and parsed back.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "core/protocol/builder.h"
#include "core/protocol/view.h"
#include "tests/support/message_generator.h"

namespace fusereplay {
namespace {

using test::MessageGenerator;
using test::OwnedMessage;

// Reference section 6 once more, written independently of layout.cc: sizes of the structs, names, tail or none.
struct ExpectedLayout {
  Opcode opcode;
  std::size_t in_size;
  int in_names;
  bool in_tail;
  int out_size;  // -1: no reply
  bool out_tail;
};
constexpr ExpectedLayout kExpected[] = {
    {Opcode::kLookup, 0, 1, false, 128, false},
    {Opcode::kForget, 8, 0, false, -1, false},
    {Opcode::kGetattr, 16, 0, false, 104, false},
    {Opcode::kSetattr, 88, 0, false, 104, false},
    {Opcode::kReadlink, 0, 0, false, 0, true},
    {Opcode::kSymlink, 0, 2, false, 128, false},
    {Opcode::kMknod, 16, 1, false, 128, false},
    {Opcode::kMkdir, 8, 1, false, 128, false},
    {Opcode::kUnlink, 0, 1, false, 0, false},
    {Opcode::kRmdir, 0, 1, false, 0, false},
    {Opcode::kRename, 8, 2, false, 0, false},
    {Opcode::kLink, 8, 1, false, 128, false},
    {Opcode::kOpen, 8, 0, false, 16, false},
    {Opcode::kRead, 40, 0, false, 0, true},
    {Opcode::kWrite, 40, 0, true, 8, false},
    {Opcode::kStatfs, 0, 0, false, 80, false},
    {Opcode::kRelease, 24, 0, false, 0, false},
    {Opcode::kFsync, 16, 0, false, 0, false},
    {Opcode::kSetxattr, 16, 1, true, 0, false},
    {Opcode::kGetxattr, 8, 1, false, 0, true},
    {Opcode::kListxattr, 8, 0, false, 0, true},
    {Opcode::kRemovexattr, 0, 1, false, 0, false},
    {Opcode::kFlush, 24, 0, false, 0, false},
    {Opcode::kInit, 64, 0, false, 64, false},
    {Opcode::kOpendir, 8, 0, false, 16, false},
    {Opcode::kReaddir, 40, 0, false, 0, true},
    {Opcode::kReleasedir, 24, 0, false, 0, false},
    {Opcode::kFsyncdir, 16, 0, false, 0, false},
    {Opcode::kGetlk, 48, 0, false, 24, false},
    {Opcode::kSetlk, 48, 0, false, 0, false},
    {Opcode::kSetlkw, 48, 0, false, 0, false},
    {Opcode::kAccess, 8, 0, false, 0, false},
    {Opcode::kCreate, 16, 1, false, 144, false},
    {Opcode::kInterrupt, 8, 0, false, 0, false},
    {Opcode::kBmap, 16, 0, false, 8, false},
    {Opcode::kDestroy, 0, 0, false, 0, false},
    {Opcode::kIoctl, 32, 0, true, 16, true},
    {Opcode::kPoll, 24, 0, false, 8, false},
    {Opcode::kNotifyReply, 40, 0, true, -1, false},
    {Opcode::kBatchForget, 8, 0, true, -1, false},
    {Opcode::kFallocate, 32, 0, false, 0, false},
    {Opcode::kReaddirplus, 40, 0, false, 0, true},
    {Opcode::kRename2, 16, 2, false, 0, false},
    {Opcode::kLseek, 24, 0, false, 8, false},
    {Opcode::kCopyFileRange, 56, 0, false, 8, false},
    {Opcode::kSetupmapping, 40, 0, false, 0, false},
    {Opcode::kRemovemapping, 4, 0, true, 0, false},
    {Opcode::kSyncfs, 8, 0, false, 0, false},
    {Opcode::kTmpfile, 16, 1, false, 144, false},
    {Opcode::kStatx, 24, 0, false, 288, false},
    {Opcode::kCopyFileRange64, 56, 0, false, 8, false},
    {Opcode::kCuseInit, 16, 0, false, 72, true},
};

bool creates(Opcode opcode) {
  return opcode == Opcode::kMknod || opcode == Opcode::kMkdir || opcode == Opcode::kSymlink ||
         opcode == Opcode::kCreate || opcode == Opcode::kTmpfile;
}

TEST(Layout, EveryOpcodeIsLaidOutAsTheReferenceSays) {
  ASSERT_EQ(std::size(kExpected), all_opcodes().size());
  for (const ExpectedLayout& expected : kExpected) {
    SCOPED_TRACE(opcode_name(expected.opcode));
    const MessageLayout* request = request_layout(expected.opcode);
    ASSERT_NE(request, nullptr);
    EXPECT_EQ(request->fixed_size(), expected.in_size);
    EXPECT_EQ(request->names, expected.in_names);
    EXPECT_EQ(request->tail != Tail::kNone, expected.in_tail);
    EXPECT_EQ(request->extensions, creates(expected.opcode));
    EXPECT_EQ(request->truncatable, expected.opcode == Opcode::kInit);
    const MessageLayout* reply = reply_layout(expected.opcode, false);
    ASSERT_EQ(reply != nullptr, expected.out_size >= 0);
    if (reply == nullptr) continue;
    EXPECT_EQ(reply->fixed_size(), static_cast<std::size_t>(expected.out_size));
    EXPECT_EQ(reply->tail != Tail::kNone, expected.out_tail);
    EXPECT_EQ(reply->names, 0);
    EXPECT_FALSE(reply->extensions);
    EXPECT_EQ(reply_may_be_short(expected.opcode, false), expected.out_tail || expected.opcode == Opcode::kInit);
  }
}

TEST(Layout, OnlyTheXattrReadsAnswerALength) {
  for (const Opcode opcode : all_opcodes()) {
    const bool xattr = opcode == Opcode::kGetxattr || opcode == Opcode::kListxattr;
    if (!xattr) {
      EXPECT_EQ(reply_layout(opcode, true), reply_layout(opcode, false));
      continue;
    }
    EXPECT_EQ(reply_layout(opcode, true)->structs[0], StructId::kGetxattrOut);
    EXPECT_EQ(reply_layout(opcode, true)->tail, Tail::kNone);
    EXPECT_FALSE(reply_may_be_short(opcode, true));
  }
}

TEST(Layout, SetxattrIsShorterWithoutSetxattrExt) {
  EXPECT_EQ(request_layout(Opcode::kSetxattr, {.setxattr_ext = false})->fixed_size(), 8U);
  EXPECT_EQ(request_layout(Opcode::kGetxattr, {.setxattr_ext = false})->fixed_size(), 8U);
  EXPECT_EQ(request_layout(Opcode::kSetxattr)->fixed_size(), 16U);
}

TEST(Layout, NumbersThatAreNoOpcodeHaveNone) {
  for (const std::uint32_t number : {0U, 7U, 19U, 54U, 4095U, 4097U, 0xffffffffU}) {
    EXPECT_EQ(request_layout(static_cast<Opcode>(number)), nullptr) << number;
    EXPECT_EQ(reply_layout(static_cast<Opcode>(number), false), nullptr) << number;
    EXPECT_FALSE(reply_may_be_short(static_cast<Opcode>(number), false)) << number;
  }
  for (const std::int32_t number : {0, 10, -1, std::numeric_limits<std::int32_t>::min()}) {
    EXPECT_EQ(notify_layout(static_cast<NotifyCode>(number)), nullptr) << number;
  }
}

/// The message again, from nothing but its view.
OwnedMessage rebuilt(MessageBuilder& builder, const BodyView& view) {
  builder.bytes(view.fixed_bytes());
  for (std::size_t i = 0; i < view.layout().names; ++i) builder.name(view.name(i));
  builder.bytes(view.tail());
  if (!view.extensions().empty()) builder.extensions(view.extensions());
  const Bytes bytes = builder.finish();
  return {bytes.begin(), bytes.end()};
}

TEST(RequestView, EveryRequestParsesBackToWhatWasBuilt) {
  MessageBuilder builder;
  for (const bool setxattr_ext : {true, false}) {
    const Negotiated negotiated{.setxattr_ext = setxattr_ext};
    MessageGenerator generate(1, 600, negotiated);
    for (const Opcode opcode : all_opcodes()) {
      for (int i = 0; i < 100; ++i) {
        const OwnedMessage bytes = generate.request(opcode);
        const auto view = RequestView::parse(bytes, negotiated);
        ASSERT_TRUE(view) << opcode_name(opcode) << ": " << describe(view.error());
        EXPECT_EQ(view->opcode(), opcode);
        EXPECT_EQ(view->bytes().data(), bytes.data());
        EXPECT_EQ(rebuilt(builder.start_request(opcode, view->header()), *view), bytes) << opcode_name(opcode);

        const auto pieces = RequestView::parse(test::in_two_pieces(bytes, *view), negotiated);
        ASSERT_TRUE(pieces) << opcode_name(opcode) << ": " << describe(pieces.error());
        EXPECT_EQ(rebuilt(builder.start_request(opcode, pieces->header()), *pieces), bytes) << opcode_name(opcode);
      }
    }
  }
}

TEST(ReplyView, EveryReplyParsesBackToWhatWasBuilt) {
  MessageGenerator generate(2, 2000);
  MessageBuilder builder;
  for (const Opcode opcode : all_opcodes()) {
    if (!expects_reply(opcode)) continue;
    for (int i = 0; i < 100; ++i) {
      const OwnedMessage request_bytes = generate.request(opcode);
      const auto request = RequestView::parse(request_bytes);
      ASSERT_TRUE(request);
      const OwnedMessage bytes = generate.reply(*request);
      const auto view = ReplyView::parse({.head = bytes, .tail = {}}, opcode, asks_size(*request));
      ASSERT_TRUE(view) << opcode_name(opcode) << ": " << describe(view.error());
      EXPECT_EQ(view->header().unique, request->unique());
      EXPECT_EQ(rebuilt(builder.start_reply(view->header().unique, 0), *view), bytes) << opcode_name(opcode);

      const auto pieces = ReplyView::parse(test::in_two_pieces(bytes, *view), opcode, asks_size(*request));
      ASSERT_TRUE(pieces);
      EXPECT_EQ(rebuilt(builder.start_reply(pieces->header().unique, 0), *pieces), bytes) << opcode_name(opcode);
    }
  }
}

TEST(NotificationView, EveryNotificationParsesBackToWhatWasBuilt) {
  MessageGenerator generate(3, 600);
  MessageBuilder builder;
  for (const NotifyCode code : all_notify_codes()) {
    for (int i = 0; i < 100; ++i) {
      const OwnedMessage bytes = generate.notification(code);
      const auto view = NotificationView::parse({.head = bytes, .tail = {}});
      ASSERT_TRUE(view) << notify_name(code) << ": " << describe(view.error());
      EXPECT_EQ(view->code(), code);
      EXPECT_EQ(rebuilt(builder.start_notification(code), *view), bytes) << notify_name(code);
      EXPECT_TRUE(NotificationView::parse(test::in_two_pieces(bytes, *view)));
    }
  }
}

TEST(RequestView, GivesTheStructsNamesAndTailOfARequest) {
  MessageBuilder builder;
  const wire::InHeader header{.len = 0,
                              .opcode = 0,
                              .unique = 8,
                              .nodeid = 3,
                              .uid = 1000,
                              .gid = 100,
                              .pid = 42,
                              .total_extlen = 0,
                              .padding = 0};
  const std::string_view value = "v\0w";
  const Bytes bytes = builder.start_request(Opcode::kSetxattr, header)
                          .add(wire::SetxattrIn{.size = 3, .flags = 1, .setxattr_flags = 0, .padding = 0})
                          .name("user.a")
                          .bytes(std::as_bytes(std::span("v\0w", 3)))
                          .finish();
  const auto view = RequestView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->header().len, 40U + 16 + 7 + 3);
  EXPECT_EQ(view->unique(), 8U);
  EXPECT_EQ(view->nodeid(), 3U);
  EXPECT_EQ(view->header().pid, 42U);
  EXPECT_EQ(view->fixed<wire::SetxattrIn>().flags, 1U);
  EXPECT_EQ(view->name(0), "user.a");
  ASSERT_EQ(view->tail().size(), 3U);
  EXPECT_EQ(std::memcmp(view->tail().data(), value.data(), 3), 0);
}

TEST(RequestView, CreatingRequestsEndWithTheirExtensions) {
  MessageBuilder builder;
  const std::vector<std::byte> extension(16, std::byte{7});
  const Bytes bytes =
      builder.start_request(Opcode::kSymlink, {}).name("link").name("../a/b").extensions(extension).finish();
  const auto view = RequestView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->header().total_extlen, 2);
  EXPECT_EQ(view->name(0), "link");
  EXPECT_EQ(view->name(1), "../a/b");
  EXPECT_EQ(view->extensions().size(), 16U);
  EXPECT_EQ(view->extensions()[0], std::byte{7});
}

TEST(RequestView, WhatAShortInitLeavesOutReadsAsZero) {
  MessageBuilder builder;
  wire::InitIn init{};
  init.major = 7;
  init.minor = 31;
  init.flags = 0xff;
  const Bytes bytes =
      builder.start_request(Opcode::kInit, {}).bytes(std::as_bytes(std::span(&init, 1)).first(16)).finish();
  const auto view = RequestView::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->fixed<wire::InitIn>().flags, 0xffU);
  EXPECT_EQ(view->fixed<wire::InitIn>().flags2, 0U);
}

TEST(ReplyView, CreateCarriesTwoStructs) {
  MessageBuilder builder;
  wire::EntryOut entry{};
  entry.nodeid = 9;
  const Bytes bytes =
      builder.start_reply(4, 0).add(entry).add(wire::OpenOut{.fh = 77, .open_flags = 0, .backing_id = 0}).finish();
  const auto view = ReplyView::parse({.head = bytes, .tail = {}}, Opcode::kCreate, false);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->fixed<wire::EntryOut>().nodeid, 9U);
  EXPECT_EQ(view->fixed<wire::OpenOut>().fh, 77U);
}

TEST(ReplyBuilder, MakesTheSameBytesAsTheMessageBuilder) {
  const std::vector<std::byte> data(100, std::byte{5});
  ReplyBuilder reply;
  reply.start(12, 0);
  reply.add(wire::IoctlOut{.result = 1, .flags = 0, .in_iovs = 0, .out_iovs = 0});
  reply.tail(data, nullptr);
  const Message message = reply.finish();
  MessageBuilder builder;
  const Bytes whole = builder.start_reply(12, 0)
                          .add(wire::IoctlOut{.result = 1, .flags = 0, .in_iovs = 0, .out_iovs = 0})
                          .bytes(data)
                          .finish();
  OwnedMessage joined(message.head.begin(), message.head.end());
  joined.insert(joined.end(), message.tail.begin(), message.tail.end());
  EXPECT_EQ(joined, OwnedMessage(whole.begin(), whole.end()));
  EXPECT_TRUE(ReplyView::parse(message, Opcode::kIoctl, false));
}

/// Why these bytes are no request.
MessageError refusal(Bytes bytes) {
  const auto view = RequestView::parse(bytes);
  EXPECT_FALSE(view);
  return view ? MessageError{} : view.error();
}

TEST(RequestView, SaysWhyBytesAreNoRequest) {
  MessageBuilder builder;
  const Bytes lookup = builder.start_request(Opcode::kLookup, {}).name("a").finish();
  EXPECT_EQ(refusal({}), MessageError::kTooShort);
  EXPECT_EQ(refusal(lookup.first(39)), MessageError::kTooShort);
  EXPECT_EQ(refusal(lookup.first(lookup.size() - 1)), MessageError::kWrongLength);
  const auto bytes = [](std::size_t size) { return std::vector<std::byte>(size, std::byte{1}); };
  MessageBuilder b;
  EXPECT_EQ(refusal(b.start_request(static_cast<Opcode>(7), {}).finish()), MessageError::kUnknownOpcode);
  EXPECT_EQ(refusal(b.start_request(Opcode::kLookup, {}).finish()), MessageError::kUnterminatedName);
  EXPECT_EQ(refusal(b.start_request(Opcode::kLookup, {}).bytes(bytes(3)).finish()), MessageError::kUnterminatedName);
  EXPECT_EQ(refusal(b.start_request(Opcode::kSymlink, {}).name("a").finish()), MessageError::kUnterminatedName);
  EXPECT_EQ(refusal(b.start_request(Opcode::kLookup, {}).name("a").name("b").finish()), MessageError::kTrailingBytes);
  EXPECT_EQ(refusal(b.start_request(Opcode::kGetattr, {}).bytes(bytes(15)).finish()), MessageError::kTooShort);
  EXPECT_EQ(refusal(b.start_request(Opcode::kGetattr, {}).bytes(bytes(17)).finish()), MessageError::kTrailingBytes);
  EXPECT_EQ(refusal(b.start_request(Opcode::kInit, {}).bytes(bytes(65)).finish()), MessageError::kTrailingBytes);
  EXPECT_EQ(refusal(b.start_request(Opcode::kLookup, {}).name("a").extensions(bytes(8)).finish()),
            MessageError::kBadExtensions);
  EXPECT_EQ(refusal(b.start_request(Opcode::kBatchForget, {})
                        .add(wire::BatchForgetIn{.count = 2, .dummy = 0})
                        .add(wire::ForgetOne{.nodeid = 5, .nlookup = 1})
                        .finish()),
            MessageError::kBadCount);
  EXPECT_EQ(refusal(b.start_request(Opcode::kRemovemapping, {}).add(wire::RemovemappingIn{.count = 1}).finish()),
            MessageError::kBadCount);
}

TEST(RequestView, ExtensionsLongerThanTheMessageAreRefused) {
  MessageBuilder builder;
  const Bytes built = builder.start_request(Opcode::kMkdir, {}).add(wire::MkdirIn{}).name("d").finish();
  OwnedMessage bytes(built.begin(), built.end());
  const std::uint16_t units = 100;
  std::memcpy(bytes.data() + offsetof(wire::InHeader, total_extlen), &units, sizeof(units));
  EXPECT_EQ(refusal(bytes), MessageError::kBadExtensions);
}

TEST(RequestView, ATailStandsInOnePlaceOnly) {
  MessageBuilder builder;
  const std::vector<std::byte> data(4);
  const Bytes whole = builder.start_request(Opcode::kWrite, {}).add(wire::WriteIn{}).bytes(data).finish();
  OwnedMessage twice(whole.begin(), whole.end());
  const auto length = static_cast<std::uint32_t>(whole.size() + data.size());
  std::memcpy(twice.data(), &length, sizeof(length));
  const auto both = RequestView::parse(Message{.head = twice, .tail = data});
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error(), MessageError::kTrailingBytes);
}

TEST(NotificationView, SaysWhyBytesAreNoNotification) {
  MessageBuilder b;
  const auto refusal = [](Bytes bytes) {
    const auto view = NotificationView::parse({.head = bytes, .tail = {}});
    EXPECT_FALSE(view);
    return view ? MessageError{} : view.error();
  };
  EXPECT_EQ(refusal(b.start_notification(static_cast<NotifyCode>(10)).finish()), MessageError::kUnknownOpcode);
  EXPECT_EQ(refusal(b.start_reply(2, 7).finish()), MessageError::kUnknownOpcode);
  EXPECT_EQ(refusal(b.start_notification(NotifyCode::kPoll).finish()), MessageError::kTooShort);
  EXPECT_EQ(refusal(b.start_notification(NotifyCode::kInvalEntry)
                        .add(wire::NotifyInvalEntryOut{.parent = 1, .namelen = 2, .flags = 0})
                        .name("abc")
                        .finish()),
            MessageError::kBadCount);
  EXPECT_EQ(refusal(b.start_notification(NotifyCode::kDelete)
                        .add(wire::NotifyDeleteOut{.parent = 1, .child = 2, .namelen = 4, .padding = 0})
                        .name("abc")
                        .finish()),
            MessageError::kBadCount);
  EXPECT_EQ(refusal(b.start_notification(NotifyCode::kPrune)
                        .add(wire::NotifyPruneOut{.count = 1, .padding = 0, .spare = 0})
                        .finish()),
            MessageError::kBadCount);
}

TEST(RequestView, KeptRequestsOutliveTheirMessage) {
  MessageGenerator generate(4, 600);
  MessageBuilder builder;
  std::vector<std::byte> storage;
  for (const Opcode opcode : all_opcodes()) {
    for (int i = 0; i < 40; ++i) {
      const OwnedMessage expected = generate.request(opcode);
      OwnedMessage passing = expected;
      const auto view = RequestView::parse(passing);
      ASSERT_TRUE(view);
      const OwnedMessage tail(view->tail().begin(), view->tail().end());
      Message message{.head = passing, .tail = {}};
      OwnedMessage separate_tail = tail;
      if (i % 2 == 1 && !tail.empty()) {
        message = {.head = Bytes(passing).first(passing.size() - tail.size()), .tail = separate_tail};
      }
      const RequestView kept = RequestView::parse(message)->keep_in(storage);
      std::fill(passing.begin(), passing.end(), std::byte{0xdd});
      std::fill(separate_tail.begin(), separate_tail.end(), std::byte{0xdd});

      builder.start_request(opcode, kept.header());
      if (opcode != Opcode::kWrite) {
        EXPECT_EQ(rebuilt(builder, kept), expected) << opcode_name(opcode);
        continue;
      }
      EXPECT_TRUE(kept.tail().empty());
      EXPECT_EQ(kept.header().len, expected.size());
      EXPECT_EQ(kept.fixed<wire::WriteIn>().size, tail.size());
    }
  }
}

TEST(Name, ValidNamesAreThoseTheKernelSends) {
  EXPECT_TRUE(valid_name("a"));
  EXPECT_TRUE(valid_name("\xff\x01"));
  EXPECT_TRUE(valid_name(std::string(4095, 'a')));
  EXPECT_FALSE(valid_name(std::string(4096, 'a')));
  EXPECT_FALSE(valid_name(std::string(1025, 'a'), 1024));
  EXPECT_FALSE(valid_name(""));
  EXPECT_FALSE(valid_name("a/b"));
  EXPECT_FALSE(valid_name(std::string_view("a\0b", 3)));
}

TEST(MessageGenerator, TheSameSeedGivesTheSameBytes) {
  MessageGenerator one(9);
  MessageGenerator other(9);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(one.request(), other.request());
}

}  // namespace
}  // namespace fusereplay

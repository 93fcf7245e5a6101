// Bytes -> record -> bytes, for every opcode, both directions, and for what is no message at all.
#include "traces/codec.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/event/conversation.h"
#include "core/protocol/builder.h"
#include "core/protocol/dirent.h"
#include "tests/support/message_generator.h"
#include "tests/traces/event_stream.h"
#include "traces/record_fields.h"
#include "traces/trace.pb.h"

namespace fusereplay {
namespace {

using test::MessageGenerator;
using test::OwnedMessage;

Message whole(Bytes bytes) {
  return Message{.head = bytes, .tail = {}, .owner = nullptr};
}

wire::InHeader in_header(std::uint64_t unique, std::uint64_t nodeid) {
  wire::InHeader header{};
  header.unique = unique;
  header.nodeid = nodeid;
  return header;
}

OwnedMessage joined(const Message& message) {
  OwnedMessage bytes(message.head.begin(), message.head.end());
  bytes.insert(bytes.end(), message.tail.begin(), message.tail.end());
  return bytes;
}

Event event_of(EventKind kind, const Message& message, const RequestContext* request = nullptr) {
  Event event;
  event.kind = kind;
  event.sequence = 1;
  event.begin = event.end = 1'700'000'000'000'000'000;
  event.message = message;
  event.result = static_cast<std::int64_t>(message.size());
  event.request = request;
  return event;
}

RequestContext context_of(const RequestView& view) {
  RequestContext context;
  context.opcode = view.opcode();
  context.unique = view.unique();
  context.known = true;
  context.asks_size = asks_size(view);
  context.view = view;
  return context;
}

/// One record's bytes without the length.
struct EncodedRecord {
  OwnedMessage bytes;
  RecordForm form{};
};

EncodedRecord encode(const Event& event) {
  RecordEncoder encoder;
  encoder.start_block(event.sequence, event.begin);
  OwnedMessage space(max_record_bytes(event.message.size()));
  const auto encoded = encoder.encode(event, space.data());
  EXPECT_LE(encoded.end, space.data() + space.size());
  protobuf::Input in(Bytes(space.data(), static_cast<std::size_t>(encoded.end - space.data())));
  Bytes record;
  EXPECT_TRUE(in.bytes(record));
  EXPECT_TRUE(in.done());
  return {OwnedMessage(record.begin(), record.end()), encoded.form};
}

/// What is wrong with a record, or empty.
std::string decode_error(Bytes record) {
  RecordDecoder decoder;
  decoder.start_block(1, 0);
  Event event;
  RecordForm form{};
  return std::string(decoder.decode(record, event, form));
}

/// Encodes, decodes, and holds every part of the event against what it was. The form it was kept in.
RecordForm round_trip(const Event& event) {
  const EncodedRecord record = encode(event);
  RecordDecoder decoder;
  decoder.start_block(event.sequence, event.begin);
  Event decoded;
  RecordForm form{};
  EXPECT_EQ(decoder.decode(record.bytes, decoded, form), "");
  EXPECT_EQ(form, record.form);
  EXPECT_EQ(decoded.kind, event.kind);
  EXPECT_EQ(decoded.mark, event.mark);
  EXPECT_EQ(decoded.sequence, event.sequence);
  EXPECT_EQ(decoded.begin, event.begin);
  EXPECT_EQ(decoded.end, event.end);
  EXPECT_EQ(decoded.thread, event.thread);
  EXPECT_EQ(decoded.channel, event.channel);
  EXPECT_EQ(decoded.result, event.result);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(decoded.message.head.data()) % 8, 0U);
  EXPECT_EQ(joined(decoded.message), joined(event.message));
  return form;
}

TEST(RecordCodec, EveryRequestIsTypedAndComesBack) {
  MessageGenerator generator(1);
  for (int round = 0; round < 200; ++round) {
    for (const Opcode opcode : all_opcodes()) {
      SCOPED_TRACE(opcode_name(opcode));
      const OwnedMessage bytes = generator.request(opcode);
      ASSERT_EQ(round_trip(event_of(EventKind::kRequest, whole(bytes))), RecordForm::kTyped);
    }
  }
}

TEST(RecordCodec, EveryReplyIsTypedAndComesBack) {
  MessageGenerator generator(2);
  for (int round = 0; round < 200; ++round) {
    for (const Opcode opcode : all_opcodes()) {
      if (!expects_reply(opcode)) continue;
      SCOPED_TRACE(opcode_name(opcode));
      const OwnedMessage request = generator.request(opcode);
      const auto view = RequestView::parse(whole(request));
      ASSERT_TRUE(view);
      const RequestContext context = context_of(*view);
      const OwnedMessage reply = generator.reply(*view);
      ASSERT_EQ(round_trip(event_of(EventKind::kReply, whole(reply), &context)), RecordForm::kTyped);
      const OwnedMessage error = generator.error_reply(view->unique());
      ASSERT_EQ(round_trip(event_of(EventKind::kReply, whole(error), &context)), RecordForm::kTyped);
      ASSERT_EQ(round_trip(event_of(EventKind::kReply, whole(error))), RecordForm::kTyped);
    }
  }
}

TEST(RecordCodec, EveryNotificationIsTypedAndComesBack) {
  MessageGenerator generator(3);
  for (int round = 0; round < 200; ++round) {
    for (const NotifyCode code : all_notify_codes()) {
      SCOPED_TRACE(notify_name(code));
      const OwnedMessage bytes = generator.notification(code);
      ASSERT_EQ(round_trip(event_of(EventKind::kNotification, whole(bytes))), RecordForm::kTyped);
    }
  }
}

TEST(RecordCodec, UnknownOpcodesAreKeptRaw) {
  MessageGenerator generator(4);
  for (int round = 0; round < 500; ++round) {
    const OwnedMessage bytes = generator.unknown_request();
    ASSERT_EQ(round_trip(event_of(EventKind::kRequest, whole(bytes))), RecordForm::kRaw);
  }
}

TEST(RecordCodec, BrokenMessagesComeBackToo) {
  MessageGenerator generator(5);
  int raw = 0;
  for (int round = 0; round < 20000; ++round) {
    const OwnedMessage request = generator.request();
    const auto view = RequestView::parse(whole(request));
    ASSERT_TRUE(view);
    const RequestContext context = context_of(*view);
    const OwnedMessage broken = generator.mutated(request);
    if (round_trip(event_of(EventKind::kRequest, whole(broken))) == RecordForm::kRaw) ++raw;
    if (expects_reply(view->opcode())) {
      const OwnedMessage reply = generator.mutated(generator.reply(*view));
      if (round_trip(event_of(EventKind::kReply, whole(reply), &context)) == RecordForm::kRaw) ++raw;
    }
    const OwnedMessage notification = generator.mutated(generator.notification());
    if (round_trip(event_of(EventKind::kNotification, whole(notification))) == RecordForm::kRaw) ++raw;
    ASSERT_FALSE(testing::Test::HasFailure()) << "round " << round;
  }
  EXPECT_GT(raw, 1000) << "the generator breaks messages";
}

TEST(RecordCodec, MessagesInTwoPiecesComeBackWhole) {
  MessageGenerator generator(6);
  for (int round = 0; round < 100; ++round) {
    for (const Opcode opcode : {Opcode::kRead, Opcode::kReaddirplus, Opcode::kReaddir, Opcode::kIoctl}) {
      const OwnedMessage request = generator.request(opcode);
      const auto view = RequestView::parse(whole(request));
      const RequestContext context = context_of(*view);
      const OwnedMessage reply = generator.reply(*view);
      const auto reply_view = ReplyView::parse(whole(reply), opcode, false);
      ASSERT_TRUE(reply_view);
      const Message pieces = test::in_two_pieces(reply, *reply_view);
      ASSERT_EQ(round_trip(event_of(EventKind::kReply, pieces, &context)), RecordForm::kTyped);
    }
    const OwnedMessage write = generator.request(Opcode::kWrite);
    const auto view = RequestView::parse(whole(write));
    ASSERT_EQ(round_trip(event_of(EventKind::kRequest, test::in_two_pieces(write, *view))), RecordForm::kTyped);
  }
}

TEST(RecordCodec, SetxattrWithoutItsExtensionKeepsItsLayout) {
  Negotiated old;
  old.setxattr_ext = false;
  MessageGenerator generator(7, 4096, old);
  for (int round = 0; round < 200; ++round) {
    const OwnedMessage bytes = generator.request(Opcode::kSetxattr);
    const auto view = RequestView::parse(whole(bytes), old);
    ASSERT_TRUE(view);
    const RequestContext context = context_of(*view);
    const Event event = event_of(EventKind::kRequest, whole(bytes), &context);
    ASSERT_EQ(round_trip(event), RecordForm::kTyped);
    trace::Record record;
    const OwnedMessage encoded = encode(event).bytes;
    ASSERT_TRUE(record.ParseFromArray(encoded.data(), static_cast<int>(encoded.size())));
    EXPECT_TRUE(record.has_setxattr_in_compat());
    EXPECT_EQ(record.names(0), std::string(view->name(0)));
  }
}

TEST(RecordCodec, AShortInitKeepsItsLength) {
  for (const std::size_t size : {std::size_t{8}, std::size_t{16}, std::size_t{24}, std::size_t{63}, std::size_t{64}}) {
    wire::InitIn in{};
    in.major = 7;
    in.minor = 45;
    in.max_readahead = 131072;
    in.flags = 0xffffffff;
    in.unused[10] = size == 64 ? 7 : 0;
    MessageBuilder builder;
    builder.start_request(Opcode::kInit, in_header(2, 0));
    builder.bytes(std::as_bytes(std::span(&in, 1)).first(size));
    EXPECT_EQ(round_trip(event_of(EventKind::kRequest, whole(builder.finish()))), RecordForm::kTyped) << size;
  }
}

TEST(RecordCodec, RepliesToNothingNeedNoRequestUnlessTheyHaveABody) {
  MessageBuilder builder;
  builder.start_reply(4, 0);
  EXPECT_EQ(round_trip(event_of(EventKind::kReply, whole(builder.finish()))), RecordForm::kTyped);
  builder.start_reply(4, 0);
  builder.add(wire::OpenOut{});
  EXPECT_EQ(round_trip(event_of(EventKind::kReply, whole(builder.finish()))), RecordForm::kRaw);
}

OwnedMessage readdir_reply(std::string_view name, std::byte padding) {
  OwnedMessage space(dirent_record_size(DirentKind::kPlain, name.size()));
  DirentWriter writer(DirentKind::kPlain, space);
  EXPECT_TRUE(writer.add({}, {.ino = 5, .off = 1, .namelen = 0, .type = 8}, name));
  space.back() = padding;
  MessageBuilder builder;
  builder.start_reply(4, 0);
  builder.bytes(space);
  const Bytes bytes = builder.finish();
  return {bytes.begin(), bytes.end()};
}

TEST(RecordCodec, WhatADirectoryRecordMustNotHoldIsKeptRaw) {
  RequestContext context;
  context.opcode = Opcode::kReaddir;
  const auto form = [&](const OwnedMessage& reply) {
    return round_trip(event_of(EventKind::kReply, whole(reply), &context));
  };
  EXPECT_EQ(form(readdir_reply("abc", std::byte{0})), RecordForm::kTyped);
  EXPECT_EQ(form(readdir_reply("abc", std::byte{1})), RecordForm::kRaw) << "padding";
  EXPECT_EQ(form(readdir_reply("a/c", std::byte{0})), RecordForm::kRaw) << "slash";
  EXPECT_EQ(form(readdir_reply(std::string_view("a\0c", 3), std::byte{0})), RecordForm::kRaw) << "NUL";
  EXPECT_EQ(form(readdir_reply("", std::byte{0})), RecordForm::kRaw) << "empty";
}

TEST(RecordCodec, OnlyTmpfilesPlaceholderAndForeignNamesMayHoldASlash) {
  const auto form = [](Opcode opcode, auto... names) {
    MessageBuilder builder;
    builder.start_request(opcode, in_header(2, 1));
    if (opcode == Opcode::kTmpfile) builder.add(wire::CreateIn{});
    if (opcode == Opcode::kGetxattr) builder.add(wire::GetxattrIn{});
    (builder.name(names), ...);
    return round_trip(event_of(EventKind::kRequest, whole(builder.finish())));
  };
  EXPECT_EQ(form(Opcode::kLookup, "a"), RecordForm::kTyped);
  EXPECT_EQ(form(Opcode::kLookup, "a/b"), RecordForm::kRaw);
  EXPECT_EQ(form(Opcode::kTmpfile, "/"), RecordForm::kTyped);
  EXPECT_EQ(form(Opcode::kTmpfile, "/x"), RecordForm::kRaw);
  EXPECT_EQ(form(Opcode::kSymlink, "name", "../target"), RecordForm::kTyped);
  EXPECT_EQ(form(Opcode::kSymlink, "na/me", "target"), RecordForm::kRaw);
  EXPECT_EQ(form(Opcode::kGetxattr, "user.a/b"), RecordForm::kTyped);
}

TEST(RecordCodec, ProtobufsOwnClassesReadWhatItWritesAndItReadsWhatTheyWrite) {
  auto events = test::conversation_events(8, 4000);
  Conversation conversation;
  for (const auto& owned : events) {
    Event event = owned.view();
    conversation.follow(event);
    const EncodedRecord record = encode(event);
    trace::Record parsed;
    ASSERT_TRUE(parsed.ParseFromArray(record.bytes.data(), static_cast<int>(record.bytes.size())));
    ASSERT_EQ(parsed.GetReflection()->GetUnknownFields(parsed).field_count(), 0);
    const std::string again = parsed.SerializeAsString();
    RecordDecoder decoder;
    decoder.start_block(event.sequence, event.begin);
    Event decoded;
    RecordForm form{};
    ASSERT_EQ(decoder.decode(std::as_bytes(std::span(again)), decoded, form), "");
    ASSERT_EQ(joined(decoded.message), joined(event.message));
    ASSERT_EQ(decoded.result, event.result);
  }
}

TEST(RecordCodec, EveryRecordOfAConversationIsTyped) {
  const auto events = test::conversation_events(9, 20000, 0);
  Conversation conversation;
  RecordEncoder encoder;
  encoder.start_block(1, events[0].event.begin);
  OwnedMessage space(1 << 20);
  for (const auto& owned : events) {
    Event event = owned.view();
    conversation.follow(event);
    ASSERT_EQ(encoder.encode(event, space.data()).form, RecordForm::kTyped);
  }
}

/// A record made with protobuf's classes, which can say what the encoder never would.
template <class Change>
std::string refused(Change change, EventKind kind = EventKind::kRequest, Opcode opcode = Opcode::kLookup) {
  trace::Record record;
  record.set_kind(static_cast<trace::EventKind>(kind));
  record.set_opcode(static_cast<std::uint32_t>(opcode));
  change(record);
  const std::string bytes = record.SerializeAsString();
  return decode_error(std::as_bytes(std::span(bytes)));
}

TEST(RecordDecoder, RefusesWhatTheContractRefuses) {
  using trace::Record;
  EXPECT_EQ(refused([](Record& r) { r.add_names("a"); }), "");
  EXPECT_NE(refused([](Record&) {}), "") << "no name";
  EXPECT_NE(refused([](Record& r) { r.add_names("a/b"); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names(std::string("a\0b", 3)); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.add_names("b"); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.add_names("b"), r.add_names("c"); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.set_data("x"); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.mutable_open_in(); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.add_entries()->set_name("x"); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.set_extensions("12345678"); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.set_kind(trace::KIND_UNKNOWN); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.set_kind(static_cast<trace::EventKind>(257)); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.set_mark(trace::ABORTED); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.set_header_padding(65536); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.set_raw("x"); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.set_fixed_size(0); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"), r.set_sequence_delta(~0ULL - 1); }), "");
  EXPECT_NE(refused([](Record& r) { r.add_names("a"); }, EventKind::kRequest, static_cast<Opcode>(7)), "");
  EXPECT_NE(refused([](Record&) {}, EventKind::kRequest, Opcode::kOpen), "") << "a struct is missing";
  EXPECT_NE(refused([](Record& r) { r.mutable_open_in(), r.mutable_read_in(); }, EventKind::kRequest, Opcode::kOpen),
            "");
  EXPECT_NE(refused([](Record& r) { r.mutable_create_in(), r.add_names("a"), r.set_extensions("1234567"); },
                    EventKind::kRequest, Opcode::kCreate),
            "");
  EXPECT_NE(refused([](Record& r) { r.mutable_init_in()->set_unused("short"); }, EventKind::kRequest, Opcode::kInit),
            "");
  EXPECT_NE(refused([](Record& r) { r.mutable_init_in(), r.set_fixed_size(65); }, EventKind::kRequest, Opcode::kInit),
            "");
  EXPECT_NE(refused([](Record& r) { r.set_error(-2), r.mutable_entry_out(); }, EventKind::kReply), "");
  EXPECT_NE(refused([](Record&) {}, EventKind::kNotification), "") << "no code";
  EXPECT_NE(refused([](Record&) {}, EventKind::kMark), "") << "no mark";
  EXPECT_NE(refused([](Record& r) { r.set_mark(trace::MOUNTED), r.set_raw("x"); }, EventKind::kMark), "");
  const auto entry = [](auto change) {
    return refused(
        [&](Record& r) {
          auto* added = r.add_entries();
          added->set_name("a");
          added->mutable_dirent();
          change(*added);
        },
        EventKind::kReply, Opcode::kReaddir);
  };
  EXPECT_EQ(entry([](trace::DirectoryEntry&) {}), "");
  EXPECT_NE(entry([](trace::DirectoryEntry& e) { e.set_name(""); }), "");
  EXPECT_NE(entry([](trace::DirectoryEntry& e) { e.set_name("a/b"); }), "");
  EXPECT_NE(entry([](trace::DirectoryEntry& e) { e.set_name(std::string(4096, 'x')); }), "");
  EXPECT_NE(entry([](trace::DirectoryEntry& e) { e.mutable_entry(); }), "") << "an entry in a plain listing";
}

TEST(RecordDecoder, RefusesAMessageAboveTheLimitWhateverItIsMadeOf) {
  using trace::Record;
  EXPECT_NE(refused([](Record& r) { r.set_raw(std::string(kMaxMessageBytes + 1, 'x')); }), "");
  EXPECT_NE(refused([](Record& r) { r.mutable_write_in(), r.set_data(std::string(kMaxMessageBytes, 'x')); },
                    EventKind::kRequest, Opcode::kWrite),
            "");
  EXPECT_NE(refused(
                [](Record& r) {
                  r.mutable_batch_forget_in();
                  for (std::size_t i = 0; i < kMaxMessageBytes / sizeof(wire::ForgetOne); ++i) r.add_forget_one();
                },
                EventKind::kRequest, Opcode::kBatchForget),
            "");
}

TEST(RecordDecoder, SkipsFieldsItDoesNotKnow) {
  const std::string unknown("\xc0\x3e\x01\xca\x3e\x02xy", 8);  // fields 1000 and 1001
  trace::Record record;
  record.set_kind(trace::REQUEST);
  record.set_opcode(1);
  record.add_names("a");
  const std::string bytes = record.SerializeAsString() + unknown;
  EXPECT_EQ(decode_error(std::as_bytes(std::span(bytes))), "");
}

TEST(RecordDecoder, AnyCutOfARecordIsRefusedOrIsAnotherRecord) {
  const auto events = test::conversation_events(10, 300, 64);
  for (const auto& owned : events) {
    const EncodedRecord record = encode(owned.view());
    for (std::size_t size = 0; size < record.bytes.size(); ++size) {
      static_cast<void>(decode_error(Bytes(record.bytes).first(size)));  // the sanitizers judge
    }
  }
}

}  // namespace
}  // namespace fusereplay

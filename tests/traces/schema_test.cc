// traces/trace.proto against the field tables: what keeps the schema true.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/event/event.h"
#include "core/protocol/layout.h"
#include "traces/record_fields.h"
#include "traces/struct_codec.h"
#include "traces/trace.pb.h"

namespace fusereplay {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

FieldDescriptor::Type expected_type(FieldType type) {
  switch (type) {
    case FieldType::kU16:
    case FieldType::kU32:
      return FieldDescriptor::TYPE_UINT32;
    case FieldType::kU64:
      return FieldDescriptor::TYPE_UINT64;
    case FieldType::kI32:
      return FieldDescriptor::TYPE_SINT32;
    case FieldType::kI64:
      return FieldDescriptor::TYPE_SINT64;
    case FieldType::kBytes:
      return FieldDescriptor::TYPE_BYTES;
  }
  return FieldDescriptor::TYPE_GROUP;
}

bool is_header(StructId id) {
  return id == StructId::kNone || id == StructId::kInHeader || id == StructId::kOutHeader;
}

/// The structs that stand directly in a Record, and whether many of them do.
bool in_some_layout(StructId id) {
  const auto has = [id](const MessageLayout* layout) {
    return layout != nullptr && (layout->structs[0] == id || layout->structs[1] == id);
  };
  for (const Opcode opcode : all_opcodes()) {
    for (const bool flag : {false, true}) {
      if (has(request_layout(opcode, {.setxattr_ext = flag})) || has(reply_layout(opcode, flag))) return true;
    }
  }
  return std::any_of(all_notify_codes().begin(), all_notify_codes().end(),
                     [&](NotifyCode code) { return has(notify_layout(code)); });
}
bool is_element(StructId id) {
  return id == StructId::kForgetOne || id == StructId::kRemovemappingOne;
}

TEST(TraceSchema, EachWireStructIsAMessageWithTheFieldsOfItsTable) {
  const auto* file = trace::Record::descriptor()->file();
  for (std::size_t i = 0; i < kStructCount; ++i) {
    const StructInfo& info = struct_info(static_cast<StructId>(i));
    if (is_header(info.id)) continue;
    const Descriptor* const message = file->FindMessageTypeByName(std::string(info.name));
    ASSERT_NE(message, nullptr) << info.name;
    ASSERT_EQ(static_cast<std::size_t>(message->field_count()), info.fields.size()) << info.name;
    for (const Field& field : info.fields) {
      const FieldDescriptor* const found = message->FindFieldByNumber(field.number);
      ASSERT_NE(found, nullptr) << info.name << "." << field.name;
      std::string name(field.name);
      std::replace(name.begin(), name.end(), '.', '_');
      EXPECT_EQ(found->name(), name) << info.name;
      EXPECT_EQ(found->type(), expected_type(field.type)) << info.name << "." << field.name;
      EXPECT_FALSE(found->is_repeated()) << info.name << "." << field.name;
    }
  }
}

TEST(TraceSchema, ARecordHoldsEachStructUnderItsNumber) {
  const Descriptor* const record = trace::Record::descriptor();
  for (std::size_t i = 0; i < kStructCount; ++i) {
    const StructInfo& info = struct_info(static_cast<StructId>(i));
    const FieldDescriptor* const field = record->FindFieldByNumber(static_cast<int>(kStructNumberBase + i));
    if (is_header(info.id) || !(in_some_layout(info.id) || is_element(info.id))) {
      EXPECT_EQ(field, nullptr) << info.name;
      continue;
    }
    ASSERT_NE(field, nullptr) << info.name;
    EXPECT_EQ(field->message_type()->name(), info.name);
    EXPECT_EQ(field->is_repeated(), is_element(info.id)) << info.name;
  }
}

TEST(TraceSchema, TheCodecsNumbersAreThoseOfTheSchema) {
  using trace::DirectoryEntry;
  using trace::Record;
  EXPECT_EQ(record::kKind, std::uint32_t{Record::kKindFieldNumber});
  EXPECT_EQ(record::kOpcode, std::uint32_t{Record::kOpcodeFieldNumber});
  EXPECT_EQ(record::kSequenceDelta, std::uint32_t{Record::kSequenceDeltaFieldNumber});
  EXPECT_EQ(record::kBeginDelta, std::uint32_t{Record::kBeginDeltaFieldNumber});
  EXPECT_EQ(record::kDuration, std::uint32_t{Record::kDurationFieldNumber});
  EXPECT_EQ(record::kUniqueDelta, std::uint32_t{Record::kUniqueDeltaFieldNumber});
  EXPECT_EQ(record::kNodeId, std::uint32_t{Record::kNodeidFieldNumber});
  EXPECT_EQ(record::kThread, std::uint32_t{Record::kThreadFieldNumber});
  EXPECT_EQ(record::kChannel, std::uint32_t{Record::kChannelFieldNumber});
  EXPECT_EQ(record::kUid, std::uint32_t{Record::kUidFieldNumber});
  EXPECT_EQ(record::kGid, std::uint32_t{Record::kGidFieldNumber});
  EXPECT_EQ(record::kPid, std::uint32_t{Record::kPidFieldNumber});
  EXPECT_EQ(record::kError, std::uint32_t{Record::kErrorFieldNumber});
  EXPECT_EQ(record::kNames, std::uint32_t{Record::kNamesFieldNumber});
  EXPECT_EQ(record::kData, std::uint32_t{Record::kDataFieldNumber});
  EXPECT_EQ(record::kResult, std::uint32_t{Record::kResultFieldNumber});
  EXPECT_EQ(record::kNotifyCode, std::uint32_t{Record::kNotifyCodeFieldNumber});
  EXPECT_EQ(record::kAsksSize, std::uint32_t{Record::kAsksSizeFieldNumber});
  EXPECT_EQ(record::kExtensions, std::uint32_t{Record::kExtensionsFieldNumber});
  EXPECT_EQ(record::kMark, std::uint32_t{Record::kMarkFieldNumber});
  EXPECT_EQ(record::kHeaderPadding, std::uint32_t{Record::kHeaderPaddingFieldNumber});
  EXPECT_EQ(record::kFixedSize, std::uint32_t{Record::kFixedSizeFieldNumber});
  EXPECT_EQ(record::kRaw, std::uint32_t{Record::kRawFieldNumber});
  EXPECT_EQ(record::kEntries, std::uint32_t{Record::kEntriesFieldNumber});
  EXPECT_EQ(record::kNodeIds, std::uint32_t{Record::kNodeidsFieldNumber});
  EXPECT_EQ(record::kPieces, std::uint32_t{Record::kPiecesFieldNumber});
  EXPECT_EQ(record::kDataSize, std::uint32_t{Record::kDataSizeFieldNumber});
  EXPECT_EQ(record::kDataPhase, std::uint32_t{Record::kDataPhaseFieldNumber});
  EXPECT_EQ(record::kDataHashes, std::uint32_t{Record::kDataHashesFieldNumber});
  EXPECT_EQ(record::kPieceBytes, std::uint32_t{trace::DataPiece::kBytesFieldNumber});
  EXPECT_EQ(record::kPieceBack, std::uint32_t{trace::DataPiece::kBackFieldNumber});
  EXPECT_EQ(record::kPieceAt, std::uint32_t{trace::DataPiece::kAtFieldNumber});
  EXPECT_EQ(record::kPieceSize, std::uint32_t{trace::DataPiece::kSizeFieldNumber});
  EXPECT_EQ(record::kEntryName, std::uint32_t{DirectoryEntry::kNameFieldNumber});
  EXPECT_EQ(record::kEntryDirent, std::uint32_t{DirectoryEntry::kDirentFieldNumber});
  EXPECT_EQ(record::kEntryEntry, std::uint32_t{DirectoryEntry::kEntryFieldNumber});
}

TEST(TraceSchema, KindsAndMarksHaveTheNumbersOfTheEvent) {
  EXPECT_EQ(static_cast<int>(EventKind::kRequest), int{trace::REQUEST});
  EXPECT_EQ(static_cast<int>(EventKind::kReply), int{trace::REPLY});
  EXPECT_EQ(static_cast<int>(EventKind::kNotification), int{trace::NOTIFICATION});
  EXPECT_EQ(static_cast<int>(EventKind::kMark), int{trace::MARK});
  EXPECT_EQ(static_cast<int>(Mark::kMounted), int{trace::MOUNTED});
  EXPECT_EQ(static_cast<int>(Mark::kUnmounted), int{trace::UNMOUNTED});
  EXPECT_EQ(static_cast<int>(Mark::kAborted), int{trace::ABORTED});
  EXPECT_EQ(static_cast<int>(Mark::kServerDied), int{trace::SERVER_DIED});
}

}  // namespace
}  // namespace fusereplay

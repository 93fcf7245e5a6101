// Trace files: written, read back, cut off, damaged, refused.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <random>

#include "tests/traces/temporary_directory.h"
#include "tests/traces/trace_files.h"
#include "traces/block.h"
#include "traces/crc32c.h"
#include "traces/limits.h"
#include "traces/trace_header_codec.h"

namespace fusereplay {
namespace {

using test::OwnedEvent;
using test::read_trace;
using testing::HasSubstr;

/// Small blocks, so that few events make many.
TraceWriterOptions small_blocks(std::size_t bytes = 2000) {
  TraceWriterOptions options;
  options.block_bytes = bytes;
  return options;
}

TraceWriterCounts write_trace(const std::filesystem::path& path, const std::vector<OwnedEvent>& events,
                              const TraceWriterOptions& options = {}) {
  auto writer = TraceWriter::open(path, describe_host(), options);
  EXPECT_TRUE(writer) << writer.error().message;
  test::feed(events, **writer);
  const auto closed = (*writer)->close();
  EXPECT_TRUE(closed) << closed.error().message;
  return (*writer)->counts();
}

TEST(TraceFile, HoldsEveryEventAsItWas) {
  const test::TemporaryDirectory directory;
  for (const std::size_t block : {std::size_t{1}, std::size_t{3000}, std::size_t{256 * 1024}}) {
    const auto path = directory / std::to_string(block);
    const auto events = test::conversation_events(1, 3000);
    const auto counts = write_trace(path, events, small_blocks(block));
    EXPECT_EQ(counts.events, events.size());
    EXPECT_EQ(counts.raw_records, 0U);
    EXPECT_EQ(counts.dropped, 0U);
    EXPECT_EQ(counts.bytes, std::filesystem::file_size(path));
    const auto back = read_trace(path);
    EXPECT_EQ(back.outcome, ReadOutcome::kEnd) << back.error;
    EXPECT_EQ(back.events.size(), events.size());
    EXPECT_TRUE(test::is_beginning(back.events, events));
    EXPECT_EQ(back.missing, 0U);
  }
}

TEST(TraceFile, HoldsMessagesOfManyMegabytes) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(2, 200, std::size_t{4} << 20);
  write_trace(directory / "t", events);
  const auto back = read_trace(directory / "t");
  EXPECT_EQ(back.outcome, ReadOutcome::kEnd) << back.error;
  EXPECT_TRUE(test::is_beginning(back.events, events));
}

TEST(TraceFile, AHeaderWithBytesThatAreNoTextIsRefusedWithoutAWordOfTheLibrarys) {
  TraceHeader header = describe_host();
  header.kernel_release = "6.18";
  std::string body = encode_trace_header(header);
  body.replace(body.find("6.18"), 1, "\xff");
  testing::internal::CaptureStderr();
  const auto decoded = decode_trace_header(std::as_bytes(std::span(body)));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_FALSE(decoded.has_value());
}

TEST(TraceFile, SaysWhatItIsAbout) {
  const test::TemporaryDirectory directory;
  TraceHeader header = describe_host();
  header.command = {"program", "-o", "x"};
  header.mount_options = {"default_permissions", "max_read=131072"};
  header.mount_point = "/mnt/x";
  ASSERT_TRUE((*TraceWriter::open(directory / "t", header))->close());
  const auto reader = TraceReader::open(directory / "t");
  ASSERT_TRUE(reader);
  const TraceHeader& read = (*reader)->header();
  EXPECT_EQ(read.format_version, kTraceFormatVersion);
  EXPECT_EQ(read.oldest_readable, kTraceOldestReadable);
  EXPECT_EQ(read.command, header.command);
  EXPECT_EQ(read.mount_options, header.mount_options);
  EXPECT_EQ(read.mount_point, header.mount_point);
  EXPECT_EQ(read.kernel_release, header.kernel_release);
  EXPECT_FALSE(read.kernel_release.empty());
  EXPECT_EQ(read.kernel_version, header.kernel_version);
  EXPECT_EQ(read.architecture, header.architecture);
  EXPECT_GT(read.page_size, 0U);
  EXPECT_GT(read.cpus, 0U);
  EXPECT_EQ(read.start_time, header.start_time);
  EXPECT_EQ(read.payload, PayloadPolicy::kFull);
  EXPECT_EQ(read.protocol_minor, kProtocolMinor);
  google::protobuf::FileDescriptorSet schema;
  ASSERT_TRUE(schema.ParseFromString(read.schema));
  EXPECT_EQ(schema.file(0).package(), "fusereplay.trace");
  Event event;
  EXPECT_EQ((*reader)->next(event), ReadOutcome::kEnd) << "a trace of nothing";
  EXPECT_EQ((*reader)->next(event), ReadOutcome::kEnd) << "and again";
}

TEST(TraceFile, IsNotOverwrittenUnlessAsked) {
  const test::TemporaryDirectory directory;
  test::write_file(directory / "t", "precious");
  const auto refused = TraceWriter::open(directory / "t", describe_host());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("exists"));
  EXPECT_EQ(test::file_contents(directory / "t"), "precious");
  TraceWriterOptions options;
  options.existing = ExistingTrace::kOverwrite;
  write_trace(directory / "t", test::conversation_events(3, 10), options);
  EXPECT_EQ(read_trace(directory / "t").outcome, ReadOutcome::kEnd);
}

TEST(TraceFile, SaysWhyItCannotBeCreated) {
  const test::TemporaryDirectory directory;
  const auto writer = TraceWriter::open(directory / "no/such/place", describe_host());
  ASSERT_FALSE(writer);
  EXPECT_THAT(writer.error().message, HasSubstr("No such file or directory"));
  TraceWriterOptions options;
  options.existing = ExistingTrace::kOverwrite;
  const auto full = TraceWriter::open("/dev/full", describe_host(), options);
  ASSERT_FALSE(full);
  EXPECT_THAT(full.error().message, HasSubstr("No space left on device"));
}

TEST(TraceFile, HasNoNameBeforeItHasAHeader) {
  const test::TemporaryDirectory directory;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto writer = TraceWriter::open(directory / "t", describe_host());
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(writer);
  EXPECT_THAT(writer.error().message, HasSubstr("File too large"));
  EXPECT_FALSE(std::filesystem::exists(directory / "t"));
}

TEST(TraceFile, ThatCannotGrowKeepsItsWholeBlocksAndTheReason) {
  const test::TemporaryDirectory directory;
  const auto path = directory / "t";
  const auto events = test::conversation_events(4, 3000);
  auto writer = TraceWriter::open(path, describe_host(), small_blocks());
  ASSERT_TRUE(writer);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 100'000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  test::feed(events, **writer);
  const auto closed = (*writer)->close();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);

  ASSERT_FALSE(closed);
  EXPECT_THAT(closed.error().message, HasSubstr("File too large"));
  EXPECT_THAT(closed.error().message, HasSubstr(path.string()));
  const TraceWriterCounts counts = (*writer)->counts();
  EXPECT_GT(counts.dropped, 0U);
  EXPECT_EQ(counts.dropped + counts.events, events.size());
  EXPECT_EQ(std::filesystem::file_size(path), counts.bytes) << "cut back to the last whole block";
  const auto back = read_trace(path);
  EXPECT_EQ(back.outcome, ReadOutcome::kTruncated);
  EXPECT_EQ(back.events.size(), counts.events);
  EXPECT_TRUE(test::is_beginning(back.events, events));
}

TEST(TraceFile, CountsTheNumbersThatAreMissing) {
  const test::TemporaryDirectory directory;
  auto events = test::conversation_events(5, 100);
  for (std::size_t i = 50; i < events.size(); ++i) events[i].event.sequence += 7;
  write_trace(directory / "t", events, small_blocks());
  const auto back = read_trace(directory / "t");
  EXPECT_EQ(back.outcome, ReadOutcome::kEnd);
  EXPECT_EQ(back.missing, 7U);
  EXPECT_TRUE(test::is_beginning(back.events, events));
}

/// Where each block of a sound trace begins, and the end.
std::vector<std::size_t> block_offsets(const std::string& trace) {
  std::vector<std::size_t> offsets;
  std::size_t offset = 0;
  while (offset < trace.size()) {
    offsets.push_back(offset);
    const auto header = decode_block_header(std::as_bytes(std::span(trace)).subspan(offset).first(kBlockHeaderBytes));
    EXPECT_TRUE(header);
    offset += kBlockHeaderBytes + header->stored_size;
  }
  EXPECT_EQ(offset, trace.size());
  offsets.push_back(offset);
  return offsets;
}

TEST(TraceFile, CutAtAnyByteOfItsLastBlocksLosesOnlyThese) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(6, 60, 50);
  write_trace(directory / "whole", events, small_blocks(400));
  const std::string trace = test::file_contents(directory / "whole");
  const auto offsets = block_offsets(trace);
  ASSERT_GT(offsets.size(), 5U);
  // [last record block, index block)
  const std::size_t last = offsets[offsets.size() - 4];
  const std::size_t end = offsets[offsets.size() - 3];
  test::write_file(directory / "cut", std::string_view(trace).substr(0, last));
  const std::size_t whole_blocks = read_trace(directory / "cut").events.size();
  ASSERT_LT(whole_blocks, events.size());
  for (std::size_t size = last; size < trace.size(); ++size) {
    test::write_file(directory / "cut", std::string_view(trace).substr(0, size));
    const auto back = read_trace(directory / "cut");
    ASSERT_EQ(back.outcome, ReadOutcome::kTruncated) << size;
    ASSERT_EQ(back.events.size(), size < end ? whole_blocks : events.size()) << size;
    ASSERT_TRUE(test::is_beginning(back.events, events));
  }
}

TEST(TraceFile, WithATailOfZerosOrGarbageIsTruncated) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(7, 300, 200);
  write_trace(directory / "whole", events, small_blocks(600));
  std::string trace = test::file_contents(directory / "whole");
  const auto offsets = block_offsets(trace);
  const std::size_t last = offsets[offsets.size() - 4];
  for (std::size_t at = last; at < trace.size(); ++at) trace[at] = '\0';
  test::write_file(directory / "zeros", trace);
  EXPECT_EQ(read_trace(directory / "zeros").outcome, ReadOutcome::kTruncated);
  for (std::size_t at = last; at < trace.size(); ++at) trace[at] = static_cast<char>(at * 7);
  test::write_file(directory / "garbage", trace);
  EXPECT_EQ(read_trace(directory / "garbage").outcome, ReadOutcome::kTruncated);
}

TEST(TraceFile, DamagedInTheMiddleSaysWhere) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(8, 300, 200);
  write_trace(directory / "whole", events, small_blocks(600));
  const std::string whole = test::file_contents(directory / "whole");
  const auto offsets = block_offsets(whole);
  const std::size_t third = offsets[3];
  for (const std::size_t within : {std::size_t{0}, std::size_t{20}, kBlockHeaderBytes + 5}) {
    std::string trace = whole;
    trace[third + within] = static_cast<char>(trace[third + within] ^ 0x10);
    test::write_file(directory / "damaged", trace);
    const auto back = read_trace(directory / "damaged");
    EXPECT_EQ(back.outcome, ReadOutcome::kDamaged);
    EXPECT_THAT(back.error, HasSubstr("offset " + std::to_string(third)));
    EXPECT_FALSE(back.events.empty());
    EXPECT_TRUE(test::is_beginning(back.events, events));
  }
}

TEST(TraceFile, ThatLostABlockOrHasOneTwiceIsDamaged) {
  const test::TemporaryDirectory directory;
  write_trace(directory / "whole", test::conversation_events(9, 300, 200), small_blocks(600));
  const std::string whole = test::file_contents(directory / "whole");
  const auto offsets = block_offsets(whole);
  const std::size_t end = offsets[offsets.size() - 3];  // the index and the end block
  const std::size_t last = offsets[offsets.size() - 4];
  test::write_file(directory / "lost", whole.substr(0, last) + whole.substr(end));
  EXPECT_EQ(read_trace(directory / "lost").outcome, ReadOutcome::kDamaged) << "the end block knows the last sequence";
  test::write_file(directory / "twice", whole.substr(0, end) + whole.substr(last));
  EXPECT_EQ(read_trace(directory / "twice").outcome, ReadOutcome::kDamaged);
  test::write_file(directory / "header twice", whole.substr(0, last) + whole.substr(0, offsets[1]));
  EXPECT_EQ(read_trace(directory / "header twice").outcome, ReadOutcome::kDamaged);
  test::write_file(directory / "more", whole + "x");
  EXPECT_EQ(read_trace(directory / "more").outcome, ReadOutcome::kDamaged);
}

std::string open_error(const std::filesystem::path& path) {
  const auto reader = TraceReader::open(path);
  return reader ? "opened" : reader.error().message;
}

TEST(TraceFile, ThatIsNoneIsRefusedInOneLine) {
  const test::TemporaryDirectory directory;
  EXPECT_THAT(open_error(directory / "nowhere"), HasSubstr("No such file or directory"));
  EXPECT_THAT(open_error("/"), HasSubstr("is not a trace"));
  test::write_file(directory / "empty", "");
  EXPECT_THAT(open_error(directory / "empty"), HasSubstr("is not a trace"));
  test::write_file(directory / "text", std::string(1000, 'x'));
  EXPECT_THAT(open_error(directory / "text"), HasSubstr("is not a trace"));
  ASSERT_EQ(::mkfifo((directory / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(open_error(directory / "fifo"), HasSubstr("is not a trace"));
  write_trace(directory / "whole", {});
  const std::string whole = test::file_contents(directory / "whole");
  test::write_file(directory / "cut", whole.substr(0, 100));
  EXPECT_THAT(open_error(directory / "cut"), HasSubstr("within its first block"));
  test::write_file(directory / "headless", whole.substr(block_offsets(whole)[1]));
  EXPECT_THAT(open_error(directory / "headless"), HasSubstr("is not a trace"));
}

std::string block(BlockHeader header, std::string_view body) {
  header.raw_size = header.raw_size == 0 ? static_cast<std::uint32_t>(body.size()) : header.raw_size;
  header.stored_size = static_cast<std::uint32_t>(body.size());
  header.body_crc = crc32c(std::as_bytes(std::span(body)));
  const auto bytes = encode_block_header(header);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) + std::string(body);
}

TEST(TraceFile, WithARecordDamagedUnderAGoodChecksumIsReadUpToIt) {
  const test::TemporaryDirectory directory;
  write_trace(directory / "whole", {});
  const std::string whole = test::file_contents(directory / "whole");
  const std::string mark("\x05\x08\x04\xa0\x01\x01", 6);  // Record{kind: MARK, mark: MOUNTED}, length-delimited
  const std::string damaged("\x02\x08\x63", 3);
  const BlockHeader header{.records = 4, .first_sequence = 1, .last_sequence = 4};
  test::write_file(directory / "damaged",
                   whole.substr(0, block_offsets(whole)[1]) + block(header, mark + mark + damaged + mark));
  const auto back = read_trace(directory / "damaged");
  EXPECT_EQ(back.outcome, ReadOutcome::kDamaged);
  EXPECT_EQ(back.events.size(), 2U);
  EXPECT_THAT(back.error, HasSubstr("an unknown kind of event"));
}

TEST(TraceFile, OfANewerFormatIsRefusedByName) {
  const test::TemporaryDirectory directory;
  // TraceHeader{format_version: 9, oldest_readable: 8}, length-delimited.
  const std::string body("\x04\x08\x09\x10\x08", 5);
  test::write_file(directory / "newer", block({.kind = BlockKind::kHeader, .records = 1}, body));
  EXPECT_THAT(open_error(directory / "newer"), HasSubstr("trace format 9"));
  EXPECT_THAT(open_error(directory / "newer"), HasSubstr("use a newer fusereplay"));
}

TEST(TraceFile, WithSizesAboveTheLimitsIsRefusedBeforeAnyMemoryIsTaken) {
  const test::TemporaryDirectory directory;
  write_trace(directory / "whole", test::conversation_events(10, 20, 10));
  const std::string whole = test::file_contents(directory / "whole");
  const std::string head = whole.substr(0, block_offsets(whole)[1]);
  BlockHeader bomb{.kind = BlockKind::kRecords, .codec = BlockCodec::kZstd, .records = 1};
  bomb.first_sequence = bomb.last_sequence = 1;
  bomb.raw_size = kMaxBlockBytes + 1;
  test::write_file(directory / "bomb", head + block(bomb, "x"));
  auto back = read_trace(directory / "bomb");
  EXPECT_EQ(back.outcome, ReadOutcome::kDamaged);
  EXPECT_THAT(back.error, HasSubstr("sizes that cannot be"));
  bomb.raw_size = 1000;
  test::write_file(directory / "bomb", head + block(bomb, "no zstd frame"));
  back = read_trace(directory / "bomb");
  EXPECT_EQ(back.outcome, ReadOutcome::kDamaged);
  EXPECT_THAT(back.error, HasSubstr("decompress"));
}

TEST(TraceFile, CorruptedAnywhereEndsInAnErrorOrTheReadablePart) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(11, 60, 50);
  write_trace(directory / "whole", events, small_blocks(500));
  const std::string whole = test::file_contents(directory / "whole");
  std::mt19937_64 random(12);
  for (int round = 0; round < 4000; ++round) {
    std::string trace = whole;
    for (std::uint64_t changes = 1 + random() % 4; changes != 0; --changes) {
      const std::size_t at = random() % trace.size();
      switch (random() % 4) {
        case 0:
          trace[at] = static_cast<char>(trace[at] ^ (1 << random() % 8));
          break;
        case 1:
          trace.resize(at + 1);
          break;
        case 2:
          trace.erase(at, random() % 100);
          break;
        case 3:
          trace.insert(at, trace.substr(random() % trace.size(), random() % 200));
          break;
      }
      if (trace.empty()) break;
    }
    test::write_file(directory / "corrupted", trace);
    const auto back = read_trace(directory / "corrupted");
    ASSERT_TRUE(test::is_beginning(back.events, events)) << "round " << round;
  }
}

TEST(TraceFile, CorruptedUnderAGoodChecksumStillEndsCleanly) {
  const test::TemporaryDirectory directory;
  // Blocks of one record, most too small to be compressed: then a changed byte is a changed record.
  write_trace(directory / "whole", test::conversation_events(13, 40, 50), small_blocks(1));
  const std::string whole = test::file_contents(directory / "whole");
  const auto offsets = block_offsets(whole);
  std::mt19937_64 random(14);
  for (int round = 0; round < 3000; ++round) {
    std::string trace;
    const std::size_t victim = 1 + random() % (offsets.size() - 2);
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      std::string bytes = whole.substr(offsets[i], offsets[i + 1] - offsets[i]);
      if (i == victim) {
        auto header = *decode_block_header(std::as_bytes(std::span(bytes)).first(kBlockHeaderBytes));
        std::string body = bytes.substr(kBlockHeaderBytes);
        if (!body.empty()) body[random() % body.size()] = static_cast<char>(random());
        if (random() % 4 == 0) header.records += static_cast<std::uint32_t>(random() % 3);
        bytes = block(header, body);
      }
      trace += bytes;
    }
    test::write_file(directory / "corrupted", trace);
    static_cast<void>(read_trace(directory / "corrupted"));
  }
}

TEST(TraceFile, IsReadableWhileItGrows) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(15, 100);
  auto writer = TraceWriter::open(directory / "t", describe_host());
  ASSERT_TRUE(writer);
  test::feed(events, **writer);
  EXPECT_TRUE(read_trace(directory / "t").events.empty());
  (*writer)->flush_if_due(std::chrono::steady_clock::now() - std::chrono::hours(1));
  EXPECT_TRUE(read_trace(directory / "t").events.empty()) << "not due";
  (*writer)->flush_if_due(std::chrono::steady_clock::now() + std::chrono::milliseconds(50));
  auto back = read_trace(directory / "t");
  EXPECT_EQ(back.outcome, ReadOutcome::kTruncated);
  EXPECT_EQ(back.events.size(), events.size());
  ASSERT_TRUE((*writer)->close());
  back = read_trace(directory / "t");
  EXPECT_EQ(back.outcome, ReadOutcome::kEnd);
  EXPECT_EQ(back.events.size(), events.size());
}

TEST(Crc32c, IsCastagnolisInBothForms) {
  const std::string_view check = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(check))), 0xE3069283U);
  std::mt19937_64 random(16);
  for (std::size_t size = 0; size < 100; ++size) {
    std::vector<std::byte> bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    EXPECT_EQ(crc32c(bytes), internal::crc32c_portable(bytes));
  }
}

}  // namespace
}  // namespace fusereplay

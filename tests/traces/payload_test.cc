// What a trace keeps of the data of files: all of it once, hashes, or sizes.
#include "traces/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "core/protocol/builder.h"
#include "tests/traces/temporary_directory.h"
#include "tests/traces/trace_files.h"
#include "traces/event_log.h"
#include "traces/limits.h"

namespace fusereplay {
namespace {

using test::OwnedEvent;
using test::read_trace;
using testing::HasSubstr;

std::vector<std::byte> random_bytes(std::uint32_t seed, std::size_t size) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t value = random();
    std::memcpy(bytes.data() + at, &value, std::min(sizeof(value), size - at));
  }
  return bytes;
}

/// WRITEs and READs of one file, as events.
class FileTraffic {
 public:
  void write(std::uint64_t offset, Bytes data) {
    wire::WriteIn in{};
    in.fh = 1;
    in.offset = offset;
    in.size = static_cast<std::uint32_t>(data.size());
    add(EventKind::kRequest, ask(Opcode::kWrite).add(in).bytes(data).finish());
    wire::WriteOut out{};
    out.size = in.size;
    add(EventKind::kReply, builder_.start_reply(unique_, 0).add(out).finish());
  }
  void read(std::uint64_t offset, Bytes data) {
    wire::ReadIn in{};
    in.fh = 1;
    in.offset = offset;
    in.size = static_cast<std::uint32_t>(data.size());
    add(EventKind::kRequest, ask(Opcode::kRead).add(in).finish());
    add(EventKind::kReply, builder_.start_reply(unique_, 0).bytes(data).finish());
  }
  const std::vector<OwnedEvent>& events() const { return events_; }

 private:
  MessageBuilder& ask(Opcode opcode) {
    wire::InHeader header{};
    header.unique = unique_ += 2;
    header.nodeid = 5;
    return builder_.start_request(opcode, header);
  }
  void add(EventKind kind, Bytes bytes) {
    OwnedEvent owned;
    owned.event.kind = kind;
    owned.event.sequence = events_.size() + 1;
    owned.event.begin = owned.event.end = 1'700'000'000'000'000'000 + static_cast<std::int64_t>(events_.size());
    owned.event.result = static_cast<std::int64_t>(bytes.size());
    owned.bytes.assign(bytes.begin(), bytes.end());
    events_.push_back(std::move(owned));
  }

  MessageBuilder builder_;
  std::uint64_t unique_ = 0;
  std::vector<OwnedEvent> events_;
};

void write_trace(const std::filesystem::path& path, const std::vector<OwnedEvent>& events, PayloadPolicy payload,
                 std::size_t block_bytes = 256 * 1024) {
  TraceWriterOptions options;
  options.payload = payload;
  options.block_bytes = block_bytes;
  auto writer = TraceWriter::open(path, describe_host(), options);
  ASSERT_TRUE(writer) << writer.error().message;
  test::feed(events, **writer);
  ASSERT_TRUE((*writer)->close());
}

/// Keeps what it is shown.
class Keeper : public EventSink {
 public:
  void on_event(const Event& event) override {
    OwnedEvent owned{event, test::OwnedMessage(event.message.head.begin(), event.message.head.end())};
    owned.bytes.insert(owned.bytes.end(), event.message.tail.begin(), event.message.tail.end());
    events.push_back(std::move(owned));
  }
  std::vector<OwnedEvent> events;
};

std::vector<OwnedEvent> as_kept(const std::vector<OwnedEvent>& events, PayloadPolicy payload) {
  Keeper keeper;
  AsKept kept(payload, keeper);
  test::feed(events, kept);
  return keeper.events;
}

Bytes data_of(const OwnedEvent& reply) {
  return Bytes(reply.bytes).subspan(sizeof(wire::OutHeader));
}

TEST(PayloadChunks, EndWhereThePagesOfTheFileEnd) {
  std::vector<std::pair<std::size_t, std::size_t>> chunks;
  const auto note = [&](std::size_t at, std::size_t size) { chunks.emplace_back(at, size); };
  for_each_chunk(4000, 5000, note);
  EXPECT_EQ(chunks, (std::vector<std::pair<std::size_t, std::size_t>>{{0, 96}, {96, 4096}, {4192, 808}}));
  EXPECT_EQ(chunk_count(4000, 5000), 3U);
  EXPECT_EQ(chunk_count(0, 4096), 1U);
  EXPECT_EQ(chunk_count(4095, 2), 2U);
  EXPECT_EQ(chunk_count(17, 0), 0U);
}

TEST(PayloadChunks, AreStoodForByBytesThatDependOnTheirHashAlone) {
  const auto chunk = random_bytes(1, 4096);
  std::vector<std::byte> once(4096), again(4096), other(4096);
  generate_chunk(hash_chunk(chunk), once);
  generate_chunk(hash_chunk(chunk), again);
  generate_chunk(hash_chunk(random_bytes(2, 4096)), other);
  EXPECT_EQ(once, again);
  EXPECT_NE(once, other);
  EXPECT_NE(once, chunk);
  EXPECT_EQ(std::count(once.begin(), once.end(), std::byte{0}), 0);
  for (const std::size_t zeros : {std::size_t{4096}, std::size_t{100}}) {
    std::vector<std::byte> stood(zeros, std::byte{1});
    generate_chunk(hash_chunk(std::vector<std::byte>(zeros)), stood);
    EXPECT_EQ(std::count(stood.begin(), stood.end(), std::byte{0}), static_cast<std::ptrdiff_t>(zeros));
  }
}

TEST(PayloadChunks, AreStoodForByTheSameBytesInEveryVersion) {
  std::array<std::byte, 12> stood;
  generate_chunk(hash_chunk(random_bytes(7, 12)), stood);
  std::string text;
  for (const std::byte byte : stood) text += std::to_string(static_cast<int>(byte)) + " ";
  EXPECT_EQ(text, "219 249 241 211 95 241 141 183 51 247 199 99 ");
}

TEST(PayloadPolicy, FullIsTheIdentityHoweverDataRepeats) {
  const test::TemporaryDirectory directory;
  FileTraffic file;
  const auto data = random_bytes(3, 300'000);
  for (int round = 0; round < 6; ++round) {
    file.write(0, data);
    file.read(0, Bytes(data).first(131072));
    file.read(131072, Bytes(data).subspan(131072, 100'000));
    file.read(4096, Bytes(data).subspan(4096, 8192));
    file.write(static_cast<std::uint64_t>(round) * 1000, Bytes(data).first(700));
  }
  for (const std::size_t block : {std::size_t{1}, std::size_t{100'000}, std::size_t{256 * 1024}}) {
    const auto path = directory / std::to_string(block);
    write_trace(path, file.events(), PayloadPolicy::kFull, block);
    const auto back = read_trace(path);
    EXPECT_EQ(back.outcome, ReadOutcome::kEnd) << back.error;
    EXPECT_EQ(back.events.size(), file.events().size());
    EXPECT_TRUE(test::is_beginning(back.events, file.events()));
    EXPECT_EQ(back.raw_records, 0U);
    EXPECT_LT(std::filesystem::file_size(path), data.size() + 60'000) << "equal data is stored once";
  }
}

TEST(PayloadPolicy, FullFindsDataOfLongAgo) {
  const test::TemporaryDirectory directory;
  FileTraffic file;
  constexpr std::size_t kSize = 1 << 20;
  constexpr std::uint32_t kFiles = 20;  // more than a reader keeps at hand
  for (std::uint32_t i = 0; i < kFiles; ++i) file.write(i * kSize, random_bytes(100 + i, kSize));
  for (std::uint32_t i = 0; i < kFiles; ++i) file.read(i * kSize, random_bytes(100 + i, kSize));
  write_trace(directory / "t", file.events(), PayloadPolicy::kFull);
  EXPECT_LT(std::filesystem::file_size(directory / "t"), kFiles * kSize * 21 / 20);
  const auto back = read_trace(directory / "t");
  EXPECT_EQ(back.outcome, ReadOutcome::kEnd) << back.error;
  EXPECT_TRUE(test::is_beginning(back.events, file.events()));
}

TEST(PayloadPolicy, HashAndNoneKeepAllButTheDataOfFiles) {
  const test::TemporaryDirectory directory;
  const auto events = test::conversation_events(11, 4000, 20'000);
  for (const PayloadPolicy payload : {PayloadPolicy::kHash, PayloadPolicy::kNone}) {
    const auto path = directory / std::to_string(static_cast<int>(payload));
    write_trace(path, events, payload);
    const auto back = read_trace(path);
    EXPECT_EQ(back.outcome, ReadOutcome::kEnd) << back.error;
    const auto expected = as_kept(events, payload);
    ASSERT_EQ(back.events.size(), events.size());
    std::size_t with_data = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
      EXPECT_TRUE(test::same(back.events[i], expected[i])) << "event " << i;
      EXPECT_EQ(back.events[i].bytes.size(), events[i].bytes.size());
      if (back.events[i].bytes != events[i].bytes) ++with_data;
    }
    EXPECT_GT(with_data, 50U);
    EXPECT_EQ((*TraceReader::open(path))->header().payload, payload);
  }
}

TEST(PayloadPolicy, HashGivesReadsWhatItGivesTheWritesTheyReturn) {
  const auto data = random_bytes(5, 10'000);
  FileTraffic file;
  file.write(0, data);
  file.read(0, Bytes(data).first(4096));
  file.read(4096, Bytes(data).subspan(4096));
  const auto kept = as_kept(file.events(), PayloadPolicy::kHash);
  const Bytes written = Bytes(kept[0].bytes).subspan(sizeof(wire::InHeader) + sizeof(wire::WriteIn));
  EXPECT_TRUE(std::ranges::equal(data_of(kept[3]), written.first(4096)));
  EXPECT_TRUE(std::ranges::equal(data_of(kept[5]), written.subspan(4096)));
  EXPECT_FALSE(std::ranges::equal(written, data));
}

TEST(PayloadPolicy, HashTakesSixteenBytesAPage) {
  const test::TemporaryDirectory directory;
  FileTraffic file;
  for (std::uint32_t i = 0; i < 64; ++i) file.write(i << 20, random_bytes(i, 1 << 20));
  write_trace(directory / "hash", file.events(), PayloadPolicy::kHash);
  write_trace(directory / "none", file.events(), PayloadPolicy::kNone);
  const auto hash = std::filesystem::file_size(directory / "hash");
  const auto none = std::filesystem::file_size(directory / "none");
  EXPECT_LT(hash, none + 64 * 256 * 16 + 4096);
  EXPECT_LT(none, 20'000U);
}

TEST(SharedData, InADamagedBlockIsRefused) {
  const test::TemporaryDirectory directory;
  FileTraffic file;
  const auto data = random_bytes(3, 50'000);
  file.write(0, data);
  for (int i = 0; i < 3; ++i) file.read(0, data);
  write_trace(directory / "t", file.events(), PayloadPolicy::kFull, 1);
  std::string contents = test::file_contents(directory / "t");
  const auto at = contents.find(std::string(reinterpret_cast<const char*>(data.data()) + 100, 16));
  ASSERT_NE(at, std::string::npos);
  contents[at] ^= 1;
  test::write_file(directory / "t", contents);
  const auto back = read_trace(directory / "t");
  EXPECT_EQ(back.outcome, ReadOutcome::kDamaged);
}

TEST(SharedData, IsGivenByTheSizeOfTheMessagesToo) {
  // A block of a few bytes that stands for more than a block's messages may be.
  const test::TemporaryDirectory directory;
  FileTraffic file;
  const std::vector<std::byte> zeros(4 << 20);
  for (std::size_t i = 0; i < 40; ++i) file.write(0, zeros);
  write_trace(directory / "t", file.events(), PayloadPolicy::kNone);
  EXPECT_EQ(read_trace(directory / "t").outcome, ReadOutcome::kEnd) << "a writer ends its block in time";
}

}  // namespace
}  // namespace fusereplay

// Replaying a trace that keeps hashes, or sizes, of the data of files.
#include "replayer/kept_data.h"

#include <gtest/gtest.h>

#include "core/event/conversation.h"
#include "tests/replayer/stage.h"
#include "traces/payload.h"

namespace fusereplay::test {
namespace {

class Keeper : public EventSink {
 public:
  void on_event(const Event& event) override {
    recording.push_back({event, {event.message.head.begin(), event.message.head.end()}});
  }
  Recording recording;
};

/// The conversation as a trace with this policy gives it back.
Recording as_kept(const Recording& recording, PayloadPolicy payload) {
  Keeper keeper;
  AsKept kept(payload, keeper);
  Conversation conversation;
  for (const StoredEvent& stored : recording) {
    Event event = stored.event;
    event.message.head = stored.bytes;
    conversation.follow(event);
    kept.on_event(event);
  }
  return keeper.recording;
}

std::string text(char first, std::size_t size) {
  std::string result(size, first);
  for (std::size_t i = 0; i < size; i += 7) result[i] = static_cast<char>(first + 1 + static_cast<char>(i % 50));
  return result;
}

struct File {
  explicit File(Caller& caller) : caller(caller), created(caller.create(1, "f")) {}
  void write(std::uint64_t offset, std::string_view data) {
    caller.write(created.nodeid(), created.created_handle(), offset, data);
  }
  void read(std::uint64_t offset, std::uint32_t size) {
    caller.read(Opcode::kRead, created.nodeid(), created.created_handle(), offset, size);
  }
  Caller& caller;
  Reply created;
};

ReplayReport replay_kept(const Recording& recording, PayloadPolicy payload) {
  ReplayOptions options;
  options.payload = payload;
  return replay_on_memfs(recording, {}, options);
}

void pages(Caller& caller) {
  File file(caller);
  file.write(0, text('a', 20'000));
  file.read(0, 32'768);
  file.read(8192, 4096);
  file.write(4096, text('k', 4096));
  file.write(40'000, text('x', 100));
  file.read(0, 65'536);
  file.read(24'576, 4096);  // a hole
}

TEST(KeptData, OfWholePagesIsComparedByItsHash) {
  const auto report = replay_kept(as_kept(record(pages), PayloadPolicy::kHash), PayloadPolicy::kHash);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(report.counts.compared_by_size, 0U) << "the page with 'x' begins with a hole";
}

TEST(KeptData, ThatAWriteDidNotPutThereDiffers) {
  Recording recording = as_kept(record(pages), PayloadPolicy::kHash);
  // The third page of the first WRITE is lost on its way to the live filesystem.
  for (StoredEvent& stored : recording) {
    if (stored.event.kind != EventKind::kRequest || stored.bytes.size() < 20'000) continue;
    stored.bytes[sizeof(wire::InHeader) + sizeof(wire::WriteIn) + 8192 + 17] ^= std::byte{8};
  }
  const auto report = replay_kept(recording, PayloadPolicy::kHash);
  EXPECT_EQ(report.counts.divergences, 3U);
  ASSERT_FALSE(report.causes.empty());
  EXPECT_EQ(report.causes[0].divergence.opcode, Opcode::kRead);
  EXPECT_EQ(report.causes[0].divergence.field, "data[8209]");
}

TEST(KeptData, ThatIsZeroWhereSomeWasRecordedDiffers) {
  Recording recording = as_kept(record([](Caller& caller) {
                                  File file(caller);
                                  file.write(100, text('a', 1000));
                                  file.read(0, 4096);
                                }),
                                PayloadPolicy::kHash);
  for (StoredEvent& stored : recording) {
    if (stored.bytes.size() < 1000 || stored.event.kind != EventKind::kRequest) continue;
    std::fill(stored.bytes.begin() + sizeof(wire::InHeader) + sizeof(wire::WriteIn), stored.bytes.end(), std::byte{0});
  }
  EXPECT_EQ(replay_kept(recording, PayloadPolicy::kHash).counts.divergences, 1U);
}

TEST(KeptData, ThatWasPutTogetherFromPartsIsComparedWithWhatTheyAre) {
  const auto parts = [](Caller& caller) {
    File file(caller);
    for (int i = 0; i < 30; ++i) file.write(static_cast<std::uint64_t>(i) * 333, text('a', 333));
    file.read(0, 9990);
    file.write(64, text('h', 16));
    file.read(0, 9990);
  };
  const auto report = replay_kept(as_kept(record(parts), PayloadPolicy::kHash), PayloadPolicy::kHash);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(report.counts.compared_by_size, 0U);
}

TEST(KeptData, ThatWasCutIsComparedByItsSize) {
  const Recording recording = as_kept(record([](Caller& caller) {
                                        File file(caller);
                                        file.write(0, text('a', 1000));
                                        file.read(0, 4096);
                                        file.write(1000, text('b', 1000));
                                        file.read(0, 4096);
                                        file.write(0, text('c', 4096));
                                        file.read(0, 4096);
                                        file.caller.truncate(file.created.nodeid(), 2048);
                                        file.read(0, 4096);
                                      }),
                                      PayloadPolicy::kHash);
  const auto report = replay_kept(recording, PayloadPolicy::kHash);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(report.counts.compared_by_size, 1U) << "the page that was cut short";
}

TEST(KeptData, PutTogetherFromPartsMayDifferInNoByte) {
  using Moment = KeptData::Moment;
  const std::string parts = text('a', 300) + text('k', 500);
  const auto bytes = std::as_bytes(std::span(parts));
  const std::string other = text('z', 800);
  const auto recorded = std::as_bytes(std::span(other));
  KeptData kept(PayloadPolicy::kHash);
  kept.wrote(7, 4096 + 100, bytes.first(300));
  kept.wrote(7, 4096 + 400, bytes.subspan(300));
  const auto good = kept.compare(7, 4096 + 100, recorded, bytes, Moment::kKnown);
  EXPECT_FALSE(good.differs_at);
  EXPECT_FALSE(good.by_size);
  std::string wrong = parts;
  wrong[555] = '!';
  const auto live = std::as_bytes(std::span(wrong));
  EXPECT_EQ(kept.compare(7, 4096 + 100, recorded, live, Moment::kKnown).differs_at, 555U);
  EXPECT_TRUE(kept.compare(7, 4096 + 100, recorded, live, Moment::kOverlapping).by_size);
  EXPECT_TRUE(kept.compare(8, 4096 + 100, recorded, live, Moment::kKnown).by_size);
  EXPECT_TRUE(kept.compare(7, 4096 + 99, recorded, live, Moment::kKnown).by_size);
  kept.changed(7);
  EXPECT_TRUE(kept.compare(7, 4096 + 100, recorded, live, Moment::kKnown).by_size);
}

TEST(KeptData, OfWhichNothingIsKeptIsComparedByItsSize) {
  const auto report = replay_kept(as_kept(record(pages), PayloadPolicy::kNone), PayloadPolicy::kNone);
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(report.counts.compared_by_size, 4U);
}

}  // namespace
}  // namespace fusereplay::test

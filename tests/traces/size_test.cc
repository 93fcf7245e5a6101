// How large traces are.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "core/event/conversation.h"
#include "tests/traces/temporary_directory.h"
#include "traces/reader.h"
#include "traces/writer.h"

namespace fusereplay {
namespace {

struct Size {
  std::uint64_t bytes = 0;  // without the header block
  std::uint64_t messages = 0;
};

/// Of the golden trace, written anew without the data of files.
Size size_of(const std::filesystem::path& golden) {
  const test::TemporaryDirectory directory;
  auto reader = TraceReader::open(golden);
  EXPECT_TRUE(reader) << reader.error().message;
  TraceWriterOptions options;
  options.payload = PayloadPolicy::kNone;
  auto writer = TraceWriter::open(directory / "t", (*reader)->header(), options);
  EXPECT_TRUE(writer);
  const std::uint64_t header = (*writer)->counts().bytes;
  Conversation conversation;
  Event event;
  while ((*reader)->next(event) == ReadOutcome::kEvent) {
    conversation.follow(event);
    (*writer)->on_event(event);
  }
  EXPECT_TRUE((*writer)->close());
  return {(*writer)->counts().bytes - header, (*writer)->counts().events};
}

TEST(TraceSize, IsAtMostTwentyBytesAMessageOverTheGoldenTraces) {
  Size all;
  for (const auto& entry : std::filesystem::directory_iterator(FUSEREPLAY_GOLDEN)) {
    if (entry.path().extension() != ".fusetrace") continue;
    const Size one = size_of(entry.path());
    std::printf("%-24s %7.1f bytes a message\n", entry.path().filename().c_str(),
                static_cast<double>(one.bytes) / static_cast<double>(one.messages));
    all.bytes += one.bytes;
    all.messages += one.messages;
  }
  ASSERT_GT(all.messages, 0U);
  std::printf("%-24s %7.1f bytes a message\n", "all",
              static_cast<double>(all.bytes) / static_cast<double>(all.messages));
  EXPECT_LE(all.bytes, all.messages * 20);
}

}  // namespace
}  // namespace fusereplay

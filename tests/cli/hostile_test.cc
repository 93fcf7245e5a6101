// Traces that someone else wrote, or that a disk changed: seeded corruptions of the golden traces. Whatever the file
// says, what reads it ends with the readable part or one line, within 256 MiB. FUSEREPLAY_LONG=1 makes 100,000
// corruptions, whole golden traces among them. FUSEREPLAY_SEED=N begins at seed N.
#include <gtest/gtest.h>
#include <malloc.h>
#include <zstd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <random>

#include "cli/statistics.h"
#include "recorder/ring_drain.h"
#include "rules/rule_set.h"
#include "tests/traces/temporary_directory.h"
#include "tests/traces/trace_files.h"
#include "traces/block.h"
#include "traces/crc32c.h"
#include "traces/event_log.h"
#include "traces/limits.h"
#include "traces/repair.h"

namespace {
std::atomic<std::size_t> g_in_use{0};
std::atomic<std::size_t> g_most{0};

void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  const std::size_t now = g_in_use.fetch_add(::malloc_usable_size(memory)) + ::malloc_usable_size(memory);
  std::size_t most = g_most.load();
  while (now > most && !g_most.compare_exchange_weak(most, now)) {
  }
  return memory;
}
void uncounted(void* memory) {
  if (memory != nullptr) g_in_use.fetch_sub(::malloc_usable_size(memory));
  std::free(memory);
}
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  return counted(std::malloc(size == 0 ? 1 : size));
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted(std::aligned_alloc(
      static_cast<std::size_t>(alignment),
      (size + static_cast<std::size_t>(alignment) - 1) & ~(static_cast<std::size_t>(alignment) - 1)));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  uncounted(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  uncounted(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  uncounted(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  uncounted(memory);
}

namespace fusereplay {
namespace {

constexpr std::size_t kMostMemory = std::size_t{256} << 20;

bool is_long() {
  return std::getenv("FUSEREPLAY_LONG") != nullptr;
}

class NothingLate final : public LateEvents {
 public:
  bool next(std::uint64_t, Event&) override { return false; }
};

struct Block {
  BlockHeader header;
  std::string raw;
};

/// The blocks of a trace, unpacked.
std::vector<Block> unpack(const std::string& file) {
  std::vector<Block> blocks;
  for (std::size_t at = 0; at < file.size();) {
    const auto header = decode_block_header(std::as_bytes(std::span(file)).subspan(at));
    if (!header) break;
    Block block{*header, file.substr(at + kBlockHeaderBytes, header->stored_size)};
    if (header->codec == BlockCodec::kZstd) {
      std::string raw(header->raw_size, '\0');
      ZSTD_decompress(raw.data(), raw.size(), block.raw.data(), block.raw.size());
      block.raw = raw;
    }
    at += kBlockHeaderBytes + header->stored_size;
    blocks.push_back(std::move(block));
  }
  return blocks;
}

/// With every checksum right, so that what is in the blocks is looked at.
std::string pack(const std::vector<Block>& blocks) {
  std::string file;
  for (const Block& block : blocks) {
    BlockHeader header = block.header;
    header.codec = BlockCodec::kStored;
    header.raw_size = header.stored_size = static_cast<std::uint32_t>(block.raw.size());
    header.body_crc = crc32c(std::as_bytes(std::span(block.raw)));
    const auto bytes = encode_block_header(header);
    file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    file.append(block.raw);
  }
  return file;
}

/// The beginning of a golden trace, in small blocks with shared data.
std::string shortened(const std::filesystem::path& golden, const std::filesystem::path& scratch,
                      PayloadPolicy payload) {
  auto all = test::read_trace(golden);
  EXPECT_GT(all.events.size(), 0U) << golden << " " << all.error;
  all.events.resize(std::min<std::size_t>(all.events.size(), 250));
  TraceWriterOptions options;
  options.existing = ExistingTrace::kOverwrite;
  options.block_bytes = 1500;
  options.payload = payload;
  auto writer = TraceWriter::open(scratch, describe_host(), options);
  test::feed(all.events, **writer);
  EXPECT_TRUE((*writer)->close());
  return test::file_contents(scratch);
}

class Corruption {
 public:
  explicit Corruption(std::uint64_t seed) : random_(seed) {}

  std::string of(const std::string& file, const std::string& other) {
    switch (below(6)) {
      case 0:
        return file.substr(0, below(file.size() + 1));
      case 1:
        return flipped(file, 0);
      case 2:
        return absurd(file);
      case 3:
        return spliced(file, other);
      default:
        return within_blocks(file, other);
    }
  }
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : static_cast<std::size_t>(random_() % limit); }

 private:
  std::string flipped(std::string bytes, std::size_t from) {
    for (std::size_t i = 1 + below(8); i > 0 && from < bytes.size(); --i) {
      char& byte = bytes[from + below(bytes.size() - from)];
      byte = below(2) == 0 ? static_cast<char>(random_()) : static_cast<char>(byte ^ 1 << below(8));
    }
    return bytes;
  }
  /// A header whose numbers are anything, its checksum right.
  std::string absurd(std::string file) {
    std::vector<std::size_t> blocks;
    for (std::size_t at = 0; at < file.size();) {
      const auto header = decode_block_header(std::as_bytes(std::span(file)).subspan(at));
      if (!header) break;
      blocks.push_back(at);
      at += kBlockHeaderBytes + header->stored_size;
    }
    const std::size_t at = blocks[below(blocks.size())];
    constexpr std::array<std::uint64_t, 6> kNumbers = {0, 1, 0x7fffffff, 0xffffffff, ~std::uint64_t{0}, kMaxBlockBytes};
    const std::uint64_t number = kNumbers[below(kNumbers.size())];
    std::memcpy(file.data() + at + 4 + 4 * below(14), &number, below(2) == 0 ? 4 : 8);
    const std::uint32_t crc = crc32c(std::as_bytes(std::span(file)).subspan(at, 60));
    std::memcpy(file.data() + at + 60, &crc, sizeof(crc));
    return file;
  }
  std::string spliced(const std::string& file, const std::string& other) {
    std::string result = file.substr(0, below(file.size() + 1));
    const std::size_t from = below(other.size());
    result += other.substr(from, below(other.size() - from));
    return result + file.substr(below(file.size() + 1));
  }
  std::string within_blocks(const std::string& file, const std::string& other) {
    std::vector<Block> blocks = unpack(file);
    const std::vector<Block> others = unpack(other);
    for (std::size_t i = 1 + below(3); i > 0; --i) {
      Block& block = blocks[below(blocks.size())];
      switch (below(6)) {
        case 0:
          block.raw.resize(below(block.raw.size() + 1));
          break;
        case 1:
          block.header.records = static_cast<std::uint32_t>(random_());
          break;
        case 2:
          block.header = others[below(others.size())].header;
          break;
        case 3:
          std::swap(block, blocks[below(blocks.size())]);
          break;
        default:
          block.raw = flipped(block.raw, 0);
      }
    }
    return pack(blocks);
  }

  std::mt19937_64 random_;
};

/// What check, stat and repair do with it.
void read_everything(const std::filesystem::path& path, const std::filesystem::path& repaired, std::uint64_t seed) {
  std::uint64_t events = 0;
  if (auto reader = TraceReader::open(path); !reader) {
    EXPECT_FALSE(reader.error().message.empty());
    EXPECT_EQ(reader.error().message.find('\n'), std::string::npos) << reader.error().message;
    return;
  } else {
    RuleSet rules;
    EventLog log;
    Statistics statistics;
    Conversation conversation;
    Event event;
    ReadOutcome outcome{};
    while ((outcome = (*reader)->next(event)) == ReadOutcome::kEvent) {
      conversation.follow(event);
      rules.on_event(event);
      log.on_event(event);
      statistics.on_event(event);
      ++events;
    }
    rules.finish();
    EXPECT_EQ(log.events(), events);
    EXPECT_EQ(outcome == ReadOutcome::kDamaged, !(*reader)->error().message.empty());
    EXPECT_EQ((*reader)->error().message.find('\n'), std::string::npos) << (*reader)->error().message;
    (*reader)->seek_sequence(seed % 300);
    static_cast<void>((*reader)->next(event));
  }
  if (seed % 4 != 0) return;
  NothingLate nothing;
  const auto report = repair_trace(path, repaired, nothing, ExistingTrace::kOverwrite);
  ASSERT_TRUE(report) << report.error().message;
  const auto back = test::read_trace(repaired);
  EXPECT_EQ(back.outcome, ReadOutcome::kEnd) << back.error;
  EXPECT_EQ(back.events.size(), report->events);
}

TEST(HostileTrace, IsReadAsFarAsItGoesWithinItsLimits) {
  const test::TemporaryDirectory directory;
  std::vector<std::string> traces;
  std::vector<std::string> large;
  for (const auto& entry : std::filesystem::directory_iterator(FUSEREPLAY_GOLDEN)) {
    if (entry.path().extension() != ".fusetrace") continue;
    traces.push_back(shortened(entry.path(), directory / "short", PayloadPolicy::kFull));
    traces.push_back(shortened(entry.path(), directory / "short", PayloadPolicy::kHash));
    if (is_long()) large.push_back(test::file_contents(entry.path()));
  }
  ASSERT_FALSE(traces.empty());
  const char* const first = std::getenv("FUSEREPLAY_SEED");
  const std::uint64_t begin = first == nullptr ? 0 : std::strtoull(first, nullptr, 10);
  const std::uint64_t count = is_long() ? 100'000 : 3000;
  const std::size_t baseline = g_in_use.load();
  for (std::uint64_t seed = begin; seed < begin + count; ++seed) {
    Corruption corruption(seed);
    const auto& pick = !large.empty() && seed % 20 == 0 ? large : traces;
    const std::string& file = pick[corruption.below(pick.size())];
    test::write_file(directory / "t", corruption.of(file, traces[corruption.below(traces.size())]));
    g_most.store(baseline);
    read_everything(directory / "t", directory / "repaired", seed);
    ASSERT_LT(g_most.load() - baseline, kMostMemory) << "FUSEREPLAY_SEED=" << seed;
    if (::testing::Test::HasFailure()) FAIL() << "FUSEREPLAY_SEED=" << seed;
  }
}

}  // namespace
}  // namespace fusereplay

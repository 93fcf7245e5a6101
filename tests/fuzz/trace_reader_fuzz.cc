// Any file as a trace: an error, or events and an end, within the reader's limits.
//
// The input is a row of pieces, each a kind, a length and bytes: bytes as they are, or the body of a block whose header
// and checksums are right, so that the fuzzer gets past them.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>

#include "core/check.h"
#include "core/unique_fd.h"
#include "traces/block.h"
#include "traces/crc32c.h"
#include "traces/reader.h"
#include "traces/trace_header_codec.h"

namespace fusereplay {
namespace {

void append_block(std::string& file, BlockHeader header, std::string_view body) {
  header.stored_size = static_cast<std::uint32_t>(body.size());
  if (header.codec == BlockCodec::kStored) header.raw_size = header.stored_size;
  header.body_crc = crc32c(std::as_bytes(std::span(body)));
  const auto bytes = encode_block_header(header);
  file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  file.append(body);
}

std::string file_of(std::string_view input) {
  std::string file;
  append_block(file, {.kind = BlockKind::kHeader, .records = 1}, encode_trace_header(TraceHeader{}));
  std::uint64_t next = 1;
  while (input.size() >= 4) {
    const auto kind = static_cast<std::uint8_t>(input[0]);
    const std::size_t size = static_cast<std::uint8_t>(input[1]) | static_cast<std::uint8_t>(input[2]) << 8;
    const auto records = static_cast<std::uint8_t>(input[3]);
    input.remove_prefix(4);
    const std::string_view piece = input.substr(0, size);
    input.remove_prefix(piece.size());
    BlockHeader header{.kind = BlockKind::kRecords};
    header.first_sequence = next;
    header.records = records;
    header.last_sequence = next + records - 1;
    header.codec = kind % 5 == 1 ? BlockCodec::kZstd : BlockCodec::kStored;
    header.raw_size = 65536;
    if (kind % 5 == 2) {
      file.append(piece);
    } else if (kind % 5 == 3) {
      append_block(file, {.kind = BlockKind::kEnd, .first_sequence = next - 1, .last_sequence = next - 1}, {});
    } else if (kind % 5 == 4) {
      append_block(file, {.kind = BlockKind::kIndex, .records = records}, piece);
    } else {
      append_block(file, header, piece);
      next += records;
    }
  }
  return file;
}

}  // namespace
}  // namespace fusereplay

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fusereplay;
  if (size == 0) return 0;
  static const UniqueFd memory(::memfd_create("trace", MFD_CLOEXEC));
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string file = (data[0] & 1) != 0 ? file_of(input) : std::string(input);
  FUSEREPLAY_CHECK(::ftruncate(memory.get(), 0) == 0, "a memory file can be emptied");
  FUSEREPLAY_CHECK(::pwrite(memory.get(), file.data(), file.size(), 0) == static_cast<ssize_t>(file.size()),
                   "a memory file can be written");
  const auto reader = TraceReader::open("/proc/self/fd/" + std::to_string(memory.get()));
  if (!reader) {
    FUSEREPLAY_CHECK(!reader.error().message.empty(), "a refusal has a reason");
    return 0;
  }
  Event event;
  std::uint64_t last = 0;
  ReadOutcome outcome{};
  while ((outcome = (*reader)->next(event)) == ReadOutcome::kEvent) {
    FUSEREPLAY_CHECK(event.sequence > last, "sequences ascend");
    last = event.sequence;
  }
  FUSEREPLAY_CHECK((outcome == ReadOutcome::kDamaged) == !(*reader)->error().message.empty(), "damage has a reason");
  (*reader)->seek_sequence(last / 2);
  while ((*reader)->next(event) == ReadOutcome::kEvent) {
  }
  return 0;
}

// fuzz_seeds GOLDEN CORPUS: what each fuzzer starts from, taken from the golden traces. Writes CORPUS/FUZZER/NAME.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/event/conversation.h"
#include "traces/codec.h"
#include "traces/reader.h"
#include "traces/writer.h"

namespace fusereplay {
namespace {

constexpr int kOfAKind = 3;             // seeds of one kind of message
constexpr std::size_t kLargest = 8192;  // bytes of a seed: a fuzzer is slow with large ones
constexpr std::uint64_t kEvents = 40;   // of a trace that is a seed

class Seeds {
 public:
  explicit Seeds(std::filesystem::path corpus) : corpus_(std::move(corpus)) {
    for (const char* fuzzer : {"message_fuzz", "record_codec_fuzz", "trace_reader_fuzz"}) {
      std::filesystem::create_directories(corpus_ / fuzzer);
    }
  }

  void take(const std::filesystem::path& golden) {
    auto reader = TraceReader::open(golden);
    FUSEREPLAY_CHECK(reader.has_value(), "a golden trace can be read");
    Conversation conversation;
    Event event;
    const std::filesystem::path part = corpus_ / "trace_reader_fuzz" / ("golden-" + golden.stem().string());
    TraceWriterOptions options;
    options.existing = ExistingTrace::kOverwrite;
    options.block_bytes = 600;
    auto writer = TraceWriter::open(part, describe_host(), options);
    FUSEREPLAY_CHECK(writer.has_value(), "a seed can be written");
    while ((*reader)->next(event) == ReadOutcome::kEvent) {
      conversation.follow(event);
      message(event);
      if (event.sequence <= kEvents) (*writer)->on_event(event);
    }
    FUSEREPLAY_CHECK((*writer)->close().has_value(), "a seed can be written");
    std::ifstream in(part, std::ios::binary);
    std::string whole(1, '\0');  // the file as it is, see trace_reader_fuzz.cc
    whole.append(std::istreambuf_iterator<char>(in), {});
    write("trace_reader_fuzz", part.filename().string(), whole);
  }

  std::size_t written() const noexcept { return written_; }

 private:
  void write(const std::string& fuzzer, const std::string& name, std::string_view bytes) {
    std::ofstream(corpus_ / fuzzer / name, std::ios::binary) << bytes;
    ++written_;
  }

  void message(const Event& event) {
    const auto opcode = event.request != nullptr ? static_cast<std::uint32_t>(event.request->opcode) : 0;
    const std::string kind = std::to_string(static_cast<int>(event.kind)) + "-" + std::to_string(opcode);
    const Bytes bytes = event.message.head;
    if (bytes.empty() || bytes.size() > kLargest || seen_[kind]++ >= kOfAKind) return;
    const std::string name = kind + "-" + std::to_string(seen_[kind]);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto position = static_cast<char>(
        std::find(all_opcodes().begin(), all_opcodes().end(), static_cast<Opcode>(opcode)) - all_opcodes().begin());
    write("message_fuzz", name, position + std::string(text));
    const std::string prefix = {static_cast<char>(opcode),
                                event.request != nullptr && event.request->asks_size ? '\1' : '\0'};
    write("record_codec_fuzz", name, prefix + std::string(text));
    RecordEncoder encoder;
    encoder.start_block(event.sequence, event.begin);
    std::vector<std::byte> space(max_record_bytes(bytes.size()));
    const auto encoded = encoder.encode(event, space.data());
    protobuf::Input in(Bytes(space.data(), static_cast<std::size_t>(encoded.end - space.data())));
    Bytes record;
    FUSEREPLAY_CHECK(in.bytes(record), "a record is length-delimited");
    write("record_codec_fuzz", name + "-record",
          prefix + std::string(reinterpret_cast<const char*>(record.data()), record.size()));
  }

  const std::filesystem::path corpus_;
  std::map<std::string, int> seen_;
  std::size_t written_ = 0;
};

}  // namespace
}  // namespace fusereplay

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: fuzz_seeds GOLDEN CORPUS\n");
    return 2;
  }
  fusereplay::Seeds seeds(argv[2]);
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (entry.path().extension() == ".fusetrace") seeds.take(entry.path());
  }
  std::printf("%zu seeds\n", seeds.written());
  return seeds.written() == 0 ? 1 : 0;
}

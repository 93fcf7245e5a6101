// A filesystem of raw bytes for the session's tests: no dispatcher, no threads, answers within handle().
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/protocol/flags.h"
#include "core/protocol/opcode.h"
#include "core/protocol/wire.h"
#include "core/server/server.h"

namespace fusereplay::testing {

struct RawServerOptions {
  std::uint64_t init_flags =
      kInitParallelDirops | kInitBigWrites | kInitMaxPages | kInitAbortError | kInitAtomicOTrunc | kInitInitExt;
  std::uint32_t max_write = 1 << 20;
  std::int32_t init_error = 0;
  unsigned lookups_together = 0;  // LOOKUPs of "held..." wait until so many have come
};

/// The root directory holds "file" with the text kText, whose writes are thrown away; every "f..." and "held..." is
/// such a file too, nothing else exists. Nothing is cached: each use of a name is a LOOKUP. MKDIR fails with ENOSPC.
class RawServer final : public Server {
 public:
  static constexpr std::string_view kText = "hello from the other side\n";

  explicit RawServer(RawServerOptions options = {}) : options_(options) {}

  void handle(IncomingRequest request, ReplyChannel& replies) override;
  void disconnect() override { ++disconnects_; }

  int disconnects() const { return disconnects_.load(); }
  /// The WRITE requests that came, kept with their buffers.
  std::vector<IncomingRequest> take_writes();

 private:
  struct Call;  // one request with what is needed to answer it

  void init(const Call& call);
  void lookup(const Call& call);
  void wait_for_the_others();
  void read(const Call& call);
  void readdir(const Call& call);
  void write(const Call& call);

  const RawServerOptions options_;
  std::atomic<int> disconnects_{0};
  std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  unsigned held_ = 0;
  std::vector<IncomingRequest> writes_;
};

}  // namespace fusereplay::testing

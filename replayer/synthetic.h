// What a replay against another implementation asks beyond the recording, so that the two conversations stay
// comparable:
// - READDIR or READDIRPLUS until the live stream has ended, too, where the recorded one has;
// - a LOOKUP for each entry that the recorded READDIRPLUS gave a node and the live one did not, so that later requests
//   on the node find their live one;
// - a FORGET for each node that the live READDIRPLUS gave and the recorded one did not.
// All of it has kUniqueSyntheticBit in its unique, is shown to the sinks and counted.
//
// A server whose INIT reply did not take DO_READDIRPLUS is asked READDIR where READDIRPLUS was recorded, as a kernel
// would (fs/fuse/readdir.c fuse_use_readdirplus); the nodes are then all found by LOOKUP.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/async/executor.h"
#include "core/protocol/builder.h"
#include "core/server/server.h"
#include "replayer/bindings.h"
#include "replayer/compare.h"
#include "replayer/listings.h"
#include "replayer/live_log.h"
#include "replayer/report.h"
#include "replayer/window.h"

namespace fusereplay {

/// One a replay; not used for CompareProfile::kExact.
class Synthetic {
 public:
  struct Parts {
    Server& server;
    ReplyChannel& channel;  // passes the replies for which expects() is true to take()
    ManualExecutor& executor;
    LiveLog& log;
    SlotPool& slots;
    Bindings& bindings;
    Comparer& comparer;
    ReplayCounts& counts;
    const Negotiated& negotiated;
    std::function<void(const Slot&, const Difference&, const Message*)> diverge;
  };
  explicit Synthetic(Parts parts) : parts_(std::move(parts)) {}

  /// The live INIT reply.
  void learn_init(const Message& live) noexcept;
  /// The recorded request was rewritten: one that reads a directory goes on where the live stream stands.
  void rewrite(Slot& slot);
  /// Both sides have answered: `slot.live` is the live reply. `open`: requests that are not concluded.
  void conclude(const Slot& slot, const std::vector<Slot*>& open);
  /// A request named entries of a directory: these came, went, or may have.
  void touch(const Slot& slot);

  bool expects(std::uint64_t unique) const noexcept { return asked_ != nullptr && asked_->unique == unique; }
  std::int64_t take(const Message& message);
  /// A request of ours was not answered: the server hangs.
  bool hung() const noexcept { return hung_; }

 private:
  using Fill = std::function<void(MessageBuilder&)>;
  /// The answered slot, to be given back; null where no reply came. For a request without a reply: always null.
  Slot* ask(const Slot& about, Opcode opcode, std::uint64_t live_node, const Fill& fill);
  void read_directory(const Slot& slot, const std::vector<Slot*>& open);
  void read_to_end(const Slot& slot, Listing& listing);
  void count_granted(Bytes live);
  void bind_missing(const Slot& slot, Bytes recorded, Bytes live);
  void bind_entry(const Slot& slot, std::uint64_t live_directory, const DirentRecord& record);
  void give_back(const Slot& slot);
  void compare(const Slot& slot, const Listing& listing);

  Parts parts_;
  Listings listings_;
  MessageBuilder builder_;
  Slot* asked_ = nullptr;
  std::uint64_t next_ = 2;
  bool hung_ = false;
  bool takes_readdirplus_ = true;
};

/// READDIR or READDIRPLUS.
bool reads_directory(Opcode opcode) noexcept;

}  // namespace fusereplay

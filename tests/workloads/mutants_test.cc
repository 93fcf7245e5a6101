// Each deliberate change to memfs is reported at the first request where it shows, as the one cause of all that
// differs.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/event/event.h"
#include "examples/memfs/options.h"
#include "replayer/replayer.h"
#include "tests/workloads/mutants.h"
#include "traces/reader.h"

namespace fusereplay::testing {
namespace {

/// Every reply, byte for byte, by the sequence of the recorded one.
class Replies final : public EventSink {
 public:
  void on_event(const Event& event) override {
    if (event.kind != EventKind::kReply) return;
    const auto* head = reinterpret_cast<const char*>(event.message.head.data());
    const auto* tail = reinterpret_cast<const char*>(event.message.tail.data());
    replies_[event.sequence] =
        std::string(head, event.message.head.size()) + std::string(tail, event.message.tail.size());
  }
  /// The sequence of the first that differs; 0 where none does.
  std::uint64_t first_difference(const Replies& other) const {
    for (const auto& [sequence, reply] : replies_) {
      const auto found = other.replies_.find(sequence);
      if (found == other.replies_.end() || found->second != reply) return sequence;
    }
    return 0;
  }

 private:
  std::map<std::uint64_t, std::string> replies_;
};

MemfsOptions options_for(std::string_view trace) {
  return parse_memfs_options(trace == "attributes" ? "locks" : trace == "listing" ? "files=10000" : "").value();
}

ReplayReport play(const MutantCase* mutant, std::string_view trace, Replies& replies) {
  const auto reader = TraceReader::open(std::string(FUSEREPLAY_GOLDEN "/") + std::string(trace) + ".fusetrace");
  TraceEvents events(**reader);
  EventSink* sinks[] = {&replies};
  return replay(make_mutant(mutant, options_for(trace)), events, sinks);
}

/// Replies of memfs as it is.
const Replies& right_replies(std::string_view trace) {
  static std::map<std::string, Replies, std::less<>> known;
  const auto [found, fresh] = known.try_emplace(std::string(trace));
  if (fresh) {
    EXPECT_TRUE(play(nullptr, trace, found->second).same()) << trace;
  }
  return found->second;
}

class EveryMutant : public ::testing::TestWithParam<MutantCase> {};

INSTANTIATE_TEST_SUITE_P(Mutants, EveryMutant, ::testing::ValuesIn(mutant_cases().begin(), mutant_cases().end()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(EveryMutant, IsReportedWhereItShowsFirstAndNowhereElse) {
  Replies replies;
  const ReplayReport report = play(&GetParam(), GetParam().trace, replies);
  const std::uint64_t first = right_replies(GetParam().trace).first_difference(replies);
  ASSERT_NE(first, 0U) << "it does not show in " << GetParam().trace;
  ASSERT_FALSE(report.causes.empty());
  EXPECT_EQ(report.causes.front().divergence.sequence, first);
  for (const RootCause& cause : report.causes) {
    EXPECT_EQ(cause.divergence.sequence, first) << "another cause: " << describe(cause.divergence);
  }
  EXPECT_EQ(report.counts.causes, 1U);
}

TEST(Mutants, AreFortyAtLeast) {
  std::set<std::string_view> names;
  for (const MutantCase& mutant : mutant_cases()) names.insert(mutant.name);
  EXPECT_GE(names.size(), 40U);
}

}  // namespace
}  // namespace fusereplay::testing

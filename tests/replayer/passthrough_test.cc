// The golden traces, recorded from memfs on a live mount, mean the same to passthrough over an empty directory.
#include "examples/passthrough/passthrough.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "rules/rule_set.h"
#include "tests/replayer/stage.h"
#include "traces/reader.h"

namespace fusereplay::test {
namespace {

/// An empty directory, as the mount point's root was.
class Source {
 public:
  Source() : path_(std::filesystem::temp_directory_path() / "fusereplay_source.XXXXXX") {
    std::string name = path_;
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
    ::chmod(path_.c_str(), 0755);
  }
  ~Source() { std::filesystem::remove_all(path_); }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

class OnPassthrough : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(OnPassthrough, AGoldenTraceHasNoDifference) {
  if (::geteuid() != 0) GTEST_SKIP() << "owners can be given by root only";
  auto reader = TraceReader::open(GetParam());
  ASSERT_TRUE(reader.has_value()) << reader.error().message;
  const Source source;
  PassthroughOptions options;
  options.source = source.path();
  auto filesystem = Passthrough::make(options);
  ASSERT_TRUE(filesystem.has_value()) << filesystem.error();
  ReplayOptions replay_options;
  replay_options.tolerances = Tolerances::of(CompareProfile::kPortable);
  replay_options.payload = (*reader)->header().payload;
  RuleSet rules;
  std::vector<EventSink*> sinks = {&rules};
  TraceEvents events(**reader);
  const ReplayReport report = replay(std::move(*filesystem), events, sinks, replay_options);
  rules.finish();
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(report.counts.withheld, 0U);
  EXPECT_EQ(rules.total(), 0U);
}

std::vector<std::filesystem::path> golden_traces() {
  std::vector<std::filesystem::path> traces;
  for (const auto& entry : std::filesystem::directory_iterator(FUSEREPLAY_GOLDEN)) {
    // `listing` presumes files: tests/workloads/golden_test.cc makes them.
    const bool empty = entry.path().stem() != "listing";
    if (empty && entry.path().extension() == ".fusetrace") traces.push_back(entry.path());
  }
  return traces;
}

INSTANTIATE_TEST_SUITE_P(Golden, OnPassthrough, testing::ValuesIn(golden_traces()),
                         [](const auto& parameter) { return parameter.param.stem().string(); });

}  // namespace
}  // namespace fusereplay::test

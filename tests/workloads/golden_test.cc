// The golden traces, each a line of traces/golden/table: small, sound, and the same conversation with memfs, which they
// were recorded from, in every process, and with passthrough.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "tests/cli/command.h"
#include "tests/traces/temporary_directory.h"

namespace fusereplay::testing {
namespace {

using ::testing::HasSubstr;

struct Golden {
  std::string name;
  std::string payload;
  std::string filesystem;  // memfs, with the options it was recorded with

  friend void PrintTo(const Golden& golden, std::ostream* out) { *out << golden.name; }
  std::string path() const { return FUSEREPLAY_GOLDEN "/" + name + ".fusetrace"; }
};

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<Golden> golden_traces() {
  std::vector<Golden> traces;
  std::ifstream table(FUSEREPLAY_GOLDEN "/table");
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> columns;
    std::istringstream rest(line);
    for (std::string column; std::getline(rest, column, '|');) columns.push_back(trimmed(column));
    traces.push_back(Golden{columns.at(0), columns.at(1), columns.at(3)});
  }
  return traces;
}

/// In processes of their own, whose addresses are random.
int replays() {
  return std::getenv("FUSEREPLAY_LONG") != nullptr ? 1000 : 3;
}

class GoldenTrace : public ::testing::TestWithParam<Golden> {
 protected:
  const Golden& golden() const { return GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(Golden, GoldenTrace, ::testing::ValuesIn(golden_traces()),
                         [](const auto& info) { return info.param.name; });

TEST_P(GoldenTrace, IsSmallAndSound) {
  EXPECT_LE(std::filesystem::file_size(golden().path()), 300U * 1024);
  const CommandResult check = run_fusereplay({"check", golden().path()});
  EXPECT_EQ(check.exit_code, 0) << check;
  const CommandResult stat = run_fusereplay({"stat", golden().path()});
  EXPECT_THAT(stat.out, HasSubstr("0 kept raw, 0 missing"));
  EXPECT_THAT(stat.out, HasSubstr("file data kept: " + golden().payload));
}

TEST_P(GoldenTrace, PlaysTheSameOnMemfsInEveryProcess) {
  std::set<std::string> hashes;
  for (int i = 0; i < replays(); ++i) {
    const CommandResult replay = run_fusereplay({"replay", golden().path(), "--fs", golden().filesystem});
    ASSERT_EQ(replay.exit_code, 0) << replay;
    hashes.insert(hash_in(replay.out));
  }
  EXPECT_EQ(hashes.size(), 1U);
  EXPECT_EQ(hashes.begin()->size(), 32U);
}

TEST_P(GoldenTrace, PlaysOnPassthrough) {
  const test::TemporaryDirectory source;
  std::filesystem::permissions(source / "", std::filesystem::perms(0755));  // as memfs's root
  std::string options =
      golden().filesystem == "memfs" ? "" : golden().filesystem.substr(std::string("memfs:").size()) + ",";
  if (const auto files = options.find("files="); files != std::string::npos) {
    const int count = std::atoi(options.c_str() + files + std::string("files=").size());
    for (int i = 0; i < count; ++i) {
      char name[16];
      std::snprintf(name, sizeof(name), "%05d", i);
      std::ofstream(source / name);
    }
    options = "";
  }
  const CommandResult replay = run_fusereplay(
      {"replay", golden().path(), "--compare", "portable", "--fs", "passthrough:" + options + (source / "").string()});
  EXPECT_EQ(replay.exit_code, 0) << replay;
}

TEST(GoldenTable, NamesEveryTrace) {
  std::set<std::string> listed;
  for (const Golden& golden : golden_traces()) listed.insert(golden.name + ".fusetrace");
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(FUSEREPLAY_GOLDEN)) {
    if (entry.path().extension() == ".fusetrace") found.insert(entry.path().filename());
  }
  EXPECT_EQ(listed, found);
}

}  // namespace
}  // namespace fusereplay::testing

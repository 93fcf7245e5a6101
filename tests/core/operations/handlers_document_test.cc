// docs/handlers.md has one row for each handler.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace fusereplay {
namespace {

std::vector<std::string> found(const char* path, const std::regex& pattern) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) names.push_back((*at)[1]);
  std::sort(names.begin(), names.end());
  return names;
}

TEST(HandlersDocument, HasOneRowForEachHandler) {
  const auto handlers =
      found(SOURCE_DIRECTORY "/core/operations/operations.h", std::regex(R"(virtual Async<[^;]*?> (\w+)\()"));
  const auto rows = found(SOURCE_DIRECTORY "/docs/handlers.md", std::regex(R"(\n\| `(\w+)` \|)"));
  EXPECT_THAT(handlers, ::testing::SizeIs(::testing::Ge(43)));
  EXPECT_EQ(rows, handlers);
}

}  // namespace
}  // namespace fusereplay

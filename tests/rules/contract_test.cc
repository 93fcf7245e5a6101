// docs/kernel-contract.md and the rule table say the same.
#include <gmock/gmock.h>

#include <fstream>
#include <string>
#include <vector>

#include "rules/rule_table.h"

namespace fusereplay {
namespace {

std::vector<std::string> documented_rules() {
  std::ifstream document(FUSEREPLAY_SOURCE_DIR "/docs/kernel-contract.md");
  EXPECT_TRUE(document.is_open());
  std::vector<std::string> found;
  for (std::string line; std::getline(document, line);) {
    const std::size_t title = line.find_first_not_of('#');
    if (title == 0 || title == std::string::npos || line.size() < title + 3) continue;
    const char letter = line[title + 1];
    const bool rule =
        (letter == 'K' || letter == 'R' || letter == 'F') && line[title + 2] >= '0' && line[title + 2] <= '9';
    if (rule) found.push_back(line.substr(title + 1));
  }
  return found;
}

TEST(KernelContract, HasOneHeadingForEachRuleEnforcedAndNoOther) {
  std::vector<std::string> enforced;
  for (const RuleInfo& rule : kRules) enforced.push_back(std::string(rule.number) + ": " + std::string(rule.title));
  EXPECT_THAT(documented_rules(), ::testing::UnorderedElementsAreArray(enforced));
}

TEST(KernelContract, EveryRuleSaysWhatTheKernelDoesAndWhere) {
  for (const RuleInfo& rule : kRules) {
    EXPECT_FALSE(rule.kernel.empty()) << rule.number;
    EXPECT_THAT(rule.source, ::testing::HasSubstr("fs/")) << rule.number;
    EXPECT_FALSE(describe(rule.severity).empty()) << rule.number;
  }
}

}  // namespace
}  // namespace fusereplay

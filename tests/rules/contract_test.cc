// docs/kernel-contract.md and the rule table say the same.
#include <gmock/gmock.h>

#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "rules/rule_table.h"

namespace fusereplay {
namespace {

std::vector<std::string> documented_rules() {
  std::ifstream document(FUSEREPLAY_SOURCE_DIR "/docs/kernel-contract.md");
  EXPECT_TRUE(document.is_open());
  const std::regex heading("^#+ ([KRF][0-9]+: .*)$");
  std::vector<std::string> found;
  std::smatch match;
  for (std::string line; std::getline(document, line);) {
    if (std::regex_match(line, match, heading)) found.push_back(match[1]);
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

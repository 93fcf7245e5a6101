// The common suite: system calls and what each of them gives on any filesystem that can hold files.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulator/script.h"

namespace fusereplay::testing {

/// One call and its result, "stat /d => dir 0755". Results are short(): what filesystems may differ in is left out.
struct Step {
  Call call;
  std::string line;
  std::string result;
};

/// 158 calls: names, files, data, links, attributes, times, listings, and their errors.
std::vector<Step> common_suite();
/// Extended attributes, for filesystems and directories that have them.
std::vector<Step> xattr_suite();
/// What libfuse's hello answers, which has one file that can only be read: 55 calls, three times over, for a kernel
/// remembers what a server does not do.
std::vector<Step> hello_suite();

/// A result as the suite has it: of stat the type, mode, links (of files) and size (of files), of listings the names.
std::string in_short(const std::string& result);

/// The same calls with their absolute paths below `directory`.
std::vector<Step> below(const std::string& directory, std::vector<Step> steps);

/// Runs the calls; the result of each, in short.
std::vector<std::string> run_steps(CallTarget& target, const std::vector<Step>& steps);
/// The results that are not as the suite has them, one a line; empty where all are. `differences`: calls that this
/// filesystem knowingly answers otherwise, and how.
std::string unexpected(const std::vector<Step>& steps, const std::vector<std::string>& results,
                       const std::map<std::string, std::string>& differences = {});

}  // namespace fusereplay::testing

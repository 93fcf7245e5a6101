// The suite made of the system itself, in a directory: what its results are measured by.
#pragma once

#include <string>
#include <vector>

#include "tests/servers/suite.h"

namespace fusereplay::testing {

/// Runs the calls in a child process below `directory`, as run_steps() does.
std::vector<std::string> run_natively(const std::vector<Step>& steps, const std::string& directory);

}  // namespace fusereplay::testing

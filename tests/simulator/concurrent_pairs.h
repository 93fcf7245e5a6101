// Each kind of request on one directory, or one file, beside each other kind (reference 2.2 and 2.3): what waits for
// what.
#pragma once

#include <string>
#include <vector>

namespace fusereplay::testing {

struct PairScript {
  std::string name;
  std::string steps;  // see stage.h
};

std::vector<PairScript> directory_pairs();
std::vector<PairScript> file_pairs();

}  // namespace fusereplay::testing

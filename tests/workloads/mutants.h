// memfs with one thing wrong at a time: what a replay must find.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "core/operations/operations.h"
#include "examples/memfs/options.h"

namespace fusereplay::testing {

struct Mutant;

/// One deliberate change to memfs.
struct MutantCase {
  std::string_view name;
  std::string_view trace;  // golden: of a workload in which the change shows
  void (*install)(Mutant&);
};

/// All of them.
std::span<const MutantCase> mutant_cases();
/// A memfs with this change; without any for null.
std::unique_ptr<Operations> make_mutant(const MutantCase* mutant, const MemfsOptions& options);

}  // namespace fusereplay::testing

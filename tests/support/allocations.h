// Counts the allocations of a test or benchmark: what a hot path must not do. The program names allocations.cc among
// its sources, which replaces operator new in all of it.
#pragma once

#include <cstdint>

namespace fusereplay::test {

/// Calls of operator new so far, on all threads.
std::uint64_t allocations() noexcept;

}  // namespace fusereplay::test

// Counts the allocations of a benchmark program: what a hot path must not do. Linked in by naming allocations.cc.
#pragma once

#include <cstdint>

namespace fusereplay::bench {

/// Calls of operator new so far, on all threads.
std::uint64_t allocations() noexcept;

}  // namespace fusereplay::bench

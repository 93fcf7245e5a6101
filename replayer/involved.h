// What a difference is about: read off the request, the recorded reply and the place that differs.
#pragma once

#include "replayer/bindings.h"
#include "replayer/causes.h"
#include "replayer/compare.h"
#include "replayer/slot.h"

namespace fusereplay {

/// The names of directory entries in the request, as keys: {directory, name}. At most two. Nothing where it is not
/// readable.
std::vector<std::uint64_t> entry_names(const Slot& slot, const Negotiated& negotiated);

/// The node that the recorded reply gave a name to, 0 where it gave none. The recorded reply must be known.
std::uint64_t recorded_entry(const Slot& slot) noexcept;

/// For Causes::place().
Involved involved_in(const Slot& slot, const Difference& difference, const Bindings& bindings,
                     const Negotiated& negotiated);

}  // namespace fusereplay

// Requests and differences as a person reads them.
#pragma once

#include <string>

#include "replayer/compare.h"
#include "replayer/report.h"
#include "replayer/slot.h"

namespace fusereplay {

/// "LOOKUP unique 12 nodeid 1 name \"a\"": the header's ids, every field that is not zero, names, size of the tail.
std::string describe_request(Bytes request, const Negotiated& negotiated);

/// "attr.size", "entries[2].name", "data[17]".
std::string describe_place(const Difference& difference);
/// The value there: an errno by name, a mode in octal, flags in hexadecimal, the rest decimal.
std::string describe_recorded(const Difference& difference);
std::string describe_live(const Difference& difference);

}  // namespace fusereplay

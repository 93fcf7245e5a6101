// Requests and differences as a person reads them.
#pragma once

#include <string>

#include "replayer/compare.h"
#include "replayer/report.h"
#include "replayer/slot.h"

namespace fusereplay {

/// "LOOKUP unique 12 nodeid 1 name \"a\"": the header's ids, every field that is not zero, names, size of the tail.
std::string describe_request(Bytes request, const Negotiated& negotiated);

/// "ENOENT", or "success nodeid 3 attr.size 4096 and 12 bytes": every field that is not zero. Padding and layouts not
/// in 7.45 are left out. Empty for no reply.
std::string describe_reply(const Message& reply, Opcode opcode, bool asks_size);

/// "attr.size", "entries[2].name", "data[17]".
std::string describe_place(const Difference& difference);
/// The value there: an errno by name, a mode in octal, flags in hexadecimal, the rest decimal.
std::string describe_recorded(const Difference& difference);
std::string describe_live(const Difference& difference);

}  // namespace fusereplay

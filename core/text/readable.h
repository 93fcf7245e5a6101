// Numbers, names and data as people read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/text/line_buffer.h"

namespace fusereplay {

/// A name or data within double quotes; what is not printable ASCII or UTF-8 as \n or \xNN. At most `limit` bytes of
/// it, then "..." behind the quote.
std::string quoted_text(std::string_view bytes, std::size_t limit = 4096);

/// "850 ns", "12.3 us", "4.56 ms", "1.20 s".
std::string duration_text(std::int64_t nanoseconds);
/// The same, async-signal-safe.
void append_duration(LineBuffer& line, std::int64_t nanoseconds) noexcept;
/// "512 B", "1.2 KiB", "3.4 MiB".
std::string size_text(std::uint64_t bytes);
/// "1 finding", "2 findings": English plurals in s.
std::string count_text(std::uint64_t count, std::string_view what);

}  // namespace fusereplay

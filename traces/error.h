// Why a trace cannot be written or read.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace fusereplay {

/// One line for the user that names the file and says what to do, without a final full stop or newline.
struct TraceError {
  std::string message;
};

template <class T>
using TraceResult = tl::expected<T, TraceError>;

}  // namespace fusereplay

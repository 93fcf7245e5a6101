// The smallest filesystem of use: a root directory with one file in it.
#pragma once

#include <memory>

#include "core/operations/operations.h"

namespace fusereplay {

/// /hello, which reads "hello, world\n".
std::unique_ptr<Operations> make_hello();

}  // namespace fusereplay

#include "core/event/unseen_data.h"

#include <array>

#include "core/check.h"

namespace fusereplay {
namespace {

// Never written: takes address space only. Not const, for then it would take its size in the executable too.
std::array<std::byte, kMaxUnseenData> zeros;

}  // namespace

Bytes unseen_data(std::size_t size) noexcept {
  FUSEREPLAY_CHECK(size <= zeros.size(), "no more goes unseen");
  return Bytes(zeros).first(size);
}

bool is_unseen(Bytes bytes) noexcept {
  return bytes.data() == zeros.data();
}

}  // namespace fusereplay

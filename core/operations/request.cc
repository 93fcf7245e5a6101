#include "core/operations/request.h"

#include <algorithm>

namespace fusereplay {

Result<bool> Request::in_group(std::uint32_t group) const {
  if (group == gid()) return true;
  const auto all = groups();
  if (!all) return all.error();
  return std::find(all->begin(), all->end(), group) != all->end();
}

}  // namespace fusereplay

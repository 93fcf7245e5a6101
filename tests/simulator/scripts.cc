#include "tests/simulator/scripts.h"

namespace fusereplay::testing {

std::vector<Script> fidelity_scripts() {
  std::vector<Script> all;
  for (const std::span<const Script> area :
       {scripts_on_names(), scripts_on_open(), scripts_on_data(), scripts_on_listing(), scripts_on_attributes(),
        scripts_on_permissions(), scripts_on_xattrs(), scripts_on_caching(), scripts_on_settings(),
        scripts_on_without(), scripts_on_ioctl(), scripts_on_writeback(), scripts_on_memory(), scripts_on_handles(),
        scripts_on_directories(), scripts_on_remount()}) {
    all.insert(all.end(), area.begin(), area.end());
  }
  return all;
}

}  // namespace fusereplay::testing

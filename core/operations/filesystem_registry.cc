#include "core/operations/filesystem_registry.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace fusereplay {

void FilesystemRegistry::add(Filesystem filesystem) {
  FUSEREPLAY_CHECK(!filesystem.name.empty() && filesystem.name.find(':') == std::string::npos,
                   "a filesystem's name is not empty and has no colon");
  FUSEREPLAY_CHECK(find(filesystem.name) == nullptr, "a filesystem's name is new to the registry");
  FUSEREPLAY_CHECK(filesystem.make != nullptr, "a filesystem can be made");
  filesystems_.push_back(std::move(filesystem));
}

const Filesystem* FilesystemRegistry::find(std::string_view name) const noexcept {
  const auto found = std::find_if(filesystems_.begin(), filesystems_.end(),
                                  [name](const Filesystem& filesystem) { return filesystem.name == name; });
  return found == filesystems_.end() ? nullptr : &*found;
}

tl::expected<FilesystemRegistry::Choice, std::string> FilesystemRegistry::choose(std::string_view spec) const {
  const std::size_t colon = spec.find(':');
  const std::string_view name = spec.substr(0, colon);
  if (const Filesystem* filesystem = find(name); filesystem != nullptr) {
    return Choice{filesystem, std::string(colon == std::string_view::npos ? "" : spec.substr(colon + 1))};
  }
  std::string message = "no filesystem is named '" + std::string(name) + "'";
  const char* separator = "; there are ";
  for (const Filesystem& filesystem : filesystems_) {
    message += separator + filesystem.name;
    separator = ", ";
  }
  return tl::unexpected(std::move(message));
}

}  // namespace fusereplay

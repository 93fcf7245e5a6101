#include "examples/broken/broken_readdir.h"

#include <dirent.h>

#include <map>

namespace fusereplay {

using memfs::Directory;

void BrokenReaddir::list(const Node& directory, Cookie from, DirectoryWriter& out) {
  const Directory& entries = directory->directory();
  if (from < Directory::kDot && !out.add(".", Directory::kDot, raw(directory.id()), DT_DIR)) return;
  if (from < Directory::kDotDot && !out.add("..", Directory::kDotDot, raw(entries.parent()), DT_DIR)) return;
  std::multimap<Cookie, const Directory::Child*> by_number;
  for (const auto& entry : entries.children()) {
    const Directory::Child& child = entry.second;
    by_number.emplace(Cookie{raw(Directory::kDotDot) + child.node->attributes.ino}, &child);  // the bug
  }
  for (auto entry = by_number.upper_bound(from); entry != by_number.end(); ++entry) {
    const auto& [cookie, child] = *entry;
    if (!out.fits(child->name)) return;
    if (out.plus()) {
      out.add(child->name, cookie, grant(child->node));
    } else {
      out.add(child->name, cookie, child->node->attributes.ino, child->node->dirent_type());
    }
  }
}

}  // namespace fusereplay

#include "examples/memfs/inode.h"

namespace fusereplay::memfs {

Inode::Inode(Space& space, std::uint32_t mode, NodeId parent) : space_(space) {
  attributes.mode = mode;
  attributes.block_size = kPageSize;
  switch (mode & S_IFMT) {
    case S_IFDIR:
      content.emplace<Directory>(parent);
      attributes.nlink = 2;
      attributes.size = kPageSize;
      break;
    case S_IFREG:
      content.emplace<FileData>(space.pages);
      break;
    case S_IFLNK:
      content.emplace<std::string>();
      break;
    default:
      break;
  }
}

Attributes Inode::stat() const {
  Attributes shown = attributes;
  if (const auto* data = std::get_if<FileData>(&content)) {
    shown.size = data->size();
    shown.blocks = data->pages() * (kPageSize / 512);
  } else if (const auto* target = std::get_if<std::string>(&content)) {
    shown.size = target->size();
  }
  return shown;
}

}  // namespace fusereplay::memfs

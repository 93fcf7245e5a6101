#include "rules/entry_check.h"

#include <sys/stat.h>

#include "core/protocol/dirent.h"
#include "core/protocol/opcode.h"

namespace fusereplay {
namespace {

/// S_IFMT bits the kernel insists on; 0 when it does not, or when the trace does not tell.
std::uint32_t expected_type(const RequestContext& request, std::uint32_t linked_type) noexcept {
  switch (request.opcode) {
    case Opcode::kMkdir:
      return S_IFDIR;
    case Opcode::kSymlink:
      return S_IFLNK;
    case Opcode::kMknod:
      return request.view.fixed<wire::MknodIn>().mode & S_IFMT;
    case Opcode::kCreate:
    case Opcode::kTmpfile:
      return S_IFREG;
    case Opcode::kLink:
      return linked_type;
    default:
      return 0;
  }
}

EntryFault attr_fault(const wire::EntryOut& entry) noexcept {
  switch (check_attr(entry.attr.mode, entry.attr.size)) {
    case AttrFault::kType:
      return EntryFault::kAttrType;
    case AttrFault::kSize:
      return EntryFault::kAttrSize;
    case AttrFault::kNone:
      break;
  }
  return EntryFault::kNone;
}

EntryFault check_lookup(const RequestContext& request, const wire::EntryOut& entry) noexcept {
  if (entry.nodeid == 0) return EntryFault::kNegative;
  if (const EntryFault fault = attr_fault(entry); fault != EntryFault::kNone) return fault;
  // The kernel asks for "." and ".." of an exported tree, where the root is a good answer.
  if (entry.nodeid == kRootNodeId && !is_dot_name(request.view.name(0))) return EntryFault::kRoot;
  return EntryFault::kNone;
}

}  // namespace

AttrFault check_attr(std::uint32_t mode, std::uint64_t size) noexcept {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
    case S_IFLNK:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
      break;
    default:
      return AttrFault::kType;
  }
  return size >> 63 != 0 ? AttrFault::kSize : AttrFault::kNone;
}

EntryFault check_entry(const RequestContext& request, const wire::EntryOut& entry, std::uint32_t linked_type) noexcept {
  if (request.opcode == Opcode::kLookup) return check_lookup(request, entry);
  if (entry.nodeid == 0) return EntryFault::kNoNodeId;
  if (entry.nodeid == kRootNodeId) return EntryFault::kRoot;
  if (const EntryFault fault = attr_fault(entry); fault != EntryFault::kNone) return fault;
  const std::uint32_t expected = expected_type(request, linked_type);
  if (expected != 0 && (entry.attr.mode & S_IFMT) != expected) return EntryFault::kCreatedType;
  return EntryFault::kNone;
}

bool valid_record_name(std::string_view name, std::size_t max) noexcept {
  return !name.empty() && name.size() <= max && name.find('/') == std::string_view::npos;
}

std::string_view type_name(std::uint32_t mode) noexcept {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "regular file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symbolic link";
    case S_IFCHR:
      return "character device";
    case S_IFBLK:
      return "block device";
    case S_IFIFO:
      return "pipe";
    case S_IFSOCK:
      return "socket";
    default:
      return "no file type";
  }
}

}  // namespace fusereplay

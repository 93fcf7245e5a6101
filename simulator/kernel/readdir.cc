// Listing directories (fs/fuse/readdir.c).
#include <sys/stat.h>

#include <algorithm>

#include "rules/entry_check.h"
#include "simulator/kernel/filesystem.h"

namespace fusereplay::kernel {
namespace {

/// Bytes of a record of getdents64(2): struct linux_dirent64.
std::size_t emitted_size(std::string_view name) noexcept {
  return (19 + name.size() + 1 + 7) & ~std::size_t{7};
}

}  // namespace

// fuse_direntplus_link: false where the kernel sends the lookup back.
bool Filesystem::link_direntplus(Dentry& parent, const DirentRecord& record, const Asked& asked) {
  const wire::EntryOut& entry = record.entry;
  if (entry.nodeid == 0 || is_dot_name(record.name)) return true;
  if (entry.nodeid == kRootNodeId) return false;
  if (check_attr(entry.attr.mode, entry.attr.size) != AttrFault::kNone) return false;
  DentryRef dentry(find_child(parent, record.name));
  if (dentry != nullptr) {
    Inode* const inode = dentry->inode.get();
    const bool same = inode != nullptr && inode->nodeid == entry.nodeid;
    const bool stale =
        same && (static_cast<std::uint32_t>(inode->generation) != static_cast<std::uint32_t>(entry.generation) ||
                 (inode->mode & 0170000) != (entry.attr.mode & 0170000));
    if (same && !stale && inode->bad) return false;
    if (same && !stale) {
      ++inode->nlookup;
      change_attributes(*inode, entry.attr, expiry(entry.attr_valid, entry.attr_valid_nsec), asked);
    } else {
      if (stale) make_bad(*inode);
      invalidate(*dentry);
      dentry = nullptr;
    }
  }
  if (dentry == nullptr) {
    dentry = make_child(parent, record.name);
    const InodeRef inode = iget(entry, asked);
    if (!splice(inode, dentry)) {
      --inode->nlookup;
      return false;
    }
  }
  if (connection_.has(kInitReaddirplusAuto)) dentry->inode->from_readdirplus = true;
  dentry->epoch = connection_.epoch;
  set_expiry(*dentry, entry);
  return true;
}

// fuse_readdir_cached, fuse_parse_cache.
Result<std::optional<std::vector<EmittedEntry>>> Filesystem::readdir_cached(OpenFile& file, std::size_t size,
                                                                            const Process& task) {
  Inode& directory = *file.inode;
  Listing& listing = directory.listing;
  Listing::Place& place = file.listing;
  const auto rewind = [&place] {
    place.position = 0;
    place.index = 0;
  };
  if (place.position != file.position) rewind();
  if (file.position == 0 && connection_.has(kInitAutoInvalData)) {
    const Result<void> known = update_attributes(directory, &file, STATX_MTIME, task);
    if (!known) return known.error();
  }
  const Listing::State now{directory.mtime, directory.mtimensec, directory.version, connection_.epoch};
  if (listing.complete() && file.position == 0 && listing.state() != now) listing.reset();
  std::vector<EmittedEntry> emitted;
  std::size_t used = 0;
  bool looked = false;
  while (true) {
    if (!listing.complete()) {
      if (!emitted.empty()) return emitted;
      if (file.position == 0 && listing.empty()) listing.begin(now);
      return std::optional<std::vector<EmittedEntry>>();
    }
    if (place.version != listing.version()) rewind();
    if (place.position == 0) place.version = listing.version();
    if (place.index == listing.records().size()) {
      if (looked && emitted.empty()) return std::optional<std::vector<EmittedEntry>>();  // not a place in the cache
      return emitted;
    }
    if (listing.misses(place.index)) {
      listing.reset();
      continue;
    }
    const EmittedEntry& entry = listing.records()[place.index];
    looked = true;
    if (place.position == file.position) {
      const std::size_t needed = emitted_size(entry.name);
      if (used + needed > size) {
        if (emitted.empty()) return Errno(EINVAL);
        return emitted;
      }
      used += needed;
      emitted.push_back(entry);
      file.position = entry.offset;
    }
    place.position = entry.offset;
    ++place.index;
  }
}

// fuse_readdir_uncached, parse_dirfile, parse_dirplusfile.
Result<std::vector<EmittedEntry>> Filesystem::readdir(OpenFile& file, std::size_t size, const Process& task) {
  Inode& directory = *file.inode;
  const InodeLock shared = lock(directory, LockMode::kShared);  // iterate_dir
  if (directory.bad) return Errno(EIO);
  if (directory.dead) return Errno(ENOENT);
  const bool caches = (file.fopen & kFopenCacheDir) != 0;
  if (caches) {
    auto cached = readdir_cached(file, size, task);
    if (!cached) return cached.error();
    if (*cached) return std::move(**cached);
  }
  bool plus = false;
  if (connection_.has(kInitDoReaddirplus)) {  // fuse_use_readdirplus
    plus = !connection_.has(kInitReaddirplusAuto) || std::exchange(directory.advise_readdirplus, false) ||
           file.position == 0;
  }
  const std::uint64_t most = std::uint64_t{connection_.max_pages} * kPageSize;
  wire::ReadIn in{};
  in.fh = file.handle;
  in.offset = file.position;
  in.size =
      static_cast<std::uint32_t>(profile_.sized_readdir ? std::clamp<std::uint64_t>(size, kPageSize, most) : kPageSize);
  in.flags = static_cast<std::uint32_t>(file.flags);
  InodeLock serial;
  if (!connection_.has(kInitParallelDirops)) serial = InodeLock::of_mutex(scheduler_, directory);
  const Asked asked = asking();
  const auto request = make(plus ? Opcode::kReaddirplus : Opcode::kReaddir, directory.nodeid, task);
  request->add(in);
  const Result<void> answer = call(*request);
  invalidate_atime(directory);
  if (!answer) return answer.error();

  if (caches && request->data().empty()) directory.listing.finish(file.position);
  std::vector<EmittedEntry> emitted;
  std::size_t used = 0;
  bool over = false;
  bool too_small = false;  // not even one record fits
  DirentReader reader(plus ? DirentKind::kPlus : DirentKind::kPlain, request->data());
  while (const auto record = reader.next()) {
    if (!valid_record_name(record->name, connection_.name_max)) {
      if (emitted.empty()) return Errno(EIO);
      break;
    }
    const std::size_t needed = emitted_size(record->name);
    const bool was_over = over;
    if (!over && used + needed > size) {
      too_small = emitted.empty();
      over = true;
    }
    EmittedEntry entry{.name = std::string(record->name),
                       .ino = record->dirent.ino,
                       .type = record->dirent.type,
                       .offset = record->dirent.off};
    if (caches && (!over || !was_over)) directory.listing.add(entry, file.position);
    if (!over) {
      used += needed;
      emitted.push_back(std::move(entry));
      file.position = record->dirent.off;
    } else if (!plus) {
      break;
    }
    if (plus && !link_direntplus(*file.dentry, *record, asked)) {
      // fuse_force_forget: an ordinary request, not of the forget list.
      auto forget = queue_.make(Opcode::kForget, record->entry.nodeid, {});
      forget->add(wire::ForgetIn{.nlookup = 1});
      queue_.send_unanswered(std::move(forget));
    }
  }
  if (too_small) return Errno(EINVAL);
  return emitted;
}

}  // namespace fusereplay::kernel

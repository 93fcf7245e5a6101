#include "tests/workloads/mutants.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <functional>
#include <vector>

#include "examples/memfs/memfs.h"

namespace fusereplay::testing {
namespace {

/// The outcome of a handler of memfs: they end without waiting, but for locks.
template <class T>
std::optional<Result<T>> outcome(Async<T> task) {
  auto result = std::make_shared<std::optional<Result<T>>>();
  run_detached(std::move(task), [result](Result<T> done) { *result = std::move(done); });
  return *result;
}

}  // namespace

/// What a change may take hold of: the arguments before memfs sees them, its answer, and its inodes.
struct Mutant : public Memfs {
  using Memfs::find;
  using Memfs::Memfs;

  template <class T>
  using Answer = std::function<void(Mutant&, const Request&, Result<T>&)>;
  Answer<Entry> entry;                 // of LOOKUP, MKNOD, MKDIR, SYMLINK, LINK
  Answer<Created> created;             // of CREATE, TMPFILE
  Answer<AttributesReply> attributes;  // of GETATTR, SETATTR
  Answer<Opened> opened;               // of OPEN
  Answer<std::string> target;          // of READLINK
  Answer<std::uint32_t> written;
  Answer<std::uint64_t> copied;
  Answer<FilesystemStatistics> statistics;
  Answer<void> done;  // of UNLINK, RMDIR, RENAME, FSYNC, FLUSH, FALLOCATE, SETXATTR, GETXATTR, REMOVEXATTR
  std::function<void(Connection&)> connect;
  std::function<void(SetAttributes&)> before_setattr;
  std::function<void(Offset&, std::vector<std::byte>&)> before_write;
  std::function<void(std::uint32_t&)> before_fallocate;  // its mode
  std::function<void(CopyRange&)> before_copy;
  std::function<void(std::vector<std::byte>&)> data;   // of READ
  std::function<void(std::vector<std::byte>&)> value;  // of GETXATTR
  std::function<bool(std::string_view)> hides;         // from listings
  std::function<bool(std::string_view)> repeats;       // in listings
  std::function<std::uint32_t(std::uint32_t)> type;    // in plain listings
  std::string_view extra_xattr;

  template <class T>
  Async<T> alter(const Request& request, Async<T> task, const Answer<T>& change) {
    if (!change) return task;
    Result<T> result = *outcome(std::move(task));
    change(*this, request, result);
    return result;
  }

  Async<void> init(Connection& connection) override {
    if (connect) connect(connection);
    return Memfs::init(connection);
  }
  Async<Entry> lookup(const Request& r, NodeId parent, std::string_view name) override {
    return alter(r, Memfs::lookup(r, parent, name), entry);
  }
  Async<Entry> mknod(const Request& r, NodeId parent, std::string_view name, const Creation& creation,
                     std::uint32_t rdev) override {
    return alter(r, Memfs::mknod(r, parent, name, creation, rdev), entry);
  }
  Async<Entry> mkdir(const Request& r, NodeId parent, std::string_view name, const Creation& creation) override {
    return alter(r, Memfs::mkdir(r, parent, name, creation), entry);
  }
  Async<Entry> symlink(const Request& r, NodeId parent, std::string_view name, std::string_view to,
                       const Creation& creation) override {
    return alter(r, Memfs::symlink(r, parent, name, to, creation), entry);
  }
  Async<Entry> link(const Request& r, NodeId node, NodeId parent, std::string_view name) override {
    return alter(r, Memfs::link(r, node, parent, name), entry);
  }
  Async<Created> create(const Request& r, NodeId parent, std::string_view name, const Creation& creation,
                        std::uint32_t flags) override {
    return alter(r, Memfs::create(r, parent, name, creation, flags), created);
  }
  Async<Created> tmpfile(const Request& r, NodeId parent, const Creation& creation, std::uint32_t flags) override {
    return alter(r, Memfs::tmpfile(r, parent, creation, flags), created);
  }
  Async<AttributesReply> getattr(const Request& r, NodeId node, std::optional<FileHandle> handle) override {
    return alter(r, Memfs::getattr(r, node, handle), attributes);
  }
  Async<AttributesReply> setattr(const Request& r, NodeId node, const SetAttributes& asked) override {
    SetAttributes changes = asked;
    if (before_setattr) before_setattr(changes);
    return alter(r, Async<AttributesReply>(*outcome(Memfs::setattr(r, node, changes))), attributes);
  }
  Async<Opened> open(const Request& r, NodeId node, std::uint32_t flags) override {
    return alter(r, Memfs::open(r, node, flags), opened);
  }
  Async<std::string> readlink(const Request& r, NodeId node) override {
    return alter(r, Memfs::readlink(r, node), target);
  }
  Async<void> unlink(const Request& r, NodeId parent, std::string_view name) override {
    return alter(r, Memfs::unlink(r, parent, name), done);
  }
  Async<void> rmdir(const Request& r, NodeId parent, std::string_view name) override {
    return alter(r, Memfs::rmdir(r, parent, name), done);
  }
  Async<void> rename(const Request& r, NodeId parent, std::string_view name, NodeId to, std::string_view new_name,
                     std::uint32_t flags) override {
    return alter(r, Memfs::rename(r, parent, name, to, new_name, flags), done);
  }
  Async<void> read(const Request& r, NodeId node, FileHandle handle, Offset offset, DataWriter& out) override {
    if (!data) return Memfs::read(r, node, handle, offset, out);
    const Result<void> read = *outcome(Memfs::read(r, node, handle, offset, out));
    std::vector<std::byte> bytes(out.data().begin(), out.data().end());
    data(bytes);
    out.clear();
    out.append(bytes);
    return read;
  }
  Async<std::uint32_t> write(const Request& r, NodeId node, FileHandle handle, Offset offset, Bytes bytes,
                             std::uint32_t flags) override {
    std::vector<std::byte> copy(bytes.begin(), bytes.end());
    if (before_write) before_write(offset, copy);
    return alter(r, Async<std::uint32_t>(*outcome(Memfs::write(r, node, handle, offset, copy, flags))), written);
  }
  Async<void> flush(const Request& r, NodeId node, FileHandle handle, LockOwner owner) override {
    return alter(r, Memfs::flush(r, node, handle, owner), done);
  }
  Async<void> fsync(const Request& r, NodeId node, FileHandle handle, SyncKind kind) override {
    return alter(r, Memfs::fsync(r, node, handle, kind), done);
  }
  Async<FilesystemStatistics> statfs(const Request& r, NodeId node) override {
    return alter(r, Memfs::statfs(r, node), statistics);
  }
  Async<void> setxattr(const Request& r, NodeId node, std::string_view name, const SetXattr& attribute) override {
    return alter(r, Memfs::setxattr(r, node, name, attribute), done);
  }
  Async<void> getxattr(const Request& r, NodeId node, std::string_view name, XattrWriter& out) override {
    const Result<void> got = *outcome(Memfs::getxattr(r, node, name, out));
    if (got && value) {
      std::vector<std::byte> bytes(out.value().begin(), out.value().end());
      value(bytes);
      out.set(bytes);
    }
    return alter(r, Async<void>(got), done);
  }
  Async<void> listxattr(const Request& r, NodeId node, XattrListWriter& out) override {
    if (!extra_xattr.empty()) out.add(extra_xattr);
    return Memfs::listxattr(r, node, out);
  }
  Async<void> removexattr(const Request& r, NodeId node, std::string_view name) override {
    return alter(r, Memfs::removexattr(r, node, name), done);
  }
  Async<void> fallocate(const Request& r, NodeId node, FileHandle handle, Offset offset, std::uint64_t length,
                        std::uint32_t mode) override {
    if (before_fallocate) before_fallocate(mode);
    return alter(r, Async<void>(*outcome(Memfs::fallocate(r, node, handle, offset, length, mode))), done);
  }
  Async<std::uint64_t> copy_file_range(const Request& r, const CopyRange& asked) override {
    CopyRange range = asked;
    if (before_copy) before_copy(range);
    return alter(r, Async<std::uint64_t>(*outcome(Memfs::copy_file_range(r, range))), copied);
  }

 protected:
  void list(const Node& directory, Cookie from, DirectoryWriter& out) override {
    if (!hides && !repeats && !type) return Memfs::list(directory, from, out);
    const memfs::Directory& entries = directory->directory();
    if (from < memfs::Directory::kDot && !out.add(".", memfs::Directory::kDot, raw(directory.id()), DT_DIR)) return;
    if (from < memfs::Directory::kDotDot && !out.add("..", memfs::Directory::kDotDot, raw(entries.parent()), DT_DIR)) {
      return;
    }
    for (auto child = entries.after(from); child != entries.children().end(); ++child) {
      const auto& [name, node] = child->second;
      const int times = hides && hides(name) ? 0 : repeats && repeats(name) ? 2 : 1;
      for (int i = 0; i < times; ++i) {
        if (!out.fits(name)) return;
        const Cookie cookie{child->first};
        if (out.plus()) {
          out.add(name, cookie, grant(node));
        } else {
          out.add(name, cookie, node->attributes.ino, type ? type(node->dirent_type()) : node->dirent_type());
        }
      }
    }
  }
};

namespace {

bool is(const Request& request, Opcode opcode) {
  return request.view().opcode() == opcode;
}

/// Changes the attributes of each entry of this kind of request.
void change_entries(Mutant& mutant, Opcode opcode, void (*change)(Attributes&)) {
  mutant.entry = [=](Mutant&, const Request& request, Result<Entry>& entry) {
    if (entry && raw(entry->node) != 0 && is(request, opcode)) change(entry->attributes);
  };
}

void change_attributes(Mutant& mutant, Opcode opcode, void (*change)(Attributes&)) {
  mutant.attributes = [=](Mutant&, const Request& request, Result<AttributesReply>& reply) {
    if (reply && is(request, opcode)) change(reply->attributes);
  };
}

void change_created(Mutant& mutant, void (*change)(Created&)) {
  mutant.created = [=](Mutant&, const Request&, Result<Created>& created) {
    if (created) change(*created);
  };
}

/// Another error instead of the one that such a request ends with.
void other_error(Mutant& mutant, Opcode opcode, int instead_of, int error) {
  const auto replaces = [=](const Request& request, const auto& result) {
    return !result && is(request, opcode) && result.error() == Errno(instead_of);
  };
  mutant.entry = [=](Mutant&, const Request& request, Result<Entry>& result) {
    if (replaces(request, result)) result = Errno(error);
  };
  mutant.done = [=](Mutant&, const Request& request, Result<void>& result) {
    if (replaces(request, result)) result = Errno(error);
  };
}

/// An error where such a request succeeds.
void fails(Mutant& mutant, Opcode opcode, int error) {
  mutant.done = [=](Mutant&, const Request& request, Result<void>& result) {
    if (result && is(request, opcode)) result = Errno(error);
  };
}

/// Undoes part of what a request did to the inode it names.
void spoil(Mutant& mutant, Opcode opcode, void (*change)(Attributes&)) {
  const auto spoils = [=](Mutant& self, const Request& request, bool succeeded) {
    if (succeeded && is(request, opcode)) change((*self.find(NodeId{request.view().nodeid()}))->attributes);
  };
  mutant.done = [=](Mutant& self, const Request& request, Result<void>& result) {
    spoils(self, request, result.has_value());
  };
  mutant.entry = [=](Mutant& self, const Request& request, Result<Entry>& result) {
    spoils(self, request, result.has_value());
  };
  mutant.written = [=](Mutant& self, const Request& request, Result<std::uint32_t>& result) {
    spoils(self, request, result.has_value());
  };
}

bool is_file(const Attributes& attributes) {
  return S_ISREG(attributes.mode);
}

constexpr MutantCase kCases[] = {
    // Errors.
    {"LookupOfNothingIsForbidden", "quickstart", [](Mutant& m) { other_error(m, Opcode::kLookup, ENOENT, EACCES); }},
    {"GetxattrOfNothingIsNotPermitted", "attributes",
     [](Mutant& m) { other_error(m, Opcode::kGetxattr, ENODATA, EPERM); }},
    {"RemovexattrOfNothingFindsNoFile", "attributes",
     [](Mutant& m) { other_error(m, Opcode::kRemovexattr, ENODATA, ENOENT); }},
    {"SetxattrOfNothingIsInvalid", "attributes", [](Mutant& m) { other_error(m, Opcode::kSetxattr, ENODATA, EINVAL); }},
    {"SetxattrDoesNotMindWhatIsThere", "attributes",
     [](Mutant& m) {
       m.done = [](Mutant&, const Request& request, Result<void>& result) {
         if (is(request, Opcode::kSetxattr) && !result && result.error() == Errno(EEXIST)) result = {};
       };
     }},
    {"FsyncFails", "unlinked", [](Mutant& m) { fails(m, Opcode::kFsync, EIO); }},
    {"FlushFails", "quickstart", [](Mutant& m) { fails(m, Opcode::kFlush, EINTR); }},
    {"PunchingHolesIsUnknown", "fsx",
     [](Mutant& m) { m.before_fallocate = [](std::uint32_t& mode) { mode |= FALLOC_FL_COLLAPSE_RANGE; }; }},

    // Sizes and blocks.
    {"LookupSaysOneByteMore", "quickstart",
     [](Mutant& m) { change_entries(m, Opcode::kLookup, [](Attributes& a) { a.size += is_file(a); }); }},
    {"GetattrSaysOneBlockMore", "quickstart",
     [](Mutant& m) { change_attributes(m, Opcode::kGetattr, [](Attributes& a) { a.blocks += is_file(a); }); }},
    {"TruncatesOneByteTooLong", "unlinked",
     [](Mutant& m) { m.before_setattr = [](SetAttributes& changes) { changes.size += changes.has(kSetattrSize); }; }},
    {"SymlinksSayTheyAreEmpty", "quickstart",
     [](Mutant& m) { change_entries(m, Opcode::kSymlink, [](Attributes& a) { a.size = 0; }); }},
    {"AllocatingDoesNotGrowTheFile", "fsx",
     [](Mutant& m) { m.before_fallocate = [](std::uint32_t& mode) { mode |= FALLOC_FL_KEEP_SIZE; }; }},
    {"WritesSayOneByteLess", "fsx",
     [](Mutant& m) {
       m.written = [](Mutant&, const Request&, Result<std::uint32_t>& written) { written = *written - 1; };
     }},
    {"StatfsCountsOneFreeBlockLess", "clone",
     [](Mutant& m) {
       m.statistics = [](Mutant&, const Request&, Result<FilesystemStatistics>& all) { --all->blocks_free; };
     }},

    // Link counts.
    {"DirectoriesBeginWithOneLink", "quickstart",
     [](Mutant& m) { change_entries(m, Opcode::kMkdir, [](Attributes& a) { a.nlink = 1; }); }},
    {"MkdirDoesNotCountInTheParent", "quickstart",
     [](Mutant& m) { spoil(m, Opcode::kMkdir, [](Attributes& parent) { --parent.nlink; }); }},
    {"RmdirDoesNotCountInTheParent", "clone",
     [](Mutant& m) { spoil(m, Opcode::kRmdir, [](Attributes& parent) { ++parent.nlink; }); }},
    {"LinkSaysOneLinkLess", "quickstart",
     [](Mutant& m) { change_entries(m, Opcode::kLink, [](Attributes& a) { --a.nlink; }); }},
    {"FilesWithoutANameHaveALink", "unlinked",
     [](Mutant& m) {
       change_created(m, [](Created& created) {
         if (created.entry.attributes.nlink == 0) created.entry.attributes.nlink = 1;
       });
     }},
    {"GetattrShowsTheDeadAlive", "unlinked",
     [](Mutant& m) {
       change_attributes(m, Opcode::kGetattr, [](Attributes& a) {
         if (a.nlink == 0) a.nlink = 1;
       });
     }},

    // Listings.
    {"AListingLosesAName", "quickstart",
     [](Mutant& m) { m.hides = [](std::string_view name) { return name == "5.txt"; }; }},
    {"AListingRepeatsAName", "quickstart",
     [](Mutant& m) { m.repeats = [](std::string_view name) { return name == "5.txt"; }; }},
    {"ALargeListingLosesAName", "listing",
     [](Mutant& m) { m.hides = [](std::string_view name) { return name == "07777"; }; }},
    {"AListingSaysNoType", "listing",
     [](Mutant& m) { m.type = [](std::uint32_t) { return std::uint32_t{DT_UNKNOWN}; }; }},
    {"AListOfXattrsHasOneMore", "attributes", [](Mutant& m) { m.extra_xattr = "user.extra"; }},

    // Bytes.
    {"ReadsFlipABit", "quickstart",
     [](Mutant& m) {
       m.data = [](std::vector<std::byte>& data) {
         if (!data.empty()) data.back() ^= std::byte{1};
       };
     }},
    {"ReadsLoseTheLastByte", "clone",
     [](Mutant& m) {
       m.data = [](std::vector<std::byte>& data) {
         if (!data.empty()) data.pop_back();
       };
     }},
    {"WritesStoreAWrongByte", "unlinked",
     [](Mutant& m) {
       m.before_write = [](Offset&, std::vector<std::byte>& data) { data.front() ^= std::byte{0x20}; };
     }},
    {"WritesGoOneByteTooFar", "unlinked",
     [](Mutant& m) { m.before_write = [](Offset& offset, std::vector<std::byte>&) { ++offset; }; }},
    {"CopiesComeFromTheWrongPlace", "fsx",
     [](Mutant& m) { m.before_copy = [](CopyRange& range) { range.offset_in += range.offset_in == 0 ? 0 : -1; }; }},
    {"ALinksTargetIsCutShort", "quickstart",
     [](Mutant& m) { m.target = [](Mutant&, const Request&, Result<std::string>& target) { target->pop_back(); }; }},
    {"AnXattrsFirstByteIsAnother", "attributes",
     [](Mutant& m) {
       m.value = [](std::vector<std::byte>& value) {
         if (!value.empty()) value.front() = std::byte{'!'};
       };
     }},

    // Times.
    {"LookupSaysOneNanosecondLater", "quickstart",
     [](Mutant& m) { change_entries(m, Opcode::kLookup, [](Attributes& a) { a.mtime.nanoseconds ^= 1; }); }},
    {"SetTimesLoseTheirSeconds", "quickstart",
     [](Mutant& m) {
       m.before_setattr = [](SetAttributes& changes) { changes.mtime.seconds -= changes.has(kSetattrMtime); };
     }},
    {"UnlinkLeavesTheParentsTime", "quickstart",
     [](Mutant& m) { spoil(m, Opcode::kUnlink, [](Attributes& parent) { parent.mtime.nanoseconds ^= 1; }); }},
    {"RenameLeavesTheParentsTime", "quickstart",
     [](Mutant& m) { spoil(m, Opcode::kRename, [](Attributes& parent) { parent.ctime.nanoseconds ^= 1; }); }},
    {"WriteLeavesTheFilesTime", "unlinked",
     [](Mutant& m) { spoil(m, Opcode::kWrite, [](Attributes& file) { file.mtime.nanoseconds ^= 1; }); }},

    // Flags, modes, owners.
    {"ChmodLosesABit", "quickstart",
     [](Mutant& m) { m.before_setattr = [](SetAttributes& changes) { changes.mode &= ~0200U; }; }},
    {"NewFilesBelongToAnother", "quickstart",
     [](Mutant& m) { change_created(m, [](Created& created) { created.entry.attributes.uid = 1; }); }},
    {"OpenAsksForDirectIo", "quickstart",
     [](Mutant& m) {
       m.opened = [](Mutant&, const Request&, Result<Opened>& opened) { opened->flags |= kFopenDirectIo; };
     }},
    {"NamesAreKeptTooLong", "quickstart",
     [](Mutant& m) {
       m.entry = [](Mutant&, const Request&, Result<Entry>& entry) {
         if (entry) entry->entry_timeout = Timeout::seconds(60);
       };
     }},
    {"InitTakesSmallerWrites", "quickstart",
     [](Mutant& m) { m.connect = [](Connection& connection) { connection.limits().max_write = 65536; }; }},
};

}  // namespace

std::span<const MutantCase> mutant_cases() {
  return kCases;
}

std::unique_ptr<Operations> make_mutant(const MutantCase* mutant, const MemfsOptions& options) {
  auto memfs = std::make_unique<Mutant>(options);
  if (mutant != nullptr) mutant->install(*memfs);
  return memfs;
}

}  // namespace fusereplay::testing

// How each request reaches its handler and its answer becomes a reply: one struct a handler, used by the dispatcher
// only (core/server/operations_server.cc).
//
// A handler struct has
//   Value                                     what the Operations method returns
//   State(const RequestView&, ReplyPools&)    decoded arguments that must live as long as the handler runs
//   invoke(operations, request, state)        calls the method
// and, where there is something to do,
//   file(state)                               a file that holds all of the answer, which may be sent unread; null: none
//   encode(reply, state[, value])             adds structs and tail; an Errno where the answer cannot be given
//   undo(operations, request, state[, value], run)
//                                             takes back, by run(Async), what a refused reply had granted (1.4)
//   settle(operations, state, run)            takes back what never was in the reply
#pragma once

#include <algorithm>
#include <string>

#include "core/operations/encode.h"
#include "core/operations/operations.h"
#include "core/protocol/builder.h"
#include "core/protocol/reply_check.h"
#include "core/protocol/view.h"

namespace fusereplay::internal {

// The largest payload any kernel asks for: fs.fuse.max_pages_limit is at most 65535 pages.
inline constexpr std::size_t kMaxPayload = std::size_t{65535} * 4096;

/// What most handlers have: no state, an empty reply, nothing to undo.
template <class T>
struct Handler {
  using Value = T;
  struct State {
    State(const RequestView&, ReplyPools&) noexcept {}
  };
};

/// Answers with an Entry; a refused one is forgotten.
struct EntryHandler : Handler<Entry> {
  static Result<void> encode(ReplyBuilder& reply, auto&, const Entry& entry) noexcept {
    reply.add([&] { return to_wire(entry); });
    return {};
  }
  template <class Run>
  static void undo(Operations& operations, const Request&, auto&, const Entry& entry, Run&& run) {
    if (raw(entry.node) != 0) run(operations.forget(entry.node, 1));
  }
};

struct Lookup : EntryHandler {
  static auto invoke(Operations& operations, const Request& request, State&) {
    return operations.lookup(request, NodeId{request.view().nodeid()}, request.view().name(0));
  }
};

/// Decodes what creating requests share.
template <class Struct>
struct CreationState {
  CreationState(const RequestView& view, ReplyPools&) noexcept : in(view.fixed<Struct>()) {
    creation.extensions = view.extensions();
    creation.mode = in.mode;
    creation.umask = in.umask;
  }
  Struct in;
  Creation creation;
};

struct Mknod : EntryHandler {
  using State = CreationState<wire::MknodIn>;
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.mknod(request, NodeId{request.view().nodeid()}, request.view().name(0), state.creation,
                            state.in.rdev);
  }
};

struct Mkdir : EntryHandler {
  using State = CreationState<wire::MkdirIn>;
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.mkdir(request, NodeId{request.view().nodeid()}, request.view().name(0), state.creation);
  }
};

struct Symlink : EntryHandler {
  struct State {
    State(const RequestView& view, ReplyPools&) noexcept { creation.extensions = view.extensions(); }
    Creation creation;
  };
  static auto invoke(Operations& operations, const Request& request, State& state) {
    const RequestView& view = request.view();
    return operations.symlink(request, NodeId{view.nodeid()}, view.name(0), view.name(1), state.creation);
  }
};

struct Link : EntryHandler {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const RequestView& view = request.view();
    return operations.link(request, NodeId{view.fixed<wire::LinkIn>().oldnodeid}, NodeId{view.nodeid()}, view.name(0));
  }
};

struct Forget : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const RequestView& view = request.view();
    return operations.forget(NodeId{view.nodeid()}, view.fixed<wire::ForgetIn>().nlookup);
  }
};

struct BatchForget : Handler<void> {
  static Async<void> invoke(Operations& operations, const Request& request, State&) {
    ForgetReader forgets(request.view().tail());
    Result<void> first_failure;
    while (const auto one = forgets.next()) {
      auto done = co_await as_result(operations.forget(NodeId(one->nodeid), one->nlookup));
      if (!done && first_failure) first_failure = done;
    }
    co_return first_failure;
  }
};

struct AttributesHandler : Handler<AttributesReply> {
  static Result<void> encode(ReplyBuilder& reply, auto&, const AttributesReply& value) noexcept {
    reply.add([&] { return to_wire(value); });
    return {};
  }
};

inline std::optional<FileHandle> optional_handle(bool valid, std::uint64_t handle) noexcept {
  return valid ? std::optional(FileHandle{handle}) : std::nullopt;
}

struct Getattr : AttributesHandler {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const auto in = request.view().fixed<wire::GetattrIn>();
    return operations.getattr(request, NodeId{request.view().nodeid()},
                              optional_handle((in.getattr_flags & kGetattrFh) != 0, in.fh));
  }
};

struct Setattr : AttributesHandler {
  struct State {
    State(const RequestView& view, ReplyPools&) noexcept {
      const auto in = view.fixed<wire::SetattrIn>();
      changes.valid = in.valid;
      changes.mode = in.mode;
      changes.uid = in.uid;
      changes.gid = in.gid;
      changes.size = in.size;
      changes.atime = {static_cast<std::int64_t>(in.atime), in.atimensec};
      changes.mtime = {static_cast<std::int64_t>(in.mtime), in.mtimensec};
      changes.ctime = {static_cast<std::int64_t>(in.ctime), in.ctimensec};
      changes.handle = optional_handle(changes.has(kSetattrFh), in.fh);
      if (changes.has(kSetattrLockOwner)) changes.lock_owner = LockOwner{in.lock_owner};
    }
    SetAttributes changes;
  };
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.setattr(request, NodeId{request.view().nodeid()}, state.changes);
  }
};

struct Statx : Handler<StatxReply> {
  struct State {
    State(const RequestView& view, ReplyPools&) noexcept {
      const auto in = view.fixed<wire::StatxIn>();
      wanted.handle = optional_handle((in.getattr_flags & kGetattrFh) != 0, in.fh);
      wanted.flags = in.sx_flags;
      wanted.mask = in.sx_mask;
    }
    StatxRequest wanted;
  };
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.statx(request, NodeId{request.view().nodeid()}, state.wanted);
  }
  static Result<void> encode(ReplyBuilder& reply, State&, const StatxReply& value) noexcept {
    reply.add([&] { return to_wire(value); });
    return {};
  }
};

struct Access : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    return operations.access(request, NodeId{request.view().nodeid()}, request.view().fixed<wire::AccessIn>().mask);
  }
};

struct Readlink : Handler<std::string> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    return operations.readlink(request, NodeId{request.view().nodeid()});
  }
  static Result<void> encode(ReplyBuilder& reply, State&, const std::string& target) noexcept {
    reply.tail(std::as_bytes(std::span(target)), nullptr);
    return {};
  }
};

struct Unlink : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    return operations.unlink(request, NodeId{request.view().nodeid()}, request.view().name(0));
  }
};

struct Rmdir : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    return operations.rmdir(request, NodeId{request.view().nodeid()}, request.view().name(0));
  }
};

struct Rename : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const RequestView& view = request.view();
    return operations.rename(request, NodeId{view.nodeid()}, view.name(0), NodeId{view.fixed<wire::RenameIn>().newdir},
                             view.name(1), 0);
  }
};

struct Rename2 : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const RequestView& view = request.view();
    const auto in = view.fixed<wire::Rename2In>();
    return operations.rename(request, NodeId{view.nodeid()}, view.name(0), NodeId{in.newdir}, view.name(1), in.flags);
  }
};

struct OpenedHandler : Handler<Opened> {
  static Result<void> encode(ReplyBuilder& reply, auto&, const Opened& opened) noexcept {
    reply.add([&] { return to_wire(opened); });
    return {};
  }
};

struct Open : OpenedHandler {
  static auto invoke(Operations& operations, const Request& request, State&) {
    return operations.open(request, NodeId{request.view().nodeid()}, request.view().fixed<wire::OpenIn>().flags);
  }
  template <class Run>
  static void undo(Operations& operations, const Request& request, State&, const Opened& opened, Run&& run) {
    const Release how{.flags = request.view().fixed<wire::OpenIn>().flags};
    run(operations.release(NodeId{request.view().nodeid()}, opened.handle, how));
  }
};

struct Opendir : OpenedHandler {
  static auto invoke(Operations& operations, const Request& request, State&) {
    return operations.opendir(request, NodeId{request.view().nodeid()}, request.view().fixed<wire::OpenIn>().flags);
  }
  template <class Run>
  static void undo(Operations& operations, const Request& request, State&, const Opened& opened, Run&& run) {
    const Release how{.flags = request.view().fixed<wire::OpenIn>().flags};
    run(operations.releasedir(NodeId{request.view().nodeid()}, opened.handle, how));
  }
};

struct CreatedHandler : Handler<Created> {
  using State = CreationState<wire::CreateIn>;
  static Result<void> encode(ReplyBuilder& reply, State&, const Created& created) noexcept {
    reply.add([&] { return to_wire(created.entry); });
    reply.add([&] { return to_wire(created.opened); });
    return {};
  }
  template <class Run>
  static void undo(Operations& operations, const Request&, State& state, const Created& created, Run&& run) {
    const Release how{.flags = state.in.flags};
    run(take_back(operations, created.entry.node, created.opened.handle, how));
  }

 private:
  /// The handle before the count: release() may rely on the node.
  static Async<void> take_back(Operations& operations, NodeId node, FileHandle handle, Release how) {
    const auto released = co_await as_result(operations.release(node, handle, how));
    co_await operations.forget(node, 1);
    co_return released;
  }
};

struct Create : CreatedHandler {
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.create(request, NodeId{request.view().nodeid()}, request.view().name(0), state.creation,
                             state.in.flags);
  }
};

struct Tmpfile : CreatedHandler {
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.tmpfile(request, NodeId{request.view().nodeid()}, state.creation, state.in.flags);
  }
};

struct Read : Handler<void> {
  struct State {
    State(const RequestView& view, ReplyPools& pools)
        : in(view.fixed<wire::ReadIn>()), out(std::min<std::size_t>(in.size, kMaxPayload), pools) {}
    wire::ReadIn in;
    DataWriter out;
  };
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.read(request, NodeId{request.view().nodeid()}, FileHandle{state.in.fh}, state.in.offset,
                           state.out);
  }
  static const FileRange* file(const State& state) noexcept { return state.out.file(); }
  static Result<void> encode(ReplyBuilder& reply, State& state) noexcept {
    if (const auto read = state.out.read_file(); !read) return read;
    reply.tail(state.out.data(), state.out.owner() ? &state.out.owner() : nullptr);
    return {};
  }
};

struct Write : Handler<std::uint32_t> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const RequestView& view = request.view();
    const auto in = view.fixed<wire::WriteIn>();
    return operations.write(request, NodeId{view.nodeid()}, FileHandle{in.fh}, in.offset, view.tail(), in.write_flags);
  }
  static Result<void> encode(ReplyBuilder& reply, State&, std::uint32_t size) noexcept {
    reply.add(wire::WriteOut{.size = size, .padding = 0});
    return {};
  }
};

struct Flush : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const auto in = request.view().fixed<wire::FlushIn>();
    return operations.flush(request, NodeId{request.view().nodeid()}, FileHandle{in.fh}, LockOwner{in.lock_owner});
  }
};

struct ReleaseState {
  ReleaseState(const RequestView& view, ReplyPools&) noexcept {
    const auto in = view.fixed<wire::ReleaseIn>();
    handle = FileHandle{in.fh};
    how.flags = in.flags;
    how.release_flags = in.release_flags;
    how.lock_owner = LockOwner{in.lock_owner};
  }
  FileHandle handle{};
  Release how;
};

struct ReleaseFile : Handler<void> {
  using State = ReleaseState;
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.release(NodeId{request.view().nodeid()}, state.handle, state.how);
  }
};

struct Releasedir : Handler<void> {
  using State = ReleaseState;
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.releasedir(NodeId{request.view().nodeid()}, state.handle, state.how);
  }
};

inline SyncKind sync_kind(const wire::FsyncIn& in) noexcept {
  return (in.fsync_flags & kFsyncDatasync) != 0 ? SyncKind::kDataOnly : SyncKind::kAll;
}

struct Fsync : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const auto in = request.view().fixed<wire::FsyncIn>();
    return operations.fsync(request, NodeId{request.view().nodeid()}, FileHandle{in.fh}, sync_kind(in));
  }
};

struct Fsyncdir : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const auto in = request.view().fixed<wire::FsyncIn>();
    return operations.fsyncdir(request, NodeId{request.view().nodeid()}, FileHandle{in.fh}, sync_kind(in));
  }
};

struct Readdir : Handler<void> {
  struct State {
    State(const RequestView& view, ReplyPools& pools)
        : in(view.fixed<wire::ReadIn>()),
          page(make_page(std::min<std::size_t>(in.size, kMaxPayload), pools)),
          out(view.opcode() == Opcode::kReaddirplus ? DirentKind::kPlus : DirentKind::kPlain,
              std::span(page->data(), std::min<std::size_t>(in.size, kMaxPayload))) {}
    static BufferRef make_page(std::size_t size, ReplyPools& pools) {
      return size <= pools.small.capacity()   ? pools.small.get()
             : size <= pools.large.capacity() ? pools.large.get()
                                              : BufferRef::allocate(size);
    }
    wire::ReadIn in;
    BufferRef page;
    DirectoryWriter out;
  };
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.readdir(request, NodeId{request.view().nodeid()}, FileHandle{state.in.fh},
                              Cookie{state.in.offset}, state.out);
  }
  static Result<void> encode(ReplyBuilder& reply, State& state) noexcept {
    reply.tail(state.out.page(), &state.page);
    return {};
  }
  /// Lookups the handler counted that never were on the page: taken back whatever becomes of the reply.
  template <class Run>
  static void settle(Operations& operations, State& state, Run&& run) {
    for (const NodeId node : state.out.uncounted()) run(operations.forget(node, 1));
  }
  template <class Run>
  static void undo(Operations& operations, const Request&, State& state, Run&& run) {
    if (!state.out.plus()) return;
    DirentReader reader(DirentKind::kPlus, state.out.page());
    while (const auto record = reader.next()) {
      if (record->entry.nodeid == 0 || is_dot_name(record->name)) continue;
      run(operations.forget(NodeId{record->entry.nodeid}, 1));
    }
  }
};

struct Statfs : Handler<FilesystemStatistics> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    return operations.statfs(request, NodeId{request.view().nodeid()});
  }
  static Result<void> encode(ReplyBuilder& reply, State&, const FilesystemStatistics& value) noexcept {
    reply.add([&] { return to_wire(value); });
    return {};
  }
};

struct Syncfs : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    return operations.syncfs(request, NodeId{request.view().nodeid()});
  }
};

struct Setxattr : Handler<void> {
  struct State {
    State(const RequestView& view, ReplyPools&) noexcept {
      attribute.value = view.tail();
      if (view.layout().structs[0] == StructId::kSetxattrIn) {
        const auto in = view.fixed<wire::SetxattrIn>();
        attribute.flags = in.flags;
        attribute.ext_flags = in.setxattr_flags;
      } else {
        attribute.flags = view.fixed<wire::SetxattrInCompat>().flags;
      }
    }
    SetXattr attribute;
  };
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.setxattr(request, NodeId{request.view().nodeid()}, request.view().name(0), state.attribute);
  }
};

/// GETXATTR and LISTXATTR answer alike: the length when it is asked for, ERANGE when the value is longer than asked.
template <class Writer>
struct XattrHandler : Handler<void> {
  struct State {
    State(const RequestView& view, ReplyPools&) noexcept : size(view.fixed<wire::GetxattrIn>().size) {}
    std::uint32_t size;
    Writer out;
  };
  static Result<void> encode(ReplyBuilder& reply, State& state) noexcept {
    const Bytes value = state.out.value();
    if (state.size == 0) {
      reply.add(wire::GetxattrOut{.size = static_cast<std::uint32_t>(value.size()), .padding = 0});
    } else if (value.size() > state.size) {
      return Errno(ERANGE);
    } else {
      reply.tail(value, nullptr);
    }
    return {};
  }
};

struct Getxattr : XattrHandler<XattrWriter> {
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.getxattr(request, NodeId{request.view().nodeid()}, request.view().name(0), state.out);
  }
};

struct Listxattr : XattrHandler<XattrListWriter> {
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.listxattr(request, NodeId{request.view().nodeid()}, state.out);
  }
};

struct Removexattr : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    return operations.removexattr(request, NodeId{request.view().nodeid()}, request.view().name(0));
  }
};

struct LockState {
  LockState(const RequestView& view, ReplyPools&) noexcept : in(view.fixed<wire::LkIn>()) {
    lock = {.start = in.lk.start, .end = in.lk.end, .type = in.lk.type, .pid = in.lk.pid};
  }
  wire::LkIn in;
  FileLock lock;
};

struct Getlk : Handler<FileLock> {
  using State = LockState;
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.getlk(request, NodeId{request.view().nodeid()}, FileHandle{state.in.fh},
                            LockOwner{state.in.owner}, state.lock);
  }
  static Result<void> encode(ReplyBuilder& reply, State&, const FileLock& lock) noexcept {
    reply.add(wire::LkOut{.lk = to_wire(lock)});
    return {};
  }
};

struct Setlk : Handler<void> {
  using State = LockState;
  static auto invoke(Operations& operations, const Request& request, State& state) {
    const NodeId node{request.view().nodeid()};
    const FileHandle handle{state.in.fh};
    const LockOwner owner{state.in.owner};
    const LockWait wait = request.view().opcode() == Opcode::kSetlkw ? LockWait::kYes : LockWait::kNo;
    if ((state.in.lk_flags & kLkFlock) != 0) return operations.flock(request, node, handle, owner, state.lock, wait);
    return operations.setlk(request, node, handle, owner, state.lock, wait);
  }
};

struct Bmap : Handler<std::uint64_t> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const auto in = request.view().fixed<wire::BmapIn>();
    return operations.bmap(request, NodeId{request.view().nodeid()}, in.block, in.blocksize);
  }
  static Result<void> encode(ReplyBuilder& reply, State&, std::uint64_t block) noexcept {
    reply.add(wire::BmapOut{.block = block});
    return {};
  }
};

struct Ioctl : Handler<std::int32_t> {
  struct State {
    State(const RequestView& view, ReplyPools& pools)
        : in(view.fixed<wire::IoctlIn>()), out(std::min<std::size_t>(in.out_size, kMaxPayload), pools) {
      what.command = in.cmd;
      what.flags = in.flags;
      what.argument = in.arg;
      what.input = view.tail();
      what.output_size = in.out_size;
    }
    /// With zeros: less than was asked for would be refused.
    void fill_up() {
      const std::span<std::byte> rest = out.space(in.out_size - std::min<std::size_t>(out.size(), in.out_size));
      std::fill(rest.begin(), rest.end(), std::byte{0});
      out.commit(rest.size());
    }
    wire::IoctlIn in;
    IoctlRequest what;
    DataWriter out;
  };
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.ioctl(request, NodeId{request.view().nodeid()}, FileHandle{state.in.fh}, state.what, state.out);
  }
  static Result<void> encode(ReplyBuilder& reply, State& state, std::int32_t result) noexcept {
    if (const auto read = state.out.read_file(); !read) return read;
    if (is_kernels_own(state.in)) state.fill_up();
    reply.add(wire::IoctlOut{.result = result, .flags = 0, .in_iovs = 0, .out_iovs = 0});
    reply.tail(state.out.data(), state.out.owner() ? &state.out.owner() : nullptr);
    return {};
  }
};

struct Poll : Handler<std::uint32_t> {
  struct State {
    State(const RequestView& view, ReplyPools&) noexcept : in(view.fixed<wire::PollIn>()) {
      what.events = in.events;
      if ((in.flags & kPollScheduleNotify) != 0) what.notify_handle = in.kh;
    }
    wire::PollIn in;
    PollRequest what;
  };
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.poll(request, NodeId{request.view().nodeid()}, FileHandle{state.in.fh}, state.what);
  }
  static Result<void> encode(ReplyBuilder& reply, State&, std::uint32_t events) noexcept {
    reply.add(wire::PollOut{.revents = events, .padding = 0});
    return {};
  }
};

struct Fallocate : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const auto in = request.view().fixed<wire::FallocateIn>();
    return operations.fallocate(request, NodeId{request.view().nodeid()}, FileHandle{in.fh}, in.offset, in.length,
                                in.mode);
  }
};

struct Lseek : Handler<Offset> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const auto in = request.view().fixed<wire::LseekIn>();
    return operations.lseek(request, NodeId{request.view().nodeid()}, FileHandle{in.fh}, in.offset, in.whence);
  }
  static Result<void> encode(ReplyBuilder& reply, State&, Offset offset) noexcept {
    reply.add(wire::LseekOut{.offset = offset});
    return {};
  }
};

struct CopyFileRange : Handler<std::uint64_t> {
  struct State {
    State(const RequestView& view, ReplyPools&) noexcept : wide(view.opcode() == Opcode::kCopyFileRange64) {
      const auto in = view.fixed<wire::CopyFileRangeIn>();
      range.node_in = NodeId{view.nodeid()};
      range.handle_in = FileHandle{in.fh_in};
      range.offset_in = in.off_in;
      range.node_out = NodeId{in.nodeid_out};
      range.handle_out = FileHandle{in.fh_out};
      range.offset_out = in.off_out;
      range.length = in.len;
      range.flags = in.flags;
    }
    bool wide;
    CopyRange range;
  };
  static auto invoke(Operations& operations, const Request& request, State& state) {
    return operations.copy_file_range(request, state.range);
  }
  static Result<void> encode(ReplyBuilder& reply, State& state, std::uint64_t copied) noexcept {
    if (state.wide) {
      reply.add(wire::CopyFileRangeOut{.bytes_copied = copied});
    } else {
      reply.add(wire::WriteOut{.size = static_cast<std::uint32_t>(copied), .padding = 0});
    }
    return {};
  }
};

struct NotifyReply : Handler<void> {
  static auto invoke(Operations& operations, const Request& request, State&) {
    const RequestView& view = request.view();
    return operations.retrieve_reply(request, NodeId{view.nodeid()}, view.unique(),
                                     view.fixed<wire::NotifyRetrieveIn>().offset, view.tail());
  }
};

/// Answered without a handler: fuseblk's DESTROY is followed by the end of the connection, where destroy() runs.
struct Destroy : Handler<void> {
  static Async<void> invoke(Operations&, const Request&, State&) { return Result<void>{}; }
};

/// Requests of virtiofs and CUSE, and opcodes newer than 7.45.
struct Unsupported : Handler<void> {
  static Async<void> invoke(Operations&, const Request&, State&) { return Errno(ENOSYS); }
};

}  // namespace fusereplay::internal

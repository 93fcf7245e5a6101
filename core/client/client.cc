#include "core/client/client.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "core/check.h"
#include "core/operations/decode.h"
#include "core/protocol/dirent.h"

namespace fusereplay {

namespace {

constexpr Errno kBadReply{EPROTO};
using internal::from_wire;

std::vector<std::byte> owned(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

Result<void> decode_nothing(const ReplyView&) {
  return {};
}
Result<std::vector<std::byte>> decode_bytes(const ReplyView& reply) {
  return owned(reply.tail());
}
Result<Entry> decode_entry(const ReplyView& reply) {
  return from_wire(reply.fixed<wire::EntryOut>());
}
Result<AttributesReply> decode_attributes(const ReplyView& reply) {
  return from_wire(reply.fixed<wire::AttrOut>());
}
Result<Opened> decode_opened(const ReplyView& reply) {
  return from_wire(reply.fixed<wire::OpenOut>());
}
Result<Created> decode_created(const ReplyView& reply) {
  return Created{from_wire(reply.fixed<wire::EntryOut>()), from_wire(reply.fixed<wire::OpenOut>())};
}
Result<std::uint32_t> decode_written(const ReplyView& reply) {
  return reply.fixed<wire::WriteOut>().size;
}
Result<std::uint32_t> decode_xattr_size(const ReplyView& reply) {
  return reply.fixed<wire::GetxattrOut>().size;
}

template <DirentKind kKind>
Result<std::vector<DirectoryEntry>> decode_directory(const ReplyView& reply) {
  std::vector<DirectoryEntry> entries;
  DirentReader reader(kKind, reply.tail());
  while (const auto record = reader.next()) {
    entries.push_back({.name = std::string(record->name),
                       .ino = record->dirent.ino,
                       .type = record->dirent.type,
                       .next = Cookie{record->dirent.off},
                       .entry = from_wire(record->entry)});
  }
  if (!reader.rest().empty()) return kBadReply;
  return entries;
}

Result<std::vector<std::string>> decode_names(const ReplyView& reply) {
  std::vector<std::string> names;
  std::string_view rest(reinterpret_cast<const char*>(reply.tail().data()), reply.tail().size());
  while (!rest.empty()) {
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) return kBadReply;
    names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return names;
}

std::uint32_t fsync_flags(SyncKind kind) noexcept {
  return kind == SyncKind::kDataOnly ? kFsyncDatasync : 0;
}

wire::LkIn lock_in(FileHandle handle, LockOwner owner, const FileLock& lock, std::uint32_t flags) noexcept {
  return {.fh = raw(handle),
          .owner = raw(owner),
          .lk = {.start = lock.start, .end = lock.end, .type = lock.type, .pid = lock.pid},
          .lk_flags = flags,
          .padding = 0};
}

wire::CopyFileRangeIn copy_in(const CopyRange& range) noexcept {
  return {.fh_in = raw(range.handle_in),
          .off_in = range.offset_in,
          .nodeid_out = raw(range.node_out),
          .fh_out = raw(range.handle_out),
          .off_out = range.offset_out,
          .len = range.length,
          .flags = range.flags};
}

wire::ReleaseIn release_in(FileHandle handle, const Release& how) noexcept {
  return {.fh = raw(handle), .flags = how.flags, .release_flags = how.release_flags, .lock_owner = raw(how.lock_owner)};
}

}  // namespace

struct Client::Exchange {
  std::uint64_t unique = 0;
  Opcode opcode{};
  bool asks_size = false;
  bool done = false;
  std::optional<Errno> refused_with;
  std::vector<std::byte> reply;
};

class Client::Channel final : public ReplyChannel {
 public:
  std::int64_t send(const Message& message) override {
    const auto header = read_out_header(message);
    if (!header || header->len != message.size()) return -EINVAL;
    std::vector<std::byte> bytes = owned(message.head);
    bytes.insert(bytes.end(), message.tail.begin(), message.tail.end());
    const std::lock_guard lock(mutex);
    if (header->unique == 0) {
      notifications.push_back(std::move(bytes));
      return static_cast<std::int64_t>(message.size());
    }
    const auto found = outstanding.find(header->unique);
    if (found == outstanding.end()) {
      ++stray;
      return -ENOENT;
    }
    const std::shared_ptr<Exchange> exchange = found->second;
    outstanding.erase(found);
    exchange->done = true;
    exchange->refused_with = std::exchange(refuse, std::nullopt);
    exchange->reply = std::move(bytes);
    replied.notify_all();
    if (exchange->refused_with) return -exchange->refused_with->value();
    return static_cast<std::int64_t>(message.size());
  }

  mutable std::mutex mutex;  // guards all below and the outstanding Exchanges
  std::condition_variable replied;
  std::unordered_map<std::uint64_t, std::shared_ptr<Exchange>> outstanding;
  std::vector<std::vector<std::byte>> notifications;
  std::optional<Errno> refuse;
  std::size_t stray = 0;
};

Client::Client(Server& server, ManualExecutor* executor)
    : server_(server), executor_(executor), channel_(std::make_unique<Channel>()) {}
Client::~Client() = default;

void Client::refuse_next(Errno error) {
  const std::lock_guard lock(channel_->mutex);
  channel_->refuse = error;
}

std::vector<std::vector<std::byte>> Client::notifications() const {
  const std::lock_guard lock(channel_->mutex);
  return channel_->notifications;
}

std::size_t Client::stray_replies() const {
  const std::lock_guard lock(channel_->mutex);
  return channel_->stray;
}

bool Client::replied(const Exchange& exchange) const {
  const std::lock_guard lock(channel_->mutex);
  return exchange.done;
}

std::uint64_t Client::unique_of(const Exchange& exchange) const {
  return exchange.unique;
}

Result<ReplyView> Client::wait(Exchange& exchange) {
  while (executor_ != nullptr && !replied(exchange)) {
    if (!executor_->run_one()) return Errno(ETIMEDOUT);
  }
  {
    std::unique_lock lock(channel_->mutex);
    if (!channel_->replied.wait_for(lock, std::chrono::seconds(30), [&] { return exchange.done; })) {
      return Errno(ETIMEDOUT);
    }
  }
  if (exchange.refused_with) return *exchange.refused_with;
  const Message message{.head = exchange.reply, .tail = {}};
  const auto header = read_out_header(message);
  if (header && header->error != 0) return Errno(-header->error);
  auto view = ReplyView::parse(message, exchange.opcode, exchange.asks_size);
  if (!view) return kBadReply;
  return *view;
}

std::shared_ptr<Client::Exchange> Client::send(Bytes message) {
  auto exchange = std::make_shared<Exchange>();
  const auto header = read_in_header(message);
  FUSEREPLAY_CHECK(header.has_value(), "a request starts with its header");
  exchange->unique = header->unique;
  exchange->opcode = static_cast<Opcode>(header->opcode);
  if (const auto view = RequestView::parse(message)) exchange->asks_size = asks_size(*view);
  if (expects_reply(exchange->opcode)) {
    const std::lock_guard lock(channel_->mutex);
    channel_->outstanding[header->unique] = exchange;
  }
  IncomingRequest request;
  request.buffer = BufferRef::allocate(message.size());
  std::memcpy(request.buffer->data(), message.data(), message.size());
  request.bytes = Bytes(request.buffer->data(), message.size());
  request.received = now_;
  server_.handle(std::move(request), *channel_);
  return exchange;
}

template <class T>
Client::Pending<T> Client::start(Opcode opcode, NodeId node, const std::function<void(MessageBuilder&)>& body,
                                 Result<T> (*decode)(const ReplyView&)) {
  wire::InHeader header{};
  header.unique = next_unique_;
  next_unique_ += 2;
  header.nodeid = raw(node);
  header.uid = caller_.uid;
  header.gid = caller_.gid;
  header.pid = caller_.pid;
  builder_.start_request(opcode, header);
  body(builder_);
  return Pending<T>(*this, send(builder_.finish()), decode);
}

Client::Pending<std::vector<std::byte>> Client::request(Opcode opcode, NodeId node,
                                                        const std::function<void(MessageBuilder&)>& body) {
  return start<std::vector<std::byte>>(opcode, node, body, decode_bytes);
}

Client::Pending<std::vector<std::byte>> Client::request_bytes(Bytes message) {
  return {*this, send(message), decode_bytes};
}

template <class Struct>
Client::Pending<void> Client::command(Opcode opcode, NodeId node, const Struct& in) {
  return start<void>(
      opcode, node, [&](MessageBuilder& out) { out.add(in); }, decode_nothing);
}

Client::Pending<InitReply> Client::init(std::uint64_t offered, std::uint32_t minor) {
  wire::InitIn in{};
  in.major = kProtocolMajor;
  in.minor = minor;
  in.max_readahead = 128 * 1024;
  in.flags = static_cast<std::uint32_t>(offered);
  in.flags2 = static_cast<std::uint32_t>(offered >> 32);
  return start<InitReply>(
      Opcode::kInit, NodeId{0}, [&](MessageBuilder& out) { out.add(in); },
      [](const ReplyView& reply) -> Result<InitReply> {
        const auto out = reply.fixed<wire::InitOut>();
        const std::uint64_t high = (out.flags & kInitInitExt) != 0 ? std::uint64_t{out.flags2} << 32 : 0;
        return InitReply{.minor = out.minor, .flags = out.flags | high, .wire = out};
      });
}

Client::Pending<Entry> Client::lookup(NodeId parent, std::string_view name) {
  return start<Entry>(
      Opcode::kLookup, parent, [&](MessageBuilder& out) { out.name(name); }, decode_entry);
}

void Client::forget(NodeId node, std::uint64_t count) {
  command(Opcode::kForget, node, wire::ForgetIn{.nlookup = count});
}

void Client::batch_forget(const std::vector<wire::ForgetOne>& forgets) {
  const wire::BatchForgetIn in{.count = static_cast<std::uint32_t>(forgets.size()), .dummy = 0};
  start<void>(
      Opcode::kBatchForget, NodeId{0},
      [&](MessageBuilder& out) { out.add(in).bytes(std::as_bytes(std::span(forgets))); }, decode_nothing);
}

void Client::interrupt(std::uint64_t unique) {
  wire::InHeader header{};
  header.unique = unique | kUniqueInterruptBit;
  builder_.start_request(Opcode::kInterrupt, header).add(wire::InterruptIn{.unique = unique});
  send(builder_.finish());
}

void Client::retrieve_reply(std::uint64_t notify_unique, NodeId node, Offset offset, Bytes data) {
  wire::InHeader header{};
  header.unique = notify_unique;
  header.nodeid = raw(node);
  wire::NotifyRetrieveIn in{};
  in.offset = offset;
  in.size = static_cast<std::uint32_t>(data.size());
  builder_.start_request(Opcode::kNotifyReply, header).add(in).bytes(data);
  send(builder_.finish());
}

Client::Pending<AttributesReply> Client::getattr(NodeId node, std::optional<FileHandle> handle) {
  const wire::GetattrIn in{.getattr_flags = handle ? kGetattrFh : 0, .dummy = 0, .fh = handle ? raw(*handle) : 0};
  return start<AttributesReply>(
      Opcode::kGetattr, node, [&](MessageBuilder& out) { out.add(in); }, decode_attributes);
}

Client::Pending<AttributesReply> Client::setattr(NodeId node, const SetAttributes& changes) {
  wire::SetattrIn in{};
  in.valid = changes.valid | (changes.handle ? kSetattrFh : 0) | (changes.lock_owner ? kSetattrLockOwner : 0);
  in.fh = changes.handle ? raw(*changes.handle) : 0;
  in.lock_owner = changes.lock_owner ? raw(*changes.lock_owner) : 0;
  in.size = changes.size;
  in.atime = static_cast<std::uint64_t>(changes.atime.seconds);
  in.atimensec = changes.atime.nanoseconds;
  in.mtime = static_cast<std::uint64_t>(changes.mtime.seconds);
  in.mtimensec = changes.mtime.nanoseconds;
  in.ctime = static_cast<std::uint64_t>(changes.ctime.seconds);
  in.ctimensec = changes.ctime.nanoseconds;
  in.mode = changes.mode;
  in.uid = changes.uid;
  in.gid = changes.gid;
  return start<AttributesReply>(
      Opcode::kSetattr, node, [&](MessageBuilder& out) { out.add(in); }, decode_attributes);
}

Client::Pending<StatxReply> Client::statx(NodeId node, const StatxRequest& wanted) {
  wire::StatxIn in{};
  in.getattr_flags = wanted.handle ? kGetattrFh : 0;
  in.fh = wanted.handle ? raw(*wanted.handle) : 0;
  in.sx_flags = wanted.flags;
  in.sx_mask = wanted.mask;
  return start<StatxReply>(
      Opcode::kStatx, node, [&](MessageBuilder& out) { out.add(in); },
      [](const ReplyView& reply) -> Result<StatxReply> { return from_wire(reply.fixed<wire::StatxOut>()); });
}

Client::Pending<void> Client::access(NodeId node, std::uint32_t mask) {
  return command(Opcode::kAccess, node, wire::AccessIn{.mask = mask, .padding = 0});
}

Client::Pending<std::string> Client::readlink(NodeId node) {
  return start<std::string>(
      Opcode::kReadlink, node, [](MessageBuilder&) {},
      [](const ReplyView& reply) -> Result<std::string> {
        return std::string(reinterpret_cast<const char*>(reply.tail().data()), reply.tail().size());
      });
}

Client::Pending<Entry> Client::symlink(NodeId parent, std::string_view name, std::string_view target,
                                       const Extensions& extensions) {
  return start<Entry>(
      Opcode::kSymlink, parent,
      [&](MessageBuilder& out) { out.name(name).name(target).extensions(encode_extensions(extensions)); },
      decode_entry);
}

Client::Pending<Entry> Client::mknod(NodeId parent, std::string_view name, std::uint32_t mode, std::uint32_t rdev,
                                     const Extensions& extensions) {
  const wire::MknodIn in{.mode = mode, .rdev = rdev, .umask = 0, .padding = 0};
  return start<Entry>(
      Opcode::kMknod, parent,
      [&](MessageBuilder& out) { out.add(in).name(name).extensions(encode_extensions(extensions)); }, decode_entry);
}

Client::Pending<Entry> Client::mkdir(NodeId parent, std::string_view name, std::uint32_t mode,
                                     const Extensions& extensions) {
  const wire::MkdirIn in{.mode = mode, .umask = 0};
  return start<Entry>(
      Opcode::kMkdir, parent,
      [&](MessageBuilder& out) { out.add(in).name(name).extensions(encode_extensions(extensions)); }, decode_entry);
}

Client::Pending<void> Client::unlink(NodeId parent, std::string_view name) {
  return start<void>(
      Opcode::kUnlink, parent, [&](MessageBuilder& out) { out.name(name); }, decode_nothing);
}

Client::Pending<void> Client::rmdir(NodeId parent, std::string_view name) {
  return start<void>(
      Opcode::kRmdir, parent, [&](MessageBuilder& out) { out.name(name); }, decode_nothing);
}

Client::Pending<void> Client::rename(NodeId parent, std::string_view name, NodeId new_parent, std::string_view new_name,
                                     std::uint32_t flags) {
  const auto body = [&](MessageBuilder& out) {
    if (flags == 0) {
      out.add(wire::RenameIn{.newdir = raw(new_parent)});
    } else {
      out.add(wire::Rename2In{.newdir = raw(new_parent), .flags = flags, .padding = 0});
    }
    out.name(name).name(new_name);
  };
  return start<void>(flags == 0 ? Opcode::kRename : Opcode::kRename2, parent, body, decode_nothing);
}

Client::Pending<Entry> Client::link(NodeId node, NodeId new_parent, std::string_view new_name) {
  return start<Entry>(
      Opcode::kLink, new_parent,
      [&](MessageBuilder& out) { out.add(wire::LinkIn{.oldnodeid = raw(node)}).name(new_name); }, decode_entry);
}

Client::Pending<Opened> Client::open(NodeId node, std::uint32_t flags) {
  const wire::OpenIn in{.flags = flags, .open_flags = 0};
  return start<Opened>(
      Opcode::kOpen, node, [&](MessageBuilder& out) { out.add(in); }, decode_opened);
}

Client::Pending<Created> Client::create(NodeId parent, std::string_view name, std::uint32_t mode, std::uint32_t flags,
                                        const Extensions& extensions) {
  const wire::CreateIn in{.flags = flags, .mode = mode, .umask = 0, .open_flags = 0};
  return start<Created>(
      Opcode::kCreate, parent,
      [&](MessageBuilder& out) { out.add(in).name(name).extensions(encode_extensions(extensions)); }, decode_created);
}

Client::Pending<Created> Client::tmpfile(NodeId parent, std::uint32_t mode, std::uint32_t flags,
                                         const Extensions& extensions) {
  const wire::CreateIn in{.flags = flags, .mode = mode, .umask = 0, .open_flags = 0};
  return start<Created>(
      Opcode::kTmpfile, parent,
      [&](MessageBuilder& out) { out.add(in).name("/").extensions(encode_extensions(extensions)); }, decode_created);
}

Client::Pending<std::vector<std::byte>> Client::read(NodeId node, FileHandle handle, Offset offset,
                                                     std::uint32_t size) {
  wire::ReadIn in{};
  in.fh = raw(handle);
  in.offset = offset;
  in.size = size;
  return start<std::vector<std::byte>>(
      Opcode::kRead, node, [&](MessageBuilder& out) { out.add(in); }, decode_bytes);
}

Client::Pending<std::uint32_t> Client::write(NodeId node, FileHandle handle, Offset offset, Bytes data,
                                             std::uint32_t flags) {
  wire::WriteIn in{};
  in.fh = raw(handle);
  in.offset = offset;
  in.size = static_cast<std::uint32_t>(data.size());
  in.write_flags = flags;
  return start<std::uint32_t>(
      Opcode::kWrite, node, [&](MessageBuilder& out) { out.add(in).bytes(data); }, decode_written);
}

Client::Pending<void> Client::flush(NodeId node, FileHandle handle, LockOwner owner) {
  return command(Opcode::kFlush, node,
                 wire::FlushIn{.fh = raw(handle), .unused = 0, .padding = 0, .lock_owner = raw(owner)});
}

Client::Pending<void> Client::release(NodeId node, FileHandle handle, const Release& how) {
  return command(Opcode::kRelease, node, release_in(handle, how));
}

Client::Pending<void> Client::fsync(NodeId node, FileHandle handle, SyncKind kind) {
  return command(Opcode::kFsync, node,
                 wire::FsyncIn{.fh = raw(handle), .fsync_flags = fsync_flags(kind), .padding = 0});
}

Client::Pending<Opened> Client::opendir(NodeId node, std::uint32_t flags) {
  const wire::OpenIn in{.flags = flags, .open_flags = 0};
  return start<Opened>(
      Opcode::kOpendir, node, [&](MessageBuilder& out) { out.add(in); }, decode_opened);
}

namespace {
wire::ReadIn readdir_in(FileHandle handle, Cookie from, std::uint32_t size) noexcept {
  wire::ReadIn in{};
  in.fh = raw(handle);
  in.offset = raw(from);
  in.size = size;
  return in;
}
}  // namespace

Client::Pending<std::vector<DirectoryEntry>> Client::readdir(NodeId node, FileHandle handle, Cookie from,
                                                             std::uint32_t size) {
  return start<std::vector<DirectoryEntry>>(
      Opcode::kReaddir, node, [&](MessageBuilder& out) { out.add(readdir_in(handle, from, size)); },
      decode_directory<DirentKind::kPlain>);
}

Client::Pending<std::vector<DirectoryEntry>> Client::readdirplus(NodeId node, FileHandle handle, Cookie from,
                                                                 std::uint32_t size) {
  return start<std::vector<DirectoryEntry>>(
      Opcode::kReaddirplus, node, [&](MessageBuilder& out) { out.add(readdir_in(handle, from, size)); },
      decode_directory<DirentKind::kPlus>);
}

Client::Pending<void> Client::releasedir(NodeId node, FileHandle handle, const Release& how) {
  return command(Opcode::kReleasedir, node, release_in(handle, how));
}

Client::Pending<void> Client::fsyncdir(NodeId node, FileHandle handle, SyncKind kind) {
  return command(Opcode::kFsyncdir, node,
                 wire::FsyncIn{.fh = raw(handle), .fsync_flags = fsync_flags(kind), .padding = 0});
}

Client::Pending<FilesystemStatistics> Client::statfs(NodeId node) {
  return start<FilesystemStatistics>(
      Opcode::kStatfs, node, [](MessageBuilder&) {},
      [](const ReplyView& reply) -> Result<FilesystemStatistics> { return from_wire(reply.fixed<wire::Kstatfs>()); });
}

Client::Pending<void> Client::syncfs(NodeId node) {
  return command(Opcode::kSyncfs, node, wire::SyncfsIn{.padding = 0});
}

Client::Pending<void> Client::setxattr(NodeId node, std::string_view name, const SetXattr& attribute) {
  const wire::SetxattrIn in{.size = static_cast<std::uint32_t>(attribute.value.size()),
                            .flags = attribute.flags,
                            .setxattr_flags = attribute.ext_flags,
                            .padding = 0};
  return start<void>(
      Opcode::kSetxattr, node, [&](MessageBuilder& out) { out.add(in).name(name).bytes(attribute.value); },
      decode_nothing);
}

Client::Pending<std::vector<std::byte>> Client::getxattr(NodeId node, std::string_view name, std::uint32_t size) {
  return start<std::vector<std::byte>>(
      Opcode::kGetxattr, node,
      [&](MessageBuilder& out) { out.add(wire::GetxattrIn{.size = size, .padding = 0}).name(name); }, decode_bytes);
}

Client::Pending<std::uint32_t> Client::getxattr_size(NodeId node, std::string_view name) {
  return start<std::uint32_t>(
      Opcode::kGetxattr, node,
      [&](MessageBuilder& out) { out.add(wire::GetxattrIn{.size = 0, .padding = 0}).name(name); }, decode_xattr_size);
}

Client::Pending<std::vector<std::string>> Client::listxattr(NodeId node, std::uint32_t size) {
  return start<std::vector<std::string>>(
      Opcode::kListxattr, node, [&](MessageBuilder& out) { out.add(wire::GetxattrIn{.size = size, .padding = 0}); },
      decode_names);
}

Client::Pending<std::uint32_t> Client::listxattr_size(NodeId node) {
  return start<std::uint32_t>(
      Opcode::kListxattr, node, [](MessageBuilder& out) { out.add(wire::GetxattrIn{.size = 0, .padding = 0}); },
      decode_xattr_size);
}

Client::Pending<void> Client::removexattr(NodeId node, std::string_view name) {
  return start<void>(
      Opcode::kRemovexattr, node, [&](MessageBuilder& out) { out.name(name); }, decode_nothing);
}

Client::Pending<FileLock> Client::getlk(NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock) {
  return start<FileLock>(
      Opcode::kGetlk, node, [&](MessageBuilder& out) { out.add(lock_in(handle, owner, lock, 0)); },
      [](const ReplyView& reply) -> Result<FileLock> { return from_wire(reply.fixed<wire::LkOut>().lk); });
}

Client::Pending<void> Client::setlk(NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock,
                                    LockWait wait) {
  return command(wait == LockWait::kYes ? Opcode::kSetlkw : Opcode::kSetlk, node, lock_in(handle, owner, lock, 0));
}

Client::Pending<void> Client::flock(NodeId node, FileHandle handle, LockOwner owner, const FileLock& lock,
                                    LockWait wait) {
  return command(wait == LockWait::kYes ? Opcode::kSetlkw : Opcode::kSetlk, node,
                 lock_in(handle, owner, lock, kLkFlock));
}

Client::Pending<std::uint64_t> Client::bmap(NodeId node, std::uint64_t block, std::uint32_t block_size) {
  const wire::BmapIn in{.block = block, .blocksize = block_size, .padding = 0};
  return start<std::uint64_t>(
      Opcode::kBmap, node, [&](MessageBuilder& out) { out.add(in); },
      [](const ReplyView& reply) -> Result<std::uint64_t> { return reply.fixed<wire::BmapOut>().block; });
}

Client::Pending<IoctlReply> Client::ioctl(NodeId node, FileHandle handle, const IoctlRequest& what) {
  const wire::IoctlIn in{.fh = raw(handle),
                         .flags = what.flags,
                         .cmd = what.command,
                         .arg = what.argument,
                         .in_size = static_cast<std::uint32_t>(what.input.size()),
                         .out_size = what.output_size};
  return start<IoctlReply>(
      Opcode::kIoctl, node, [&](MessageBuilder& out) { out.add(in).bytes(what.input); },
      [](const ReplyView& reply) -> Result<IoctlReply> {
        return IoctlReply{.result = reply.fixed<wire::IoctlOut>().result, .output = owned(reply.tail())};
      });
}

Client::Pending<std::uint32_t> Client::poll(NodeId node, FileHandle handle, const PollRequest& what) {
  const wire::PollIn in{.fh = raw(handle),
                        .kh = what.notify_handle.value_or(0),
                        .flags = what.notify_handle ? kPollScheduleNotify : 0,
                        .events = what.events};
  return start<std::uint32_t>(
      Opcode::kPoll, node, [&](MessageBuilder& out) { out.add(in); },
      [](const ReplyView& reply) -> Result<std::uint32_t> { return reply.fixed<wire::PollOut>().revents; });
}

Client::Pending<void> Client::fallocate(NodeId node, FileHandle handle, Offset offset, std::uint64_t length,
                                        std::uint32_t mode) {
  return command(Opcode::kFallocate, node,
                 wire::FallocateIn{.fh = raw(handle), .offset = offset, .length = length, .mode = mode, .padding = 0});
}

Client::Pending<Offset> Client::lseek(NodeId node, FileHandle handle, Offset offset, std::uint32_t whence) {
  const wire::LseekIn in{.fh = raw(handle), .offset = offset, .whence = whence, .padding = 0};
  return start<Offset>(
      Opcode::kLseek, node, [&](MessageBuilder& out) { out.add(in); },
      [](const ReplyView& reply) -> Result<Offset> { return reply.fixed<wire::LseekOut>().offset; });
}

Client::Pending<std::uint64_t> Client::copy_file_range(const CopyRange& range) {
  return start<std::uint64_t>(
      Opcode::kCopyFileRange64, range.node_in, [&](MessageBuilder& out) { out.add(copy_in(range)); },
      [](const ReplyView& reply) -> Result<std::uint64_t> {
        return reply.fixed<wire::CopyFileRangeOut>().bytes_copied;
      });
}

Client::Pending<std::uint64_t> Client::copy_file_range_32(const CopyRange& range) {
  return start<std::uint64_t>(
      Opcode::kCopyFileRange, range.node_in, [&](MessageBuilder& out) { out.add(copy_in(range)); },
      [](const ReplyView& reply) -> Result<std::uint64_t> { return reply.fixed<wire::WriteOut>().size; });
}

Client::Pending<void> Client::destroy() {
  return start<void>(
      Opcode::kDestroy, NodeId{0}, [](MessageBuilder&) {}, decode_nothing);
}

}  // namespace fusereplay

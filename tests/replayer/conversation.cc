#include "tests/replayer/conversation.h"

#include <algorithm>
#include <thread>

namespace fusereplay::test {

Caller::Caller(Mount& mount, std::uint32_t thread, std::uint32_t yields)
    : mount_(mount), thread_(thread), yields_(yields), random_(thread) {}

void Caller::perhaps_yield() {
  if (yields_ != 0 && random_() % yields_ == 0) std::this_thread::yield();
}

Reply Caller::call(Opcode opcode, std::uint64_t nodeid, const Fill& fill) {
  wire::InHeader header{};
  header.opcode = static_cast<std::uint32_t>(opcode);
  header.unique = mount_.next_unique();
  header.nodeid = nodeid;
  header.uid = 1000;
  header.gid = 1000;
  header.pid = thread_;
  builder_.start_request(opcode, header);
  if (fill) fill(builder_);
  const Bytes bytes = builder_.finish();
  BufferRef buffer = BufferRef::allocate(bytes.size());
  std::memcpy(buffer->data(), bytes.data(), bytes.size());

  StoredEvent stored;
  stored.event.kind = EventKind::kRequest;
  stored.event.sequence = mount_.next_sequence();
  stored.event.begin = stored.event.end = mount_.time_of(stored.event.sequence);
  stored.event.thread = thread_;
  stored.event.result = static_cast<std::int64_t>(bytes.size());
  stored.bytes.assign(bytes.begin(), bytes.end());
  const std::int64_t received = stored.event.begin;
  events_.push_back(std::move(stored));
  perhaps_yield();
  reply_ = {};
  const Bytes held(buffer->data(), bytes.size());
  mount_.server().handle(IncomingRequest{buffer, held, received}, *this);
  return std::move(reply_);
}

std::int64_t Caller::send(const Message& message) {
  perhaps_yield();
  StoredEvent stored;
  stored.event.kind = EventKind::kReply;
  stored.event.sequence = mount_.next_sequence();
  stored.event.begin = stored.event.end = mount_.time_of(stored.event.sequence);
  stored.event.thread = thread_;
  stored.bytes.assign(message.head.begin(), message.head.end());
  stored.bytes.insert(stored.bytes.end(), message.tail.begin(), message.tail.end());
  stored.event.result = refuse_ != 0 ? refuse_ : static_cast<std::int64_t>(message.size());
  refuse_ = 0;
  const std::int64_t result = stored.event.result;
  wire::OutHeader header;
  std::memcpy(&header, stored.bytes.data(), sizeof(header));
  reply_.error = result < 0 ? static_cast<int>(-result) : -header.error;
  reply_.body.assign(stored.bytes.begin() + sizeof(header), stored.bytes.end());
  events_.push_back(std::move(stored));
  perhaps_yield();
  return result;
}

Reply Caller::init() {
  return call(Opcode::kInit, 0, [](MessageBuilder& builder) {
    wire::InitIn in{};
    in.major = kProtocolMajor;
    in.minor = kProtocolMinor;
    in.max_readahead = 131072;
    in.flags = 0x7fffffff & ~static_cast<std::uint32_t>(1U << 4);
    in.flags2 = 0xff;
    builder.add(in);
  });
}

Reply Caller::named(Opcode opcode, std::uint64_t parent, std::string_view name) {
  return call(opcode, parent, [&](MessageBuilder& builder) { builder.name(name); });
}

Reply Caller::getattr(std::uint64_t node) {
  return call(Opcode::kGetattr, node, [](MessageBuilder& builder) { builder.add(wire::GetattrIn{}); });
}

Reply Caller::setattr_mode(std::uint64_t node, std::uint32_t mode) {
  return call(Opcode::kSetattr, node, [&](MessageBuilder& builder) {
    wire::SetattrIn in{};
    in.valid = 1;
    in.mode = mode;
    builder.add(in);
  });
}

Reply Caller::truncate(std::uint64_t node, std::uint64_t size) {
  return call(Opcode::kSetattr, node, [&](MessageBuilder& builder) {
    wire::SetattrIn in{};
    in.valid = 8;
    in.size = size;
    builder.add(in);
  });
}

Reply Caller::mkdir(std::uint64_t parent, std::string_view name) {
  return call(Opcode::kMkdir, parent,
              [&](MessageBuilder& builder) { builder.add(wire::MkdirIn{.mode = 0755, .umask = 022}).name(name); });
}

Reply Caller::create(std::uint64_t parent, std::string_view name, std::uint32_t flags) {
  return call(Opcode::kCreate, parent, [&](MessageBuilder& builder) {
    builder.add(wire::CreateIn{.flags = flags, .mode = 0100644, .umask = 022, .open_flags = 0}).name(name);
  });
}

Reply Caller::link(std::uint64_t node, std::uint64_t parent, std::string_view name) {
  return call(Opcode::kLink, parent,
              [&](MessageBuilder& builder) { builder.add(wire::LinkIn{.oldnodeid = node}).name(name); });
}

Reply Caller::rename(std::uint64_t parent, std::string_view name, std::uint64_t new_parent, std::string_view new_name) {
  return call(Opcode::kRename, parent, [&](MessageBuilder& builder) {
    builder.add(wire::RenameIn{.newdir = new_parent}).name(name).name(new_name);
  });
}

Reply Caller::open(Opcode opcode, std::uint64_t node, std::uint32_t flags) {
  return call(opcode, node,
              [&](MessageBuilder& builder) { builder.add(wire::OpenIn{.flags = flags, .open_flags = 0}); });
}

Reply Caller::release(Opcode opcode, std::uint64_t node, std::uint64_t handle) {
  return call(opcode, node, [&](MessageBuilder& builder) {
    wire::ReleaseIn in{};
    in.fh = handle;
    builder.add(in);
  });
}

Reply Caller::read(Opcode opcode, std::uint64_t node, std::uint64_t handle, std::uint64_t offset, std::uint32_t size) {
  return call(opcode, node, [&](MessageBuilder& builder) {
    wire::ReadIn in{};
    in.fh = handle;
    in.offset = offset;
    in.size = size;
    builder.add(in);
  });
}

Reply Caller::write(std::uint64_t node, std::uint64_t handle, std::uint64_t offset, std::string_view data) {
  return call(Opcode::kWrite, node, [&](MessageBuilder& builder) {
    wire::WriteIn in{};
    in.fh = handle;
    in.offset = offset;
    in.size = static_cast<std::uint32_t>(data.size());
    builder.add(in).bytes(std::as_bytes(std::span(data.data(), data.size())));
  });
}

Reply Caller::setxattr(std::uint64_t node, std::string_view name, std::string_view value) {
  return call(Opcode::kSetxattr, node, [&](MessageBuilder& builder) {
    wire::SetxattrIn in{};
    in.size = static_cast<std::uint32_t>(value.size());
    builder.add(in).name(name).bytes(std::as_bytes(std::span(value.data(), value.size())));
  });
}

Reply Caller::getxattr(std::uint64_t node, std::string_view name, std::uint32_t size) {
  return call(Opcode::kGetxattr, node,
              [&](MessageBuilder& builder) { builder.add(wire::GetxattrIn{.size = size, .padding = 0}).name(name); });
}

void Caller::forget(std::uint64_t node, std::uint64_t count) {
  call(Opcode::kForget, node, [&](MessageBuilder& builder) { builder.add(wire::ForgetIn{.nlookup = count}); });
}

void Caller::batch_forget(const std::vector<wire::ForgetOne>& list) {
  call(Opcode::kBatchForget, 0, [&](MessageBuilder& builder) {
    builder.add(wire::BatchForgetIn{.count = static_cast<std::uint32_t>(list.size()), .dummy = 0});
    builder.bytes(std::as_bytes(std::span(list)));
  });
}

Recording merge(const std::vector<const Caller*>& callers) {
  Recording recording;
  for (const Caller* caller : callers) {
    recording.insert(recording.end(), caller->events().begin(), caller->events().end());
  }
  std::sort(recording.begin(), recording.end(),
            [](const StoredEvent& a, const StoredEvent& b) { return a.event.sequence < b.event.sequence; });
  return recording;
}

}  // namespace fusereplay::test

#include "tests/session/raw_server.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/protocol/builder.h"
#include "core/protocol/dirent.h"

namespace fusereplay::testing {
namespace {

constexpr std::uint64_t kFileNodeId = 2;
constexpr std::uint64_t kFileHandle = 7;

wire::Attr attributes(std::uint64_t nodeid) {
  wire::Attr attr{};
  attr.ino = nodeid;
  attr.mode = nodeid == kRootNodeId ? S_IFDIR | 0755 : S_IFREG | 0644;
  attr.size = nodeid == kRootNodeId ? 0 : RawServer::kText.size();
  attr.nlink = 1;
  return attr;
}

/// "file" is node 2; the others by their names.
std::uint64_t nodeid_of(std::string_view name) {
  if (name == "file") return kFileNodeId;
  if (!name.starts_with("f") && !name.starts_with("held")) return 0;
  std::uint64_t hash = 0;
  for (const char c : name) hash = hash * 131 + static_cast<unsigned char>(c);
  return 1000 + hash % 1'000'000'007;
}

template <class Struct>
Struct read_struct(Bytes bytes, std::size_t offset) {
  Struct value{};
  if (bytes.size() >= offset + sizeof(value)) std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

}  // namespace

struct RawServer::Call {
  IncomingRequest& request;
  ReplyChannel& replies;
  wire::InHeader header;

  template <class Struct>
  Struct in() const {
    return read_struct<Struct>(request.bytes, sizeof(wire::InHeader));
  }
  void error(int error) const {
    ReplyBuilder reply;
    reply.start(header.unique, -error);
    replies.send(reply.finish());
  }
  template <class... Structs>
  void answer(const Structs&... structs) const {
    ReplyBuilder reply;
    reply.start(header.unique, 0);
    (reply.add(structs), ...);
    replies.send(reply.finish());
  }
  void answer_bytes(Bytes bytes) const {
    ReplyBuilder reply;
    reply.start(header.unique, 0);
    reply.tail(bytes, nullptr);
    replies.send(reply.finish());
  }
};

void RawServer::handle(IncomingRequest request, ReplyChannel& replies) {
  const Call call{request, replies, read_struct<wire::InHeader>(request.bytes, 0)};
  switch (static_cast<Opcode>(call.header.opcode)) {
    case Opcode::kInit:
      return init(call);
    case Opcode::kLookup:
      return lookup(call);
    case Opcode::kForget:
    case Opcode::kBatchForget:
    case Opcode::kInterrupt:
      return;
    case Opcode::kGetattr:
    case Opcode::kSetattr: {
      wire::AttrOut out{};
      out.attr = attributes(call.header.nodeid);
      return call.answer(out);
    }
    case Opcode::kOpen:
    case Opcode::kOpendir: {
      wire::OpenOut out{};
      out.fh = kFileHandle;
      out.open_flags = static_cast<Opcode>(call.header.opcode) == Opcode::kOpen ? kFopenDirectIo : 0;
      return call.answer(out);
    }
    case Opcode::kRead:
      return read(call);
    case Opcode::kReaddir:
      return readdir(call);
    case Opcode::kWrite:
      return write(call);
    case Opcode::kFlush:
    case Opcode::kRelease:
    case Opcode::kReleasedir:
      return call.answer();
    case Opcode::kMkdir:
      return call.error(ENOSPC);
    default:
      return call.error(ENOSYS);
  }
}

void RawServer::init(const Call& call) {
  if (options_.init_error != 0) return call.error(options_.init_error);
  const auto in = call.in<wire::InitIn>();
  const std::uint64_t offered = in.flags | std::uint64_t{in.flags2} << 32;
  wire::InitOut out{};
  out.major = kProtocolMajor;
  out.minor = kProtocolMinor;
  out.flags = static_cast<std::uint32_t>(offered & options_.init_flags);
  out.flags2 = static_cast<std::uint32_t>((offered & options_.init_flags) >> 32);
  out.max_readahead = in.max_readahead;
  out.max_write = options_.max_write;
  out.max_pages = static_cast<std::uint16_t>(options_.max_write / 4096);
  out.time_gran = 1;
  call.answer(out);
}

void RawServer::lookup(const Call& call) {
  const auto* text = reinterpret_cast<const char*>(call.request.bytes.data()) + sizeof(wire::InHeader);
  const std::string_view name(text, call.request.bytes.size() - sizeof(wire::InHeader) - 1);
  if (name.starts_with("held")) wait_for_the_others();
  const std::uint64_t nodeid = nodeid_of(name);
  if (nodeid == 0) return call.error(ENOENT);
  wire::EntryOut out{};
  out.nodeid = nodeid;
  out.attr = attributes(nodeid);
  call.answer(out);
}

void RawServer::wait_for_the_others() {
  std::unique_lock lock(mutex_);
  ++held_;
  arrived_.notify_all();
  arrived_.wait(lock, [this] { return held_ >= options_.lookups_together; });
}

void RawServer::read(const Call& call) {
  const auto in = call.in<wire::ReadIn>();
  const auto offset = std::min<std::size_t>(in.offset, kText.size());
  call.answer_bytes(std::as_bytes(std::span(kText.substr(offset, in.size))));
}

void RawServer::readdir(const Call& call) {
  const auto in = call.in<wire::ReadIn>();
  alignas(8) std::byte space[256];
  DirentWriter records(DirentKind::kPlain, std::span(space, std::min<std::size_t>(in.size, sizeof(space))));
  if (in.offset == 0) {
    records.add({}, wire::Dirent{.ino = kFileNodeId, .off = 1, .namelen = 0, .type = DT_REG}, "file");
  }
  call.answer_bytes(Bytes(space, records.size()));
}

void RawServer::write(const Call& call) {
  wire::WriteOut out{};
  out.size = call.in<wire::WriteIn>().size;
  {
    const std::lock_guard lock(mutex_);
    writes_.push_back(call.request);
  }
  call.answer(out);
}

std::vector<IncomingRequest> RawServer::take_writes() {
  const std::lock_guard lock(mutex_);
  return std::exchange(writes_, {});
}

}  // namespace fusereplay::testing

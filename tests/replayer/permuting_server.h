// Another implementation, as far as ids go: a server in front of a server that gives out other nodeids, handles,
// cookies and inode numbers.
#pragma once

#include <cstring>
#include <vector>

#include "core/protocol/dirent.h"
#include "core/protocol/flags.h"
#include "core/protocol/view.h"
#include "core/server/server.h"

namespace fusereplay::test {

class PermutingServer final : public Server, private ReplyChannel {
 public:
  explicit PermutingServer(Server& server) : server_(server) {}

  void handle(IncomingRequest request, ReplyChannel& replies) override {
    replies_ = &replies;
    BufferRef buffer = BufferRef::allocate(request.bytes.size());
    std::memcpy(buffer->data(), request.bytes.data(), request.bytes.size());
    inward(buffer->data(), request.bytes.size());
    const Bytes bytes(buffer->data(), request.bytes.size());
    server_.handle(IncomingRequest{buffer, bytes, request.received}, *this);
  }
  void disconnect() override { server_.disconnect(); }

 private:
  static std::uint64_t node(std::uint64_t id) { return id < 2 ? id : id * 16 + 5; }
  static std::uint64_t node_back(std::uint64_t id) { return id < 2 ? id : (id - 5) / 16; }
  static constexpr std::uint64_t kHandleMask = 0x5a5a;
  static constexpr std::uint64_t kCookieStep = 1000;

  template <class T, class Change>
  static void change(std::byte* at, Change change_value) {
    T value;
    std::memcpy(&value, at, sizeof(value));
    value = static_cast<T>(change_value(value));
    std::memcpy(at, &value, sizeof(value));
  }
  static std::uint64_t handle_swap(std::uint64_t handle) { return handle ^ kHandleMask; }

  void inward(std::byte* message, std::size_t size) {
    wire::InHeader header;
    std::memcpy(&header, message, sizeof(header));
    opcode_ = static_cast<Opcode>(header.opcode);
    change<std::uint64_t>(message + offsetof(wire::InHeader, nodeid), node_back);
    std::byte* const body = message + sizeof(header);
    switch (opcode_) {
      case Opcode::kRename:
      case Opcode::kRename2:
      case Opcode::kLink:
        change<std::uint64_t>(body, node_back);
        break;
      case Opcode::kRead:
      case Opcode::kWrite:
      case Opcode::kRelease:
      case Opcode::kReleasedir:
      case Opcode::kFlush:
        change<std::uint64_t>(body, handle_swap);
        break;
      case Opcode::kReaddir:
      case Opcode::kReaddirplus:
        change<std::uint64_t>(body, handle_swap);
        change<std::uint64_t>(body + offsetof(wire::ReadIn, offset),
                              [](std::uint64_t cookie) { return cookie == 0 ? 0 : cookie - kCookieStep; });
        break;
      case Opcode::kBatchForget:
        for (std::size_t at = sizeof(header) + sizeof(wire::BatchForgetIn); at < size; at += sizeof(wire::ForgetOne)) {
          change<std::uint64_t>(message + at, node_back);
        }
        break;
      default:
        break;
    }
  }

  static void outward_entry(std::byte* entry) {
    change<std::uint64_t>(entry + offsetof(wire::EntryOut, nodeid), node);
    change<std::uint64_t>(entry + offsetof(wire::EntryOut, generation), [](std::uint64_t value) { return value + 3; });
    change<std::uint64_t>(entry + offsetof(wire::EntryOut, attr.ino), node);
  }

  static void outward_records(DirentKind kind, std::byte* records, std::size_t size) {
    DirentReader reader(kind, Bytes(records, size));
    std::byte* at = records;
    while (const auto record = reader.next()) {
      std::byte* dirent = at;
      if (kind == DirentKind::kPlus) {
        if (record->entry.nodeid != 0) outward_entry(at);
        dirent += sizeof(wire::EntryOut);
      }
      change<std::uint64_t>(dirent, node);
      change<std::uint64_t>(dirent + offsetof(wire::Dirent, off),
                            [](std::uint64_t cookie) { return cookie + kCookieStep; });
      at += record->size;
    }
  }

  std::int64_t send(const Message& message) override {
    std::vector<std::byte> bytes(message.head.begin(), message.head.end());
    bytes.insert(bytes.end(), message.tail.begin(), message.tail.end());
    std::byte* const body = bytes.data() + sizeof(wire::OutHeader);
    const std::size_t size = bytes.size() - sizeof(wire::OutHeader);
    if (size != 0) {
      const StructId first = reply_layout(opcode_, false)->structs[0];
      if (first == StructId::kEntryOut) outward_entry(body);
      if (first == StructId::kAttrOut) change<std::uint64_t>(body + offsetof(wire::AttrOut, attr.ino), node);
      if (first == StructId::kOpenOut) change<std::uint64_t>(body, handle_swap);
      if (opcode_ == Opcode::kCreate) change<std::uint64_t>(body + sizeof(wire::EntryOut), handle_swap);
      if (opcode_ == Opcode::kReaddir) outward_records(DirentKind::kPlain, body, size);
      if (opcode_ == Opcode::kReaddirplus) outward_records(DirentKind::kPlus, body, size);
    }
    return replies_->send(Message{.head = bytes, .tail = {}, .owner = nullptr});
  }

  Server& server_;
  ReplyChannel* replies_ = nullptr;
  Opcode opcode_{};
};

}  // namespace fusereplay::test

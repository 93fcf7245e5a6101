// A server whose replies are good but for those a test spoils: one that breaks just one rule.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/protocol/dirent.h"
#include "core/protocol/opcode.h"
#include "core/server/server.h"

namespace fusereplay::testing {

/// One reply on its way, as raw bytes.
class SpoiltReply {
 public:
  using Send = std::function<std::int64_t(Bytes)>;

  SpoiltReply(std::vector<std::byte> good, Send send, Send send_elsewhere)
      : bytes(good), good_(std::move(good)), send_(std::move(send)), send_elsewhere_(std::move(send_elsewhere)) {}

  /// The message, header and all; its length is set when it is sent, unless `keeps_length`.
  std::vector<std::byte> bytes;
  bool keeps_length = false;

  /// The struct at `offset` of the body.
  template <class Struct, class Change>
  void change(std::size_t offset, Change&& change) {
    FUSEREPLAY_CHECK(sizeof(wire::OutHeader) + offset + sizeof(Struct) <= bytes.size(), "the reply has no such part");
    Struct value;
    std::byte* const at = bytes.data() + sizeof(wire::OutHeader) + offset;
    std::memcpy(&value, at, sizeof(value));
    change(value);
    std::memcpy(at, &value, sizeof(value));
  }
  template <class Change>
  void header(Change&& change) {
    wire::OutHeader value;
    std::memcpy(&value, bytes.data(), sizeof(value));
    change(value);
    std::memcpy(bytes.data(), &value, sizeof(value));
  }
  /// Where a record of that name begins, from the body's start; fails the test where there is none.
  std::size_t record(DirentKind kind, std::string_view name) const;

  /// Writes it; what write(2) says.
  std::int64_t send();
  /// Writes it to a clone of the device, where there is one.
  std::int64_t send_elsewhere();
  /// Writes what the server meant to say.
  std::int64_t send_good();

 private:
  void set_length();
  std::vector<std::byte> good_;
  Send send_;
  Send send_elsewhere_;
};

/// Which replies are spoilt: those to requests of this opcode and first name ("" for any).
struct Spoil {
  Opcode opcode{};
  std::string name;
  enum class Times : std::uint8_t { kOnce, kAlways };
  Times times = Times::kOnce;
  /// Sends the reply, or not; returns what the server is told of it. Of a FORGET, the reply is a bare header.
  std::function<std::int64_t(SpoiltReply&)> how;
  enum class Of : std::uint8_t { kSuccess, kAny };
  Of of = Of::kSuccess;  // errors are left alone, and do not count
};

/// Passes requests on to another server, and its replies back. From the LOOKUP of ".begins" on it spoils some; replies
/// to INIT always. One thread.
class SpoiltServer final : public Server, private ReplyChannel {
 public:
  SpoiltServer(std::unique_ptr<Server> server, Spoil spoil) : server_(std::move(server)), spoil_(std::move(spoil)) {}

  /// Where the device has a clone.
  void set_elsewhere(SpoiltReply::Send send) { elsewhere_ = std::move(send); }

  void handle(IncomingRequest request, ReplyChannel& replies) override;
  void disconnect() override { server_->disconnect(); }

  /// What write(2) said of each spoilt reply: "EINVAL ok".
  const std::string& written() const noexcept { return written_; }
  /// What the server believes is still in use: it counted on the replies it meant to send. "3:1 handles:1"; nothing
  /// where all was given back. Of nodeids it never named: "77:-1".
  std::string left() const;

 private:
  struct Asked {
    Opcode opcode{};
    bool spoils = false;
  };

  std::int64_t send(const Message& message) override;
  std::int64_t keep(std::int64_t result);
  SpoiltReply spoilable(std::vector<std::byte> bytes);
  bool spoils(Opcode opcode, std::string_view name);
  void count(Opcode opcode, Bytes body);

  std::unique_ptr<Server> server_;
  Spoil spoil_;
  SpoiltReply::Send elsewhere_;
  ReplyChannel* replies_ = nullptr;
  bool armed_ = false;
  std::map<std::uint64_t, Asked> asked_;  // by unique
  std::string written_;
  std::map<std::uint64_t, std::int64_t> lookups_;  // by nodeid
  std::int64_t handles_ = 0;
};

}  // namespace fusereplay::testing

// Holds the device threads back until INIT is answered, and learns from the answer how large their buffers must be.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/protocol/message.h"
#include "core/protocol/wire.h"
#include "core/unique_fd.h"

namespace fusereplay {

/// How messages travel between the kernel and us.
enum class Transport : std::uint8_t {
  kDevice,  // read(2) and write(2) on /dev/fuse
  kRing,    // FUSE over io_uring (core/session/ring_queue.h)
};

/// The INIT exchange of one connection, as the session sees it pass. Before its end no other request is to be expected
/// (rule K1), but a reader that waited in read(2) already would keep its buffer of the wrong size.
class InitGate {
 public:
  enum class State : std::uint8_t {
    kClosed,    // not answered; from await(): the connection ended first
    kAccepted,  // answered; the kernel took it, or had ended the connection
    kRefused,   // an error, another major version, or a reply that the kernel did not take
  };

  /// An answer to INIT as it is written.
  using WholeAnswer = std::array<std::byte, sizeof(wire::OutHeader) + sizeof(wire::InitOut)>;

  /// The ring is asked for where `wanted` says so and the kernel offers it.
  explicit InitGate(Transport wanted);

  /// INIT was read; called before the server sees it.
  void asked(std::uint64_t unique, Bytes init) noexcept;
  /// Whether `message` is the answer to INIT. A load and a branch once the gate is open.
  bool is_answer(const Message& message) const noexcept;
  /// Called with that answer before it is written: the kernel may take it and send WRITEs at once. With what is to be
  /// written instead, where the session has something to add.
  std::optional<WholeAnswer> learn(const Message& answer) noexcept;
  /// Called when it was written, with what write(2) said. Opens the gate.
  void open(std::int64_t write_result) noexcept;

  /// Waits for open(), or for the end of the connection of `device`.
  State await(int device) const;
  State state() const noexcept { return state_.load(); }
  /// After kAccepted: what was settled.
  Transport transport() const noexcept { return transport_.load(); }
  /// After kAccepted: a buffer of this many bytes takes any message the kernel sends on this connection.
  std::size_t largest_message() const noexcept { return largest_message_.load(); }

 private:
  const Transport wanted_;
  std::atomic<std::uint64_t> unique_{0};
  std::atomic<Transport> transport_{Transport::kDevice};
  std::atomic<State> state_{State::kClosed};
  std::atomic<bool> agreeable_{false};
  std::atomic<std::size_t> largest_message_{0};
  UniqueFd opened_;  // eventfd, readable for good once the gate is open
};

}  // namespace fusereplay

#include "traces/payload.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "core/event/conversation.h"
#include "core/protocol/view.h"

namespace fusereplay {
namespace {

constexpr std::array<std::byte, kPayloadChunk> kZeros{};

ChunkHash canonical(XXH128_hash_t hash) noexcept {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  ChunkHash result;
  std::memcpy(result.data(), bytes.digest, result.size());
  return result;
}

bool is_hash_of_zeros(const ChunkHash& hash, std::size_t size) noexcept {
  static const ChunkHash whole_chunk = canonical(XXH3_128bits(kZeros.data(), kZeros.size()));
  if (size == kPayloadChunk) return hash == whole_chunk;
  return hash == canonical(XXH3_128bits(kZeros.data(), size));
}

/// splitmix64: each state gives one value.
constexpr std::uint64_t mixed(std::uint64_t state) noexcept {
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  state = (state ^ (state >> 27)) * 0x94d049bb133111eb;
  return state ^ (state >> 31);
}

std::uint64_t big_endian(const std::byte* from) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<std::uint64_t>(from[i]);
  return value;
}

Payload of_request(const Event& event) noexcept {
  const auto header = read_in_header(event.message.head);
  if (!header) return {};
  const auto opcode = static_cast<Opcode>(header->opcode);
  if (opcode != Opcode::kWrite && opcode != Opcode::kNotifyReply) return {};
  const auto view = RequestView::parse(event.message);
  if (!view) return {};
  if (opcode == Opcode::kWrite) return {view->fixed<wire::WriteIn>().offset, view->tail()};
  return {view->fixed<wire::NotifyRetrieveIn>().offset, view->tail()};
}

Payload of_reply(const Event& event) noexcept {
  const RequestContext* const request = event.request;
  if (request == nullptr || request->opcode != Opcode::kRead) return {};
  const auto header = read_out_header(event.message);
  if (!header || header->error != 0) return {};
  const auto view = ReplyView::parse(event.message, request->opcode, false);
  if (!view) return {};
  return {request->known ? request->view.fixed<wire::ReadIn>().offset : 0, view->tail()};
}

}  // namespace

ChunkHash hash_chunk(Bytes chunk) noexcept {
  return canonical(XXH3_128bits(chunk.data(), chunk.size()));
}

void generate_chunk(const ChunkHash& hash, std::span<std::byte> chunk) noexcept {
  if (is_hash_of_zeros(hash, chunk.size())) {
    std::fill(chunk.begin(), chunk.end(), std::byte{0});
    return;
  }
  constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;
  constexpr std::uint64_t kNoneZero = 0x0101010101010101;
  std::uint64_t state = big_endian(hash.data());
  const std::uint64_t other = big_endian(hash.data() + 8);
  for (std::size_t at = 0; at < chunk.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t value = (mixed(state += kStep) ^ other) | kNoneZero;
    std::array<std::byte, sizeof(value)> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(value >> 8 * i);
    std::memcpy(chunk.data() + at, bytes.data(), std::min(bytes.size(), chunk.size() - at));
  }
}

Payload payload_of(const Event& event) noexcept {
  switch (event.kind) {
    case EventKind::kRequest:
      return of_request(event);
    case EventKind::kReply:
      return of_reply(event);
    case EventKind::kNotification: {
      const auto view = NotificationView::parse(event.message);
      if (!view || view->code() != NotifyCode::kStore) return {};
      return {view->fixed<wire::NotifyStoreOut>().offset, view->tail()};
    }
    case EventKind::kMark:
      break;
  }
  return {};
}

void AsKept::on_event(const Event& event) {
  const Payload payload = policy_ == PayloadPolicy::kFull ? Payload{} : payload_of(event);
  if (payload.bytes.empty()) {
    sink_.on_event(event);
    return;
  }
  if (capacity_ < event.message.size()) {
    capacity_ = event.message.size();
    space_ = std::make_unique_for_overwrite<std::byte[]>(capacity_);
  }
  const std::size_t fixed = event.message.size() - payload.bytes.size();
  std::memcpy(space_.get(), event.message.head.data(), fixed);
  const std::span<std::byte> kept(space_.get() + fixed, payload.bytes.size());
  if (policy_ == PayloadPolicy::kNone) {
    std::fill(kept.begin(), kept.end(), std::byte{0});
  } else {
    for_each_chunk(payload.offset, kept.size(), [&](std::size_t at, std::size_t size) {
      generate_chunk(hash_chunk(payload.bytes.subspan(at, size)), kept.subspan(at, size));
    });
  }
  Event shown = event;
  shown.message = Message{.head = Bytes(space_.get(), event.message.size()), .tail = {}, .owner = nullptr};
  sink_.on_event(shown);
}

}  // namespace fusereplay

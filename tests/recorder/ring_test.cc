// The ring between a serving thread and the writer thread.
#include "recorder/ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "core/event/unseen_data.h"

namespace fusereplay {
namespace {

constexpr std::size_t kSmallRing = 64 * 1024;
constexpr std::size_t kPlenty = std::size_t{1} << 30;

std::vector<std::byte> bytes_of(std::uint64_t seed, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(seed * 31 + i);
  return bytes;
}

Event event_of(std::uint64_t sequence, Message message) {
  Event event;
  event.kind = EventKind::kReply;
  event.sequence = sequence;
  event.begin = static_cast<std::int64_t>(sequence) * 10;
  event.end = event.begin + 5;
  event.thread = 77;
  event.channel = 3;
  event.result = -2;
  event.message = message;
  return event;
}

std::vector<std::byte> joined(const Message& message) {
  std::vector<std::byte> bytes(message.head.begin(), message.head.end());
  bytes.insert(bytes.end(), message.tail.begin(), message.tail.end());
  return bytes;
}

BufferRef buffer_with(Bytes bytes) {
  BufferRef buffer = BufferRef::allocate(bytes.size());
  std::memcpy(buffer->data(), bytes.data(), bytes.size());
  return buffer;
}

TEST(Ring, GivesBackWhatWasPushed) {
  Ring ring(kSmallRing, kPlenty);
  EXPECT_FALSE(ring.peek());
  EXPECT_EQ(ring.peek_sequence(), 0U);
  const auto head = bytes_of(1, 16);
  const auto tail = bytes_of(2, 100);
  ASSERT_EQ(ring.push(event_of(7, {.head = head, .tail = tail, .owner = nullptr})), Ring::Pushed::kDone);
  EXPECT_EQ(ring.peek_sequence(), 7U);
  const auto event = ring.peek();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->kind, EventKind::kReply);
  EXPECT_EQ(event->sequence, 7U);
  EXPECT_EQ(event->begin, 70);
  EXPECT_EQ(event->end, 75);
  EXPECT_EQ(event->thread, 77U);
  EXPECT_EQ(event->channel, 3U);
  EXPECT_EQ(event->result, -2);
  EXPECT_TRUE(event->message.tail.empty()) << "a small message is in one piece";
  auto expected = head;
  expected.insert(expected.end(), tail.begin(), tail.end());
  EXPECT_EQ(joined(event->message), expected);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(event->message.head.data()) % 8, 0U);
  ring.pop();
  EXPECT_FALSE(ring.peek());
}

TEST(Ring, WrapsAroundAnyNumberOfTimes) {
  Ring ring(kSmallRing, kPlenty);
  std::mt19937_64 random(1);
  std::uint64_t pushed = 0;
  std::uint64_t popped = 0;
  std::vector<std::size_t> sizes{0};
  while (popped < 5000) {
    if (random() % 2 == 0) {
      const std::size_t size = random() % kMaxInlineBytes;
      const auto bytes = bytes_of(pushed + 1, size);
      if (ring.push(event_of(pushed + 1, {.head = bytes, .tail = {}, .owner = nullptr})) != Ring::Pushed::kFull) {
        ++pushed;
        sizes.push_back(size);
        continue;
      }
    }
    const auto event = ring.peek();
    if (!event) continue;
    ++popped;
    ASSERT_EQ(event->sequence, popped);
    ASSERT_EQ(joined(event->message), bytes_of(popped, sizes[popped]));
    ring.pop();
  }
}

TEST(Ring, SaysFullAndTakesTheSameEventOnceThereIsRoom) {
  Ring ring(kSmallRing, kPlenty);
  const auto bytes = bytes_of(1, 4000);
  std::uint64_t sequence = 1;
  bool filling = false;
  for (;; ++sequence) {
    const auto pushed = ring.push(event_of(sequence, {.head = bytes, .tail = {}, .owner = nullptr}));
    if (pushed == Ring::Pushed::kFull) break;
    EXPECT_EQ(pushed == Ring::Pushed::kFilling, sequence > 8) << sequence;
    filling = pushed == Ring::Pushed::kFilling;
  }
  EXPECT_TRUE(filling);
  EXPECT_EQ(sequence, 17U) << "16 entries of 4056 bytes";
  ring.pop();
  ring.wait_for_room();
  EXPECT_NE(ring.push(event_of(sequence, {.head = bytes, .tail = {}, .owner = nullptr})), Ring::Pushed::kFull);
}

TEST(Ring, KeepsALargeMessageByReferenceAndLetsGoOfItWithTheEvent) {
  const auto bytes = bytes_of(1, 100'000);
  const BufferRef buffer = buffer_with(bytes);
  const auto head = bytes_of(2, 16);
  {
    Ring ring(kSmallRing, kPlenty);
    const Bytes in_buffer(buffer->data(), bytes.size());
    ASSERT_EQ(ring.push(event_of(1, {.head = in_buffer, .tail = {}, .owner = &buffer})), Ring::Pushed::kDone);
    ASSERT_EQ(ring.push(event_of(2, {.head = head, .tail = in_buffer, .owner = &buffer})), Ring::Pushed::kDone);
    EXPECT_FALSE(buffer.unique());
    auto event = ring.peek();
    EXPECT_EQ(event->message.head.data(), buffer->data()) << "not copied";
    EXPECT_NE(event->message.owner, nullptr);
    ring.pop();
    event = ring.peek();
    EXPECT_EQ(joined({.head = event->message.head, .tail = {}, .owner = nullptr}), head);
    EXPECT_EQ(event->message.tail.data(), buffer->data());
  }
  EXPECT_TRUE(buffer.unique()) << "the ring let go of what was never popped";
}

TEST(Ring, CopiesALargeMessageThatNobodyOwns) {
  Ring ring(kSmallRing, kPlenty);
  for (const std::size_t size : {std::size_t{5000}, kSmallRing / 4, std::size_t{300'000}}) {
    const std::uint64_t sequence = size;
    {
      const auto bytes = bytes_of(size, size);
      ASSERT_EQ(ring.push(event_of(sequence, {.head = bytes, .tail = {}, .owner = nullptr})), Ring::Pushed::kDone);
    }
    EXPECT_EQ(joined(ring.peek()->message), bytes_of(size, size));
    ring.pop();
  }
}

TEST(Ring, TakesNoRoomForDataThatNobodyLookedAt) {
  Ring ring(kSmallRing, kPlenty);
  const auto head = bytes_of(1, 16);
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
    const Message message{.head = head, .tail = unseen_data(kMaxUnseenData - sequence), .owner = nullptr};
    ASSERT_EQ(ring.push(event_of(sequence, message)), Ring::Pushed::kDone);
  }
  for (std::uint64_t sequence = 1; sequence <= 100; ++sequence) {
    const auto event = ring.peek();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->sequence, sequence);
    EXPECT_TRUE(std::equal(head.begin(), head.end(), event->message.head.begin(), event->message.head.end()));
    EXPECT_EQ(event->message.tail.size(), kMaxUnseenData - sequence);
    EXPECT_TRUE(is_unseen(event->message.tail));
    EXPECT_EQ(event->message.tail.back(), std::byte{0});
    ring.pop();
  }
  EXPECT_FALSE(ring.peek());
}

TEST(Ring, KeepsNoMoreThanItsLimitAliveButAlwaysOneMessage) {
  Ring ring(kSmallRing, 50'000);
  const auto bytes = bytes_of(1, 40'000);
  const BufferRef buffer = buffer_with(bytes);
  const Message message{.head = Bytes(buffer->data(), bytes.size()), .tail = {}, .owner = &buffer};
  ASSERT_EQ(ring.push(event_of(1, message)), Ring::Pushed::kDone);
  ASSERT_EQ(ring.push(event_of(2, message)), Ring::Pushed::kFull);
  ring.pop();
  ring.wait_for_room();
  ASSERT_EQ(ring.push(event_of(2, message)), Ring::Pushed::kDone);
  ring.pop();
  const auto large = bytes_of(2, 60'000);
  const BufferRef large_buffer = buffer_with(large);
  const Bytes above(large_buffer->data(), large.size());
  EXPECT_EQ(ring.push(event_of(3, {.head = above, .tail = {}, .owner = &large_buffer})), Ring::Pushed::kDone);
}

TEST(Ring, PassesEventsBetweenTwoThreads) {
  Ring ring(kSmallRing, 256 * 1024);
  constexpr std::uint64_t kEvents = 30000;
  std::thread producer([&] {
    std::mt19937_64 random(2);
    for (std::uint64_t sequence = 1; sequence <= kEvents; ++sequence) {
      const auto bytes = bytes_of(sequence, sequence % 97 == 0 ? 9000 : random() % 300);
      const BufferRef buffer = bytes.empty() ? BufferRef() : buffer_with(bytes);
      const bool owned = sequence % 2 == 0 && buffer;
      const Message message{.head = owned ? Bytes(buffer->data(), bytes.size()) : Bytes(bytes),
                            .tail = {},
                            .owner = owned ? &buffer : nullptr};
      while (ring.push(event_of(sequence, message)) == Ring::Pushed::kFull) ring.wait_for_room();
    }
  });
  for (std::uint64_t sequence = 1; sequence <= kEvents;) {
    const auto event = ring.peek();
    if (!event) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(event->sequence, sequence);
    ASSERT_EQ(joined(event->message), bytes_of(sequence, event->message.size()));
    ring.pop();
    ++sequence;
  }
  producer.join();
}

TEST(RingDeathTest, RefusesAnEventOutOfOrder) {
  Ring ring(kSmallRing, kPlenty);
  ring.push(event_of(5, {}));
  EXPECT_DEATH(ring.push(event_of(5, {})), "ascending order");
}

}  // namespace
}  // namespace fusereplay

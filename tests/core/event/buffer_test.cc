#include "core/event/buffer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <thread>
#include <vector>

namespace fusereplay {
namespace {

TEST(Buffer, IsAlignedAndHasItsCapacity) {
  for (const std::size_t capacity : {std::size_t{1}, std::size_t{17}, std::size_t{1} << 20}) {
    const BufferRef buffer = BufferRef::allocate(capacity);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer->data()) % 16, 0U);
    EXPECT_EQ(buffer->capacity(), capacity);
    std::memset(buffer->data(), 1, capacity);
  }
}

TEST(BufferRef, IsUniqueWhileNoOtherHoldsTheBuffer) {
  BufferRef none;
  EXPECT_FALSE(none);
  EXPECT_FALSE(none.unique());
  BufferRef one = BufferRef::allocate(8);
  EXPECT_TRUE(one.unique());
  {
    const BufferRef other = one;
    EXPECT_FALSE(one.unique());
    EXPECT_EQ(other->data(), one->data());
  }
  EXPECT_TRUE(one.unique());
  const BufferRef moved = std::move(one);
  EXPECT_TRUE(moved.unique());
}

TEST(BufferPool, HandsAReturnedBufferOutAgain) {
  BufferPool pool(100, 2);
  EXPECT_EQ(pool.capacity(), 100U);
  BufferRef first = pool.get();
  const std::byte* const place = first->data();
  first = {};
  const BufferRef again = pool.get();
  EXPECT_EQ(again->data(), place);
  EXPECT_TRUE(again.unique());
  EXPECT_EQ(again->capacity(), 100U);
}

TEST(BufferPool, DoesNotHandOutABufferThatIsStillHeld) {
  BufferPool pool(8, 2);
  BufferRef first = pool.get();
  const BufferRef kept = first;
  first = {};
  EXPECT_NE(pool.get()->data(), kept->data());
}

TEST(BufferPool, KeepsNoMoreIdleBuffersThanAsked) {
  BufferPool pool(8, 1);
  BufferRef first = pool.get();
  BufferRef second = pool.get();
  const std::byte* const place = first->data();
  first = {};
  second = {};
  const BufferRef kept = pool.get();
  EXPECT_EQ(kept->data(), place) << "the first to return fills the one idle place, the second is freed";
}

TEST(BufferPool, BuffersOutliveThePool) {
  std::optional<BufferPool> pool(std::in_place, 64, 4);
  BufferRef held = pool->get();
  BufferRef idle = pool->get();
  idle = {};
  pool.reset();
  std::memset(held->data(), 7, held->capacity());
  EXPECT_TRUE(held.unique());
}

TEST(BufferPool, ThreadsShareIt) {
  BufferPool pool(64, 8);
  std::vector<std::thread> threads;
  for (unsigned t = 1; t <= 4; ++t) {
    threads.emplace_back([&pool, t] {
      for (int i = 0; i < 20'000; ++i) {
        const BufferRef buffer = pool.get();
        std::memset(buffer->data(), static_cast<int>(t), buffer->capacity());
        const BufferRef second = buffer;
        EXPECT_EQ(second->data()[63], static_cast<std::byte>(t));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(BufferRef, ThreadsMayDropTheLastReference) {
  BufferPool pool(64, 8);
  for (int i = 0; i < 2000; ++i) {
    BufferRef buffer = pool.get();
    std::thread other([copy = buffer]() mutable { copy = {}; });
    buffer = {};
    other.join();
  }
}

}  // namespace
}  // namespace fusereplay

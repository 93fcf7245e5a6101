#include "examples/memfs/file_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace fusereplay::memfs {
namespace {

std::vector<std::byte> read_all(const FileData& data) {
  std::vector<std::byte> out(data.size() + 10, std::byte{0xAA});
  const std::size_t count = data.read(0, out);
  EXPECT_EQ(count, data.size());
  out.resize(count);
  return out;
}

TEST(FileData, ReadsWhatWasWrittenWhateverTheOrder) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    Supply supply(1000);
    {
      FileData data(supply);
      std::vector<std::byte> reference;
      for (int step = 0; step < 200; ++step) {
        const std::uint64_t at = random() % (20 * kPageSize);
        const std::uint64_t length = random() % (3 * kPageSize) + 1;
        switch (random() % 6) {
          case 0:
          case 1: {
            std::vector<std::byte> piece(length);
            std::generate(piece.begin(), piece.end(), [&] { return std::byte(random() | 1); });
            ASSERT_EQ(data.write(at, piece), length);
            if (reference.size() < at + length) reference.resize(at + length);
            std::copy(piece.begin(), piece.end(), reference.begin() + static_cast<std::ptrdiff_t>(at));
            break;
          }
          case 2:
            data.resize(at);
            reference.resize(at);
            break;
          case 3:
          case 4: {
            const std::uint64_t end = std::min<std::uint64_t>(at + length, reference.size());
            random() % 2 == 0 ? data.punch(at, at + length) : data.clear(at, at + length);
            if (at < end) {
              std::fill(reference.begin() + static_cast<std::ptrdiff_t>(at),
                        reference.begin() + static_cast<std::ptrdiff_t>(end), std::byte{0});
            }
            break;
          }
          default:
            ASSERT_TRUE(data.allocate(at, at + length));
            break;
        }
        ASSERT_EQ(read_all(data), reference) << "seed " << seed << " step " << step;
        ASSERT_EQ(supply.used(), data.pages());
      }
    }
    EXPECT_EQ(supply.used(), 0U);
  }
}

TEST(FileData, TakesPagesOnlyWhereSomethingWasWritten) {
  Supply supply(100);
  FileData data(supply);
  const std::vector<std::byte> one(1, std::byte{7});
  data.write(10 * kPageSize, one);
  EXPECT_EQ(data.pages(), 1U);
  EXPECT_EQ(data.size(), 10 * kPageSize + 1);
  data.resize(FileData::kMaxSize);
  EXPECT_EQ(data.pages(), 1U);
  data.resize(0);
  EXPECT_EQ(data.pages(), 0U);
}

TEST(FileData, FindsDataAndHoles) {
  Supply supply(100);
  FileData data(supply);
  const std::vector<std::byte> two_pages(2 * kPageSize, std::byte{7});
  data.write(3 * kPageSize, two_pages);
  data.resize(8 * kPageSize);
  EXPECT_EQ(data.next_data(0).value(), 3 * kPageSize);
  EXPECT_EQ(data.next_data(4 * kPageSize + 5).value(), 4 * kPageSize + 5);
  EXPECT_EQ(data.next_data(5 * kPageSize).error(), Errno(ENXIO));
  EXPECT_EQ(data.next_hole(0).value(), 0U);
  EXPECT_EQ(data.next_hole(3 * kPageSize + 1).value(), 5 * kPageSize);
  EXPECT_EQ(data.next_hole(8 * kPageSize).error(), Errno(ENXIO));
}

TEST(FileData, TheEndIsAHoleEvenWithinAPage) {
  Supply supply(100);
  FileData data(supply);
  const std::vector<std::byte> some(100, std::byte{7});
  data.write(0, some);
  EXPECT_EQ(data.next_hole(50).value(), 100U);
  EXPECT_EQ(data.next_data(99).value(), 99U);
}

TEST(FileData, AllocatesAllOrNothing) {
  Supply supply(4);
  FileData data(supply);
  EXPECT_EQ(data.allocate(0, 5 * kPageSize).error(), Errno(ENOSPC));
  EXPECT_EQ(data.pages(), 0U);
  EXPECT_TRUE(data.allocate(1, 3 * kPageSize + 1));
  EXPECT_EQ(data.pages(), 4U);
}

TEST(FileData, WritesWhatFits) {
  Supply supply(2);
  FileData data(supply);
  const std::vector<std::byte> much(3 * kPageSize, std::byte{7});
  EXPECT_EQ(data.write(100, much), 2 * kPageSize - 100);
  EXPECT_EQ(data.size(), 2 * kPageSize);
}

TEST(FileData, StopsAtTheLargestSize) {
  Supply supply(2);
  FileData data(supply);
  const std::vector<std::byte> two(2, std::byte{7});
  EXPECT_EQ(data.write(FileData::kMaxSize - 1, two), 1U);
  EXPECT_EQ(data.size(), FileData::kMaxSize);
  EXPECT_EQ(data.write(FileData::kMaxSize, two), 0U);
}

}  // namespace
}  // namespace fusereplay::memfs

#include "core/flat_map.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace fusereplay {
namespace {

TEST(FlatMap, DoesWhatAMapDoes) {
  FlatMap<std::uint64_t, int> flat;
  std::map<std::uint64_t, int> map;
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; ++i) {
    const std::uint64_t key = random() % 500;
    if (random() % 3 == 0) {
      flat.erase(key);
      map.erase(key);
    } else {
      flat[key] = i;
      map[key] = i;
    }
    ASSERT_EQ(flat.size(), map.size());
  }
  for (std::uint64_t key = 0; key < 500; ++key) {
    const auto expected = map.find(key);
    const int* found = flat.find(key);
    ASSERT_EQ(found != nullptr, expected != map.end());
    if (found != nullptr) {
      EXPECT_EQ(*found, expected->second);
    }
  }
  std::size_t visited = 0;
  flat.for_each([&](std::uint64_t key, int value) {
    ++visited;
    EXPECT_EQ(map.at(key), value);
  });
  EXPECT_EQ(visited, map.size());
}

TEST(FlatMap, TellsPairsApartInBothHalves) {
  FlatMap<IdPair, int> flat;
  flat[{1, 2}] = 1;
  flat[{2, 1}] = 2;
  flat[{1, 1}] = 3;
  EXPECT_EQ(*flat.find({1, 2}), 1);
  EXPECT_EQ(*flat.find({2, 1}), 2);
  EXPECT_EQ(flat.find({2, 2}), nullptr);
}

TEST(FlatMap, IsEmptyWhenCleared) {
  FlatMap<std::uint64_t, int> flat;
  for (std::uint64_t key = 0; key < 1000; ++key) flat[key] = 1;
  flat.clear();
  EXPECT_EQ(flat.size(), 0u);
  EXPECT_EQ(flat.find(7), nullptr);
}

}  // namespace
}  // namespace fusereplay

#include "simulator/kernel/fifo.h"

#include <gtest/gtest.h>

#include <vector>

namespace fusereplay::kernel {
namespace {

std::vector<int> items(const Fifo<int>& fifo) {
  return {fifo.begin(), fifo.end()};
}

TEST(Fifo, WhatCameFirstGoesFirstHoweverLongItIsUsed) {
  Fifo<int> fifo;
  int next = 0;
  for (int i = 0; i < 1000; ++i) {
    fifo.push_back(2 * i);
    fifo.push_back(2 * i + 1);
    EXPECT_EQ(fifo.front(), next++);
    fifo.pop_front();
  }
  EXPECT_EQ(fifo.size(), 1000U);
  EXPECT_EQ(fifo[0], 1000);
  EXPECT_EQ(fifo[999], 1999);
}

TEST(Fifo, WhatIsPutInFrontGoesFirst) {
  Fifo<int> fifo;
  fifo.push_front(2);
  fifo.push_back(3);
  fifo.push_back(4);
  fifo.pop_front();
  fifo.push_front(1);
  fifo.push_front(0);
  EXPECT_EQ(items(fifo), (std::vector<int>{0, 1, 3, 4}));
}

TEST(Fifo, WhatIsErasedIsGoneAndWhatWentBeforeDoesNotComeBack) {
  Fifo<int> fifo;
  for (const int item : {1, 1, 2, 3, 2, 4}) fifo.push_back(item);
  fifo.pop_front();
  fifo.erase(2);
  EXPECT_EQ(items(fifo), (std::vector<int>{1, 3, 4}));
  fifo.pop_front(3);
  EXPECT_TRUE(fifo.empty());
}

}  // namespace
}  // namespace fusereplay::kernel

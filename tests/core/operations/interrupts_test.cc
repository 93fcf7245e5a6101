#include "core/operations/interrupts.h"

#include <gtest/gtest.h>

namespace fusereplay {
namespace {

TEST(Interrupts, WakeWhoWatches) {
  Interrupts interrupts;
  AsyncEvent wake;
  AsyncEvent other;
  const Interrupts::Watch watch(interrupts, 4, wake);
  const Interrupts::Watch another(interrupts, 6, other);
  EXPECT_FALSE(watch.interrupted());
  interrupts.interrupt(4);
  EXPECT_TRUE(watch.interrupted());
  EXPECT_TRUE(wake.is_set());
  EXPECT_FALSE(another.interrupted());
  EXPECT_FALSE(other.is_set());
}

TEST(Interrupts, OneThatComesBeforeTheWatchIsNotLost) {
  Interrupts interrupts;
  interrupts.interrupt(4);
  AsyncEvent wake;
  const Interrupts::Watch watch(interrupts, 4, wake);
  EXPECT_TRUE(watch.interrupted());
  EXPECT_TRUE(wake.is_set());
}

TEST(Interrupts, OfRequestsNobodyWatchesAreForgottenInTheEnd) {
  Interrupts interrupts;
  for (std::uint64_t unique = 2; unique < 400; unique += 2) interrupts.interrupt(unique);
  AsyncEvent wake;
  const Interrupts::Watch watch(interrupts, 2, wake);
  EXPECT_FALSE(watch.interrupted());
}

TEST(Interrupts, TheEndInterruptsWhoWaitsAndWhoWill) {
  Interrupts interrupts;
  AsyncEvent wake;
  const Interrupts::Watch watch(interrupts, 4, wake);
  interrupts.interrupt_all();
  EXPECT_TRUE(watch.interrupted());
  AsyncEvent later;
  const Interrupts::Watch late(interrupts, 6, later);
  EXPECT_TRUE(late.interrupted());
}

}  // namespace
}  // namespace fusereplay

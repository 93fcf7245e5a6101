#include "replayer/bindings.h"

#include <gtest/gtest.h>

namespace fusereplay {
namespace {

TEST(Bindings, ANodeIsBoundToWhatTheReplyMade) {
  Bindings bindings;
  EXPECT_FALSE(bindings.live_node(5).has_value());
  EXPECT_TRUE(bindings.match_node(5, 77));
  bindings.count(5, 77);
  bindings.commit();
  EXPECT_EQ(bindings.live_node(5), 77U);
  EXPECT_EQ(bindings.live_node(1), 1U);
  EXPECT_EQ(bindings.live_node(0), 0U);
}

TEST(Bindings, ACountedNodeCannotChangeItsPartner) {
  Bindings bindings;
  ASSERT_TRUE(bindings.match_node(5, 77));
  bindings.count(5, 77);
  bindings.commit();
  EXPECT_FALSE(bindings.match_node(5, 78));
  EXPECT_FALSE(bindings.match_node(6, 77));
  EXPECT_FALSE(bindings.match_node(1, 77));
  EXPECT_FALSE(bindings.match_node(7, 1));
  EXPECT_FALSE(bindings.match_node(7, 0));
}

TEST(Bindings, AForgottenNodeMayBeBoundAnew) {
  Bindings bindings;
  ASSERT_TRUE(bindings.match_node(5, 77));
  bindings.count(5, 77);
  bindings.count(5, 77);
  bindings.commit();
  bindings.forget(5, 1);
  EXPECT_FALSE(bindings.match_node(5, 78));
  bindings.forget(5, 1);
  EXPECT_TRUE(bindings.match_node(6, 77));
  EXPECT_TRUE(bindings.match_node(5, 78));
}

TEST(Bindings, AForgottenNodeIsRememberedWhereHandlesMayComeBack) {
  Bindings bindings;
  bindings.keep_forgotten();
  ASSERT_TRUE(bindings.match_node(5, 77));
  bindings.count(5, 77);
  bindings.commit();
  bindings.forget(5, 1);
  EXPECT_EQ(bindings.live_node(5), 77U);
  EXPECT_TRUE(bindings.match_node(5, 78));
}

TEST(Bindings, RollingBackLeavesNoTrace) {
  Bindings bindings;
  ASSERT_TRUE(bindings.match_node(5, 77));
  bindings.count(5, 77);
  ASSERT_TRUE(bindings.match_ino(5, 500, 900));
  bindings.commit();
  ASSERT_TRUE(bindings.match_node(6, 78));
  bindings.count(6, 78);
  bindings.count(5, 77);
  ASSERT_TRUE(bindings.match_ino(6, 501, 901));
  bindings.roll_back();
  EXPECT_FALSE(bindings.live_node(6).has_value());
  EXPECT_TRUE(bindings.match_ino(0, 502, 901));
  bindings.commit();
  bindings.forget(5, 1);
  EXPECT_FALSE(bindings.live_node(5).has_value());
}

TEST(Bindings, AnInodeNumberHoldsUntilANameIsRemoved) {
  Bindings bindings;
  EXPECT_TRUE(bindings.match_ino(0, 500, 900));
  bindings.commit();
  EXPECT_FALSE(bindings.match_ino(0, 500, 901));
  EXPECT_FALSE(bindings.match_ino(0, 501, 900));
  bindings.name_removed();
  EXPECT_TRUE(bindings.match_ino(0, 501, 900));
}

TEST(Bindings, AnInodeNumberOfACountedNodeHoldsEvenThen) {
  Bindings bindings;
  ASSERT_TRUE(bindings.match_node(5, 77));
  bindings.count(5, 77);
  ASSERT_TRUE(bindings.match_ino(5, 500, 900));
  bindings.commit();
  bindings.name_removed();
  EXPECT_FALSE(bindings.match_ino(5, 500, 901));
  EXPECT_FALSE(bindings.match_ino(0, 501, 900));
  bindings.forget(5, 1);
  EXPECT_TRUE(bindings.match_ino(0, 501, 900));
}

TEST(Bindings, AnInodeNumberOutlivesTheForgetWhileItsNameStays) {
  Bindings bindings;
  ASSERT_TRUE(bindings.match_node(5, 77));
  bindings.count(5, 77);
  ASSERT_TRUE(bindings.match_ino(5, 500, 900));
  bindings.commit();
  bindings.forget(5, 1);
  EXPECT_FALSE(bindings.match_ino(0, 500, 901));
}

TEST(Bindings, AGenerationBelongsToItsNode) {
  Bindings bindings;
  ASSERT_TRUE(bindings.match_node(5, 77));
  bindings.count(5, 77);
  EXPECT_TRUE(bindings.match_generation(5, 1, 9));
  EXPECT_TRUE(bindings.match_generation(5, 1, 9));
  EXPECT_FALSE(bindings.match_generation(5, 1, 8));
  EXPECT_FALSE(bindings.match_generation(5, 2, 9));
}

TEST(Bindings, AForgetTakesBackWhatTheLiveSideHolds) {
  Bindings bindings;
  ASSERT_TRUE(bindings.match_node(5, 77));
  bindings.count(5, 77);
  bindings.count(5, 77);
  bindings.commit();
  EXPECT_EQ(bindings.live_forget(5, 1), 1U);
  bindings.count(0, 77);  // only the live side listed it once more
  bindings.commit();
  EXPECT_EQ(bindings.live_forget(5, 1), 1U);
  EXPECT_EQ(bindings.live_forget(5, 2), 3U);
  bindings.forget(5, 1);
  EXPECT_EQ(bindings.live_forget(5, 1), 2U);
  bindings.count(5, 0);  // only the recorded side
  bindings.count(5, 0);
  bindings.count(5, 0);
  bindings.commit();
  EXPECT_EQ(bindings.live_forget(5, 3), 1U) << "never the last one before the recorded last one";
  EXPECT_EQ(bindings.live_forget(5, 4), 2U);
  EXPECT_FALSE(bindings.live_forget(6, 1).has_value());
}

TEST(Bindings, ALiveNodeCountedBeforeItWasBoundKeepsItsCount) {
  Bindings bindings;
  bindings.count(0, 77);
  bindings.commit();
  ASSERT_TRUE(bindings.match_node(5, 77));
  bindings.count(5, 77);
  bindings.commit();
  EXPECT_EQ(bindings.live_forget(5, 1), 2U);
}

TEST(Bindings, OneHandleValueMayBeOpenManyTimes) {
  Bindings bindings;
  bindings.bind_handle(5, 0, 10);
  bindings.bind_handle(5, 0, 11);
  bindings.bind_handle(6, 0, 12);
  EXPECT_EQ(bindings.live_handle(5, 0), 11U);
  EXPECT_EQ(bindings.live_handle(6, 0), 12U);
  bindings.unbind_handle(5, 0, 10);
  EXPECT_EQ(bindings.live_handle(5, 0), 11U);
  bindings.unbind_handle(5, 0, 11);
  EXPECT_FALSE(bindings.live_handle(5, 0).has_value());
  EXPECT_EQ(bindings.live_handle(6, 0), 12U);
}

TEST(Bindings, ACookieStandsForItselfUntilBound) {
  Bindings bindings;
  EXPECT_EQ(bindings.live_cookie(1, 42), 42U);
  bindings.bind_cookie(1, 42, 43);
  EXPECT_EQ(bindings.live_cookie(1, 42), 43U);
  EXPECT_EQ(bindings.live_cookie(2, 42), 42U);
  bindings.bind_cookie(1, 42, 42);
  EXPECT_EQ(bindings.live_cookie(1, 42), 42U);
}

}  // namespace
}  // namespace fusereplay

// The fixture and the matchers as their user sees them.
#include "testing/simulated_mount_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "examples/broken/broken_forget.h"
#include "examples/memfs/memfs.h"
#include "testing/matchers.h"

namespace fusereplay::testing {
namespace {

using ::testing::AllOf;
using ::testing::DescribeMatcher;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::StringMatchResultListener;

class MemfsTest : public SimulatedMountTest {
 protected:
  std::unique_ptr<Operations> make_filesystem() override { return std::make_unique<Memfs>(); }
};

/// What a failing EXPECT_THAT would say of the value.
template <class Matcher, class Value>
std::string explanation(const Matcher& matcher, const Value& value) {
  StringMatchResultListener listener;
  EXPECT_FALSE(::testing::SafeMatcherCast<const Value&>(matcher).MatchAndExplain(value, &listener));
  return listener.str();
}

TEST_F(MemfsTest, OutcomesAreMatchedByTheirErrno) {
  EXPECT_THAT(mount().mkdir("/d", 0755), Succeeds());
  EXPECT_THAT(mount().mkdir("/d", 0755), FailsWith(EEXIST));
  EXPECT_THAT(mount().mkdir("/d", 0755), Not(FailsWith(EPERM)));
  EXPECT_THAT(mount().rmdir("/none"), Not(Succeeds()));
  EXPECT_EQ(explanation(Succeeds(), mount().rmdir("/none")), "which is ENOENT");
  EXPECT_EQ(explanation(FailsWith(EPERM), mount().rmdir("/none")), "which is ENOENT");
  EXPECT_EQ(explanation(FailsWith(EPERM), mount().rmdir("/d")), "which is a success");
  EXPECT_EQ(DescribeMatcher<Outcome<void>>(FailsWith(ENOENT)), "fails with ENOENT");
}

TEST_F(MemfsTest, ValuesAreMatchedBehindTheOutcome) {
  const Fd file = mount().open("/f", O_CREAT | O_RDWR, 0640).value();
  EXPECT_THAT(mount().write(file, "hello"), SucceedsWith(5U));
  EXPECT_THAT(mount().pread(file, 100, 0), SucceedsWith("hello"));
  EXPECT_THAT(mount().pread(file, 100, 0), Not(SucceedsWith("other")));
  EXPECT_THAT(mount().stat("/f"), SucceedsWith(AllOf(IsRegularFile(), HasPermissions(0640), HasSize(5), HasLinks(1))));
  EXPECT_THAT(mount().stat("/"), SucceedsWith(IsDirectory()));
  EXPECT_EQ(explanation(SucceedsWith(HasSize(6)), mount().stat("/f")), "whose size is 5");
  EXPECT_EQ(explanation(SucceedsWith(HasSize(6)), mount().stat("/none")), "which is ENOENT");
  EXPECT_EQ(DescribeMatcher<Outcome<std::string>>(SucceedsWith("x")), "succeeds with \"x\"");
}

TEST_F(MemfsTest, WhatTheKernelAskedIsToldOnce) {
  mount();
  EXPECT_THAT(asked(), IsEmpty());
  mount().mkdir("/d", 0755);
  mount().symlink("target", "/d/l");
  EXPECT_THAT(asked(), ElementsAre(Asks(Opcode::kLookup, "d"), Asks(Opcode::kMkdir, "d"), Asks(Opcode::kLookup, "l"),
                                   Asks(Opcode::kSymlink, "l")));
  EXPECT_THAT(asked(), IsEmpty());
  mount().lstat("/d/l");
  EXPECT_THAT(asked(), IsEmpty()) << "it is cached";
  mount().stat("/d");
  EXPECT_THAT(asked(), ElementsAre(Asks(Opcode::kGetattr))) << "SYMLINK changed it";
  mount().drop_caches();
  EXPECT_THAT(asked(), Not(IsEmpty())) << "FORGETs";
}

TEST_F(MemfsTest, ARequestPrintsAsItIsShown) {
  mount().mkdir("/a\nb", 0755);
  const std::vector<AskedRequest> requests = asked();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(::testing::PrintToString(requests[1]), R"(MKDIR nodeid=1 "a\nb")");
  EXPECT_EQ(DescribeMatcher<AskedRequest>(Asks(Opcode::kMkdir, "d")), "asks MKDIR of \"d\"");
  EXPECT_EQ(DescribeMatcher<AskedRequest>(Not(Asks(Opcode::kMkdir))), "does not ask MKDIR");
}

TEST_F(MemfsTest, LookupsAreCountedByPath) {
  mount().mkdir("/d", 0755);
  EXPECT_EQ(lookups_of("/d"), 1U);
  mount().expire("/d");
  mount().stat("/d");
  EXPECT_EQ(lookups_of("/d"), 2U);
  EXPECT_EQ(lookups_of("/none"), 0U);
  mount().drop_caches();
  EXPECT_EQ(lookups_of("/d"), 0U);
}

TEST_F(MemfsTest, TheConversationReadsAsShown) {
  mount().mkdir("/d", 0755);
  EXPECT_THAT(conversation(), HasSubstr(" -> MKDIR u=6 nodeid=1 "));
  EXPECT_THAT(conversation(), HasSubstr(" <- LOOKUP u=4 error=ENOENT"));
}

TEST(ConversationLog, KeepsTheLastLines) {
  ConversationLog log;
  {
    SimulatedMount mount(std::make_unique<Memfs>(), {.observers = {&log}});
    for (std::size_t i = 0; i < ConversationLog::kLines; ++i) mount.stat("/none" + std::to_string(i));
  }
  EXPECT_THAT(log.text(), StartsWith("("));
  EXPECT_THAT(log.text(), HasSubstr(" messages before)\n"));
  EXPECT_THAT(log.text(), EndsWith("unmounted\n"));
}

/// A test on a broken filesystem, run by hand.
class BrokenTest : public SimulatedMountTest {
 public:
  void provoke() {
    for (const char* path : {"/a", "/b"}) mount().close(mount().open(path, O_CREAT | O_RDWR, 0644).value());
  }
  using SimulatedMountTest::TearDown;

 private:
  void TestBody() override {}
  std::unique_ptr<Operations> make_filesystem() override { return std::make_unique<BrokenForget>(); }
};

TEST(SimulatedMountTest, ATestThatBreaksARuleFails) {
  static BrokenTest test;
  test.provoke();
  EXPECT_NONFATAL_FAILURE(test.TearDown(), "R6");
}

}  // namespace
}  // namespace fusereplay::testing

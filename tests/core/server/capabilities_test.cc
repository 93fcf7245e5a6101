// What init() asks for, and what comes of it.
#include "core/operations/capability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/client/client.h"
#include "core/server/operations_server.h"

namespace fusereplay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kEverything = (std::uint64_t{1} << 43) - 1;

class Asking final : public Operations {
 public:
  using Ask = std::function<Result<void>(Connection&)>;
  explicit Asking(Ask ask) : ask_(std::move(ask)) {}
  Async<void> init(Connection& connection) override { return ask_(connection); }
  Async<Opened> open(const Request&, NodeId, std::uint32_t) override { return Opened{.handle = FileHandle{1}}; }
  Async<Opened> opendir(const Request&, NodeId, std::uint32_t) override { return Opened{.handle = FileHandle{1}}; }

 private:
  const Ask ask_;
};

/// A connection on which init() did `ask`, the kernel offering `offered`.
struct Settled {
  explicit Settled(Asking::Ask ask, std::uint64_t offered = kEverything, std::uint32_t minor = kProtocolMinor)
      : server(
            std::make_unique<Asking>(std::move(ask)),
            {.executor = &executor, .clock = &clock, .log = [this](std::string_view line) { log.emplace_back(line); }}),
        client(server, &executor) {
    const auto answer = client.init(offered, minor).get();
    if (answer) reply = *answer;
  }
  ~Settled() { server.disconnect(); }
  bool on(Capability set) const { return reply && (reply->flags & raw(set)) == raw(set); }

  std::vector<std::string> log;
  ManualClock clock;
  ManualExecutor executor{clock};
  OperationsServer server;
  Client client;
  std::optional<InitReply> reply;  // none: refused
};

Asking::Ask nothing() {
  return [](Connection&) { return Result<void>(); };
}
Asking::Ask wanting(Capability set) {
  return [set](Connection& connection) {
    EXPECT_EQ(connection.want(set), connection.offers(set));
    return Result<void>();
  };
}
Asking::Ask requiring(Capability set) {
  return [set](Connection& connection) { return connection.require(set); };
}
Asking::Ask limiting(std::function<void(Connection::Limits&)> set) {
  return [set](Connection& connection) {
    set(connection.limits());
    return Result<void>();
  };
}

struct Row {
  Capability capability;
  bool by_default;
};

class EachCapability : public ::testing::TestWithParam<Row> {};

TEST_P(EachCapability, IsOnWhereItIsOfferedAndAskedFor) {
  const auto [capability, by_default] = GetParam();
  EXPECT_EQ(Settled(nothing()).on(capability), by_default);
  EXPECT_TRUE(Settled(wanting(capability)).on(capability));
  EXPECT_TRUE(Settled(requiring(capability)).on(capability));
  const Settled refusing([capability = capability](Connection& connection) {
    connection.want(capability);
    connection.refuse(capability);
    return Result<void>();
  });
  EXPECT_FALSE(refusing.on(capability));
}

TEST_P(EachCapability, ThatIsNotOfferedIsMissedAloudWhereWantedAndFatalWhereRequired) {
  const Capability capability = GetParam().capability;
  const std::uint64_t others = kEverything & ~raw(capability);
  const Settled silent(nothing(), others);
  EXPECT_FALSE(silent.on(capability));
  EXPECT_THAT(silent.log, IsEmpty());

  const Settled wants(wanting(capability), others, 38);
  EXPECT_TRUE(wants.reply);
  EXPECT_FALSE(wants.on(capability));
  EXPECT_THAT(wants.log, ElementsAre("the filesystem goes on without " + names_of(capability) +
                                     ", which the kernel (protocol 7.38) does not offer"));
  EXPECT_EQ(wants.server.refusal(), "");

  const Settled requires_it(requiring(capability), others, 38);
  EXPECT_FALSE(requires_it.reply);
  const std::string why =
      "the filesystem requires " + names_of(capability) + ", which the kernel (protocol 7.38) does not offer";
  EXPECT_EQ(requires_it.server.refusal(), why);
  EXPECT_THAT(requires_it.log, ElementsAre("no mount: " + why));
}

TEST_P(EachCapability, ThatIsRequiredIsNotForgottenByAnInitThatGoesOn) {
  const Capability capability = GetParam().capability;
  const Settled careless(
      [capability](Connection& connection) {
        static_cast<void>(connection.require(capability));
        return Result<void>();
      },
      kEverything & ~raw(capability));
  EXPECT_FALSE(careless.reply);
  EXPECT_THAT(careless.server.refusal(), HasSubstr(names_of(capability)));
}

INSTANTIATE_TEST_SUITE_P(
    All, EachCapability,
    ::testing::Values(Row{Capability::kAsyncRead, true}, Row{Capability::kAsyncDirectIo, true},
                      Row{Capability::kParallelDirops, true}, Row{Capability::kReaddirplus, true},
                      Row{Capability::kReaddirplusAuto, true}, Row{Capability::kAutoInvalidateData, true},
                      Row{Capability::kIoctlOnDirectories, true}, Row{Capability::kExplicitInvalidateData, false},
                      Row{Capability::kAtomicTruncate, false}, Row{Capability::kWritebackCache, false},
                      Row{Capability::kPosixLocks, false}, Row{Capability::kFlockLocks, false},
                      Row{Capability::kKillpriv, false}, Row{Capability::kKillprivV2, false},
                      Row{Capability::kPosixAcl, false}, Row{Capability::kDontMask, false},
                      Row{Capability::kCacheSymlinks, false}, Row{Capability::kNoOpen, false},
                      Row{Capability::kNoOpendir, false}, Row{Capability::kExport, false},
                      Row{Capability::kNoExport, false}, Row{Capability::kSecurityContext, false},
                      Row{Capability::kSupplementaryGroup, false}, Row{Capability::kExpireOnly, false},
                      Row{Capability::kDirectIoAllowMmap, false}, Row{Capability::kPassthrough, false},
                      Row{Capability::kResend, false}, Row{Capability::kAbortError, false}),
    [](const auto& info) { return names_of(info.param.capability); });

TEST(Capabilities, ThatExcludeEachOtherAreRefusedByName) {
  using enum Capability;
  const Capability pairs[][2] = {{kWritebackCache, kPassthrough}, {kNoOpen, kPassthrough},
                                 {kAtomicTruncate, kNoOpen},      {kAutoInvalidateData, kExplicitInvalidateData},
                                 {kKillpriv, kKillprivV2},        {kExport, kNoExport}};
  for (const auto& [one, other] : pairs) {
    const Settled settled(wanting(one | other));
    EXPECT_FALSE(settled.reply);
    EXPECT_THAT(settled.server.refusal(), HasSubstr(names_of(one) + " and " + names_of(other) + " exclude each other"));
  }
}

TEST(Capabilities, ADefaultGivesWayToWhatExcludesIt) {
  const Settled settled(wanting(Capability::kExplicitInvalidateData));
  EXPECT_TRUE(settled.on(Capability::kExplicitInvalidateData));
  EXPECT_FALSE(settled.on(Capability::kAutoInvalidateData));
  EXPECT_THAT(settled.log, IsEmpty());
}

TEST(Capabilities, ThatThisRuntimeDoesNotServeCannotBeHad) {
  const Settled wants([](Connection& connection) {
    EXPECT_FALSE(connection.want(Capability{kInitAllowIdmap}));
    return Result<void>();
  });
  EXPECT_FALSE(wants.on(Capability{kInitAllowIdmap}));
  EXPECT_THAT(wants.log, ElementsAre("the filesystem goes on without ALLOW_IDMAP, which this runtime does not serve"));
  const Settled needs(requiring(Capability{kInitSubmounts}));
  EXPECT_FALSE(needs.reply);
  EXPECT_EQ(needs.server.refusal(), "the filesystem requires SUBMOUNTS, which this runtime does not serve");
}

TEST(Capabilities, ReaddirplusHasThreeModes) {
  using enum Capability;
  const auto mode = [](Readdirplus wanted, Need need = Need::kRequired) {
    return [=](Connection& connection) {
      connection.set_readdirplus(wanted, need);
      return Result<void>();
    };
  };
  EXPECT_TRUE(Settled(mode(Readdirplus::kAuto)).on(kReaddirplus | kReaddirplusAuto));
  const Settled always(mode(Readdirplus::kAlways));
  EXPECT_TRUE(always.on(kReaddirplus));
  EXPECT_FALSE(always.on(kReaddirplusAuto));
  const Settled never(mode(Readdirplus::kNever), 0);
  EXPECT_TRUE(never.reply);
  EXPECT_FALSE(Settled(mode(Readdirplus::kNever)).on(kReaddirplus));
  EXPECT_THAT(Settled(mode(Readdirplus::kAlways), 0).server.refusal(), HasSubstr("requires DO_READDIRPLUS"));
  EXPECT_THAT(Settled(mode(Readdirplus::kAlways, Need::kWanted), 0).log,
              ElementsAre(HasSubstr("goes on without DO_READDIRPLUS")));
}

TEST(Capabilities, LimitsThatTheKernelWouldNotKeepAreRefused) {
  EXPECT_THAT(Settled(limiting([](auto& limits) { limits.max_write = 4095; })).server.refusal(),
              HasSubstr("max_write 4095: the kernel writes 4096 bytes at a time at least"));
  for (const std::uint32_t granularity : {0U, 1'000'000'001U}) {
    const Settled settled(limiting([=](auto& limits) { limits.time_granularity = granularity; }));
    EXPECT_FALSE(settled.reply);
    EXPECT_THAT(settled.server.refusal(), HasSubstr("the kernel takes 1 to 1000000000 ns"));
  }
}

TEST(Capabilities, LimitsReachTheReply) {
  const auto all = limiting([](auto& limits) {
    limits = {.max_write = 65536,
              .max_pages = 64,
              .max_readahead = 4096,
              .max_background = 40,
              .congestion_threshold = 30,
              .time_granularity = 1'000'000,
              .request_timeout = 60};
  });
  const Settled settled(all);
  ASSERT_TRUE(settled.reply);
  const wire::InitOut& out = settled.reply->wire;
  EXPECT_EQ(out.max_write, 65536U);
  EXPECT_EQ(out.max_pages, 64);
  EXPECT_EQ(out.max_readahead, 4096U);
  EXPECT_EQ(out.max_background, 40);
  EXPECT_EQ(out.congestion_threshold, 30);
  EXPECT_EQ(out.time_gran, 1'000'000U);
  EXPECT_EQ(out.request_timeout, 60);
  EXPECT_THAT(settled.log, IsEmpty());

  const Settled older(all, kEverything & ~(kInitRequestTimeout | kInitMaxPages));
  ASSERT_TRUE(older.reply);
  EXPECT_EQ(older.reply->wire.request_timeout, 0);
  EXPECT_EQ(older.reply->wire.max_pages, 0);
  EXPECT_THAT(older.log, ElementsAre(HasSubstr("goes on without REQUEST_TIMEOUT")));
}

TEST(Capabilities, PassthroughSaysHowDeepItMayLie) {
  EXPECT_EQ(Settled(nothing()).reply->wire.max_stack_depth, 0U);
  EXPECT_EQ(Settled(wanting(Capability::kPassthrough)).reply->wire.max_stack_depth, 1U);
}

TEST(Capabilities, WithoutOpenEveryOpenIsTheKernelsOwn) {
  Settled with(nothing());
  EXPECT_TRUE(with.client.open(NodeId{2}, 0).get());
  EXPECT_TRUE(with.client.opendir(kRoot).get());
  Settled without(wanting(Capability::kNoOpen | Capability::kNoOpendir));
  EXPECT_EQ(without.client.open(NodeId{2}, 0).get().error(), Errno(ENOSYS));
  EXPECT_EQ(without.client.opendir(kRoot).get().error(), Errno(ENOSYS));
  EXPECT_THAT(without.log, IsEmpty());
}

}  // namespace
}  // namespace fusereplay

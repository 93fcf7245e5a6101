// A Memfs for a test, and its user.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/server/operations_server.h"
#include "examples/memfs/memfs.h"
#include "tests/examples/filesystem_user.h"

namespace fusereplay::testing {

/// A fresh filesystem; after each test everything is removed, closed and forgotten, and nothing may be left.
template <class Kind = Memfs>
class MemfsFixture : public ::testing::Test {
 protected:
  explicit MemfsFixture(const MemfsOptions& options = {})
      : server_(std::make_unique<Kind>(options), logging_options()),
        memfs_(static_cast<Kind&>(server_.operations())),
        user_(server_) {
    user_.client.set_time(kStart);
    EXPECT_TRUE(user_.client.init().get());
  }

  void TearDown() override {
    EXPECT_EQ(memfs_.check_invariants(), "");
    user_.clear(kRoot);
    user_.give_back();
    EXPECT_EQ(memfs_.usage(), (Memfs::Usage{.inodes = 1, .pages = 0, .open = 0})) << "something leaked";
    EXPECT_EQ(memfs_.check_invariants(), "");
    server_.disconnect();
    EXPECT_EQ(log_, "");
  }

  /// Some instant, and seconds behind it.
  static constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
  static constexpr Timestamp later(std::int64_t seconds) {
    return Timestamp::from_nanoseconds(kStart + seconds * 1'000'000'000);
  }
  void set_time(std::int64_t seconds) { user_.client.set_time(kStart + seconds * 1'000'000'000); }

  /// A regular file with this content, closed.
  NodeId file(std::string_view name, std::string_view content = "", NodeId parent = kRoot) {
    const Created made = user_.create(parent, name).value();
    if (!content.empty()) {
      EXPECT_EQ(user_.client.write(made.entry.node, made.opened.handle, 0, bytes(content)).get(), content.size());
    }
    EXPECT_TRUE(user_.release(made.entry.node, made.opened.handle));
    return made.entry.node;
  }

  std::string log_;
  OperationsServer server_;
  Kind& memfs_;
  FilesystemUser user_;

 private:
  OperationsServer::Options logging_options() {
    OperationsServer::Options options;
    options.log = [this](std::string_view line) { log_ += std::string(line) + '\n'; };
    return options;
  }
};

}  // namespace fusereplay::testing

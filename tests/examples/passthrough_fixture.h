// A Passthrough over an empty directory for a test, and its user.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "core/server/operations_server.h"
#include "examples/passthrough/passthrough.h"
#include "tests/examples/filesystem_user.h"
#include "tests/traces/temporary_directory.h"

namespace fusereplay::testing {

/// After each test everything is closed and forgotten, and nothing may be left.
class PassthroughFixture : public ::testing::Test {
 protected:
  explicit PassthroughFixture(PassthroughOptions options = {})
      : server_(made(std::move(options)), logging_options()),
        passthrough_(static_cast<Passthrough&>(server_.operations())),
        user_(server_) {
    EXPECT_TRUE(user_.client.init().get());
  }

  void TearDown() override {
    user_.give_back();
    EXPECT_EQ(passthrough_.usage(), (Passthrough::Usage{.inodes = 1, .open = 0})) << "something leaked";
    server_.disconnect();
    EXPECT_EQ(log_, "");
  }

  /// A path in the source.
  std::string path(std::string_view name) const { return (source_ / name).string(); }
  /// A file made behind the filesystem's back.
  void put(std::string_view name, std::string_view content) const { std::ofstream(path(name)) << content; }
  std::string content(std::string_view name) const {
    std::ostringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }
  struct stat status(std::string_view name) const {
    struct stat status {};
    EXPECT_EQ(::lstat(path(name).c_str(), &status), 0) << name;
    return status;
  }
  bool exists(std::string_view name) const {
    struct stat status {};
    return ::lstat(path(name).c_str(), &status) == 0;
  }

  const test::TemporaryDirectory source_;
  std::string log_;
  OperationsServer server_;
  Passthrough& passthrough_;
  FilesystemUser user_;

 private:
  std::unique_ptr<Operations> made(PassthroughOptions options) const {
    options.source = path("");
    return Passthrough::make(options).value();
  }
  OperationsServer::Options logging_options() {
    OperationsServer::Options options;
    options.log = [this](std::string_view line) { log_ += std::string(line) + '\n'; };
    return options;
  }
};

}  // namespace fusereplay::testing

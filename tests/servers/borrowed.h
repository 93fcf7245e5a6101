// A server that outlives its mount, so that its end can be looked at.
#pragma once

#include <utility>

#include "core/server/server.h"

namespace fusereplay::testing {

class Borrowed final : public Server {
 public:
  explicit Borrowed(Server& server) : server_(server) {}
  void handle(IncomingRequest request, ReplyChannel& replies) override { server_.handle(std::move(request), replies); }
  void disconnect() override { server_.disconnect(); }
  ServerWork* work() noexcept override { return server_.work(); }

 private:
  Server& server_;
};

}  // namespace fusereplay::testing

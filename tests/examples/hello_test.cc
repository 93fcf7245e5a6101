#include "examples/hello/hello.h"

#include <gtest/gtest.h>

#include "core/client/client.h"
#include "core/server/operations_server.h"

namespace fusereplay {
namespace {

TEST(Hello, HasOneFileThatSaysHello) {
  OperationsServer server(make_hello());
  Client client(server);
  ASSERT_TRUE(client.init().get());
  const Entry file = client.lookup(kRoot, "hello").get().value();
  EXPECT_EQ(client.lookup(kRoot, "other").get().error(), Errno(ENOENT));
  EXPECT_EQ(client.getattr(file.node).get()->attributes.size, 13U);
  const FileHandle handle = client.open(file.node, 0).get()->handle;
  const auto data = client.read(file.node, handle, 0, 4096).get().value();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(data.data()), data.size()), "hello, world\n");
  EXPECT_EQ(client.read(file.node, handle, 7, 5).get()->size(), 5U);
  EXPECT_TRUE(client.read(file.node, handle, 13, 5).get()->empty());
  EXPECT_TRUE(client.release(file.node, handle).get());
  const auto listing = client.readdir(kRoot, client.opendir(kRoot).get()->handle, Cookie{}).get().value();
  ASSERT_EQ(listing.size(), 3U);
  EXPECT_EQ(listing[2].name, "hello");
  EXPECT_EQ(listing[2].ino, raw(file.node));
  const auto rest = client.readdir(kRoot, FileHandle{}, listing[1].next).get().value();
  EXPECT_EQ(rest.size(), 1U);
  server.disconnect();
}

}  // namespace
}  // namespace fusereplay

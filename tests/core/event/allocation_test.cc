// What runs for every message allocates nothing once it is warm.
#include <gtest/gtest.h>

#include <vector>

#include "core/event/buffer.h"
#include "core/event/conversation.h"
#include "core/protocol/reply_check.h"
#include "tests/support/allocations.h"
#include "tests/support/message_generator.h"

namespace fusereplay {
namespace {

using test::MessageGenerator;
using test::OwnedMessage;

TEST(Allocation, AWarmConversationAllocatesNothing) {
  MessageGenerator generate(1, 2000);
  struct Exchange {
    OwnedMessage request;
    OwnedMessage reply;
  };
  std::vector<Exchange> exchanges;
  for (int i = 0; i < 500; ++i) {
    const Opcode opcode = generate.pick_opcode();
    Exchange exchange{generate.request(opcode), {}};
    if (expects_reply(opcode)) exchange.reply = generate.reply(*RequestView::parse(exchange.request));
    exchanges.push_back(std::move(exchange));
  }
  Conversation conversation;
  std::size_t accepted = 0;
  const auto pass = [&] {
    for (const Exchange& exchange : exchanges) {
      Event event;
      event.message.head = exchange.request;
      conversation.follow(event);
    }
    for (const Exchange& exchange : exchanges) {
      if (exchange.reply.empty()) continue;
      Event event;
      event.kind = EventKind::kReply;
      event.message.head = exchange.reply;
      event.result = static_cast<std::int64_t>(exchange.reply.size());
      conversation.follow(event);
      if (event.request == nullptr || !event.request->known) continue;
      accepted += reply_check(&event.request->view, event.message).effect == ReplyEffect::kAccepted;
    }
  };
  // The second pass finds the nodes in the opposite order of the first, so two passes grow every storage it needs.
  for (int i = 0; i < 4; ++i) pass();
  accepted = 0;
  const std::size_t before = test::allocations();
  pass();
  EXPECT_EQ(test::allocations() - before, 0U);
  EXPECT_GT(accepted, 400U);
  EXPECT_EQ(conversation.outstanding(), 0U);
}

TEST(Allocation, AWarmBufferPoolAllocatesNothing) {
  BufferPool pool(1 << 16, 4);
  { const BufferRef warm[] = {pool.get(), pool.get(), pool.get(), pool.get()}; }
  const std::size_t before = test::allocations();
  for (int i = 0; i < 100; ++i) {
    const BufferRef held[] = {pool.get(), pool.get(), pool.get(), pool.get()};
    const BufferRef shared = held[0];
  }
  EXPECT_EQ(test::allocations() - before, 0U);
}

}  // namespace
}  // namespace fusereplay

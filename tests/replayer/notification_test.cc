// Replays of filesystems that notify: notifications go nowhere, and what they led to in the recording comes all the
// same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "core/protocol/view.h"
#include "simulator/mount.h"
#include "tests/replayer/stage.h"

namespace fusereplay::test {
namespace {

using ::testing::Pair;
using ::testing::UnorderedElementsAre;

/// Keeps what an observer is shown.
class Keeper final : public EventSink {
 public:
  void on_event(const Event& event) override {
    StoredEvent stored{.event = event, .bytes = {}};
    stored.bytes.assign(event.message.head.begin(), event.message.head.end());
    stored.bytes.insert(stored.bytes.end(), event.message.tail.begin(), event.message.tail.end());
    stored.event.message = {};
    stored.event.request = nullptr;
    recording.push_back(std::move(stored));
  }
  Recording recording;
};

/// memfs that tells the kernel of every write, and that answers GETXATTR with what the kernel has cached.
class Telling final : public Memfs {
 public:
  Async<void> init(Connection& connection) override {
    notifier_ = &connection.notifier();
    return Memfs::init(connection);
  }
  Async<std::uint32_t> write(const Request& request, NodeId node, FileHandle handle, Offset offset, Bytes data,
                             std::uint32_t flags) override {
    co_await notifier_->inval_entry(kRoot, "none");
    co_await notifier_->inval_inode(node, 4096);
    notifier_->poll(7);
    co_return co_await as_result(Memfs::write(request, node, handle, offset, data, flags));
  }
  Async<void> getxattr(const Request&, NodeId node, std::string_view name, XattrWriter& out) override {
    if (name != "user.cached") co_return Errno(ENODATA);
    const std::vector<std::byte> cached = co_await notifier_->retrieve(node, 0, 100);
    out.set(cached);
    co_return {};
  }

 private:
  Notifier* notifier_ = nullptr;
};

TEST(Replays, OfAFilesystemThatNotifiesAreTheSame) {
  Keeper keeper;
  {
    SimulatedMount mount(std::make_unique<Telling>(), {.observers = {&keeper}});
    const Fd file = mount.open("/a", O_CREAT | O_RDWR, 0644).value();
    for (const std::string text : {"one", "three", "seven"}) {
      mount.pwrite(file, text, 0);
      EXPECT_EQ(mount.pread(file, 100, 0), text);
      EXPECT_EQ(mount.getxattr("/a", "user.cached"), text);
    }
    mount.close(file);
    EXPECT_EQ(mount.trouble(), "");
  }
  std::map<std::string_view, int> told;
  for (const StoredEvent& stored : keeper.recording) {
    if (stored.event.kind != EventKind::kNotification) continue;
    ++told[notify_name(NotificationView::parse({.head = stored.bytes, .tail = {}, .owner = nullptr})->code())];
  }
  EXPECT_THAT(told, UnorderedElementsAre(Pair("NOTIFY_INVAL_ENTRY", 3), Pair("NOTIFY_INVAL_INODE", 3),
                                         Pair("NOTIFY_POLL", 3), Pair("NOTIFY_RETRIEVE", 3)));
  RecordingEvents source(keeper.recording);
  const ReplayReport report = replay(std::make_unique<Telling>(), source, {}, {});
  EXPECT_TRUE(report.same()) << explain(report);
  EXPECT_EQ(report.counts.recorded_notifications, 12U);
  EXPECT_EQ(report.counts.live_notifications, 12U);
}

}  // namespace
}  // namespace fusereplay::test

// Replies whose data lie in a file: what the caller of the mount gets, what observers are shown, and the pipe between.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "core/event/unseen_data.h"
#include "core/server/operations_server.h"
#include "core/session/splice_pipe.h"
#include "tests/support/live_mount.h"

namespace fusereplay::testing {
namespace {

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

std::string random_text(std::size_t size) {
  std::mt19937 random(7);
  std::string text(size, '\0');
  std::generate(text.begin(), text.end(), [&] { return static_cast<char>(random()); });
  return text;
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A file with data, a hole and data again, and its path.
std::string make_file(std::size_t size) {
  std::string path = LiveEnvironment::make_directory("source") + "/file";
  const std::string data = random_text(size / 3);
  std::ofstream file(path, std::ios::binary);
  file << data;
  file.seekp(static_cast<std::streamoff>(size - data.size()));
  file << data;
  return path;
}

enum class Pages : std::uint8_t { kCached, kDirect };

/// "f" is the file at a path; "m" is memory, by a file that cannot be spliced; "d" a directory that says it is a file.
class Files final : public Operations {
 public:
  static constexpr std::size_t kMemory = 300'000;

  Files(const std::string& path, Pages pages)
      : pages_(pages),
        file_(std::make_shared<UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC))),
        memory_file_(std::make_shared<UniqueFd>(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC))),
        directory_(std::make_shared<UniqueFd>(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC))),
        memory_(random_text(kMemory)) {
    struct stat status {};
    ::fstat(file_->get(), &status);
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  const std::string& memory() const noexcept { return memory_; }

  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    if (name != "f" && name != "m" && name != "d") return Errno(ENOENT);
    const NodeId node{static_cast<std::uint64_t>(name[0])};
    return Entry{.node = node, .attributes = attributes(node), .entry_timeout = {}, .attribute_timeout = {}};
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    return AttributesReply{.attributes = attributes(node)};
  }
  Async<Opened> open(const Request&, NodeId, std::uint32_t) override {
    return Opened{.handle = {}, .flags = pages_ == Pages::kDirect ? kFopenDirectIo : 0};
  }
  Async<void> read(const Request&, NodeId node, FileHandle, Offset offset, DataWriter& out) override {
    const std::uint64_t end = attributes(node).size;
    if (node == NodeId{'f'}) {
      out.share_file(file_->get(), offset, out.capacity(), file_);
    } else if (node == NodeId{'m'}) {
      const auto at = reinterpret_cast<std::uintptr_t>(memory_.data()) + offset;
      out.share_file(memory_file_->get(), at, end - std::min(end, offset), memory_file_);
    } else {
      out.share_file(directory_->get(), offset, out.capacity(), directory_);
    }
    return Result<void>();
  }

 private:
  Attributes attributes(NodeId node) const {
    Attributes attributes{.ino = raw(node)};
    attributes.mode = node == kRoot ? S_IFDIR | 0755 : S_IFREG | 0644;
    attributes.size = node == NodeId{'m'} ? memory_.size() : size_;
    return attributes;
  }

  const Pages pages_;
  const std::shared_ptr<UniqueFd> file_;
  const std::shared_ptr<UniqueFd> memory_file_;
  const std::shared_ptr<UniqueFd> directory_;
  const std::string memory_;
  std::uint64_t size_ = 0;
};

enum class Wants : std::uint8_t { kNoData, kData };

/// What it is shown of the data of replies.
class DataSink final : public EventSink {
 public:
  explicit DataSink(Wants wants) : wants_(wants) {}
  void on_event(const Event& event) override {
    if (event.kind != EventKind::kReply || event.message.tail.empty()) return;
    EXPECT_EQ(event.result, static_cast<std::int64_t>(event.message.size()));
    wire::OutHeader header{};
    std::memcpy(&header, event.message.head.data(), sizeof(header));
    EXPECT_EQ(header.len, event.message.size());
    const std::lock_guard lock(mutex_);
    bytes_ += event.message.tail.size();
    if (is_unseen(event.message.tail)) {
      ++unseen_;
    } else {
      seen_.append(reinterpret_cast<const char*>(event.message.tail.data()), event.message.tail.size());
    }
  }
  bool wants_file_data() const noexcept override { return wants_ == Wants::kData; }

  int unseen() const { return unseen_; }
  const std::string& seen() const { return seen_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  const Wants wants_;
  std::mutex mutex_;  // guards all below
  int unseen_ = 0;
  std::string seen_;
  std::uint64_t bytes_ = 0;
};

class FileReplies : public LiveTest {};

// Whole files in pieces of many sizes, by several readers at once; then what lies behind odd offsets.
constexpr const char* kReadAll = R"(
set -e
for size in 4096 16384 20000 65536 131072 524288 1000000 1048576; do
  dd if=f bs=$size status=none | cmp - $FILE & one=$!
  dd if=f bs=$size status=none | cmp - $FILE & two=$!
  wait $one; wait $two
done
for at in 1 4095 4097 262143 1048577; do
  for size in 65536 200001; do
    tail -c +$((at + 1)) $FILE >$FILE.rest
    dd if=f iflag=skip_bytes skip=$at bs=$size status=none | cmp - $FILE.rest
  done
done)";

TEST_F(FileReplies, ReadAsTheFileDoes) {
  const std::string path = make_file(kMebibyte + 12345);
  for (const Pages pages : {Pages::kDirect, Pages::kCached}) {
    OperationsServer server(std::make_unique<Files>(path, pages));
    DataSink sink(Wants::kNoData);
    LiveMount mount(server, {.threads = 2, .observers = {&sink}});
    const auto result = mount.run("FILE=" + path + kReadAll);
    EXPECT_TRUE(result.ok()) << result;
    EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
    EXPECT_GT(sink.unseen(), 8) << "they went through the pipe";
    EXPECT_GE(sink.bytes(), kMebibyte);
  }
}

TEST_F(FileReplies, WithoutObserversTheyReadTheSame) {
  const std::string path = make_file(kMebibyte + 12345);
  OperationsServer server(std::make_unique<Files>(path, Pages::kDirect));
  LiveMount mount(server);
  const auto result = mount.run("FILE=" + path + kReadAll);
  EXPECT_TRUE(result.ok()) << result;
}

TEST_F(FileReplies, AreShownInFullToWhoeverWantsThem) {
  const std::string path = make_file(700'000);
  OperationsServer server(std::make_unique<Files>(path, Pages::kDirect));
  DataSink indifferent(Wants::kNoData);
  DataSink curious(Wants::kData);
  LiveMount mount(server, {.observers = {&indifferent, &curious}});
  EXPECT_TRUE(mount.run("dd if=f bs=131072 status=none | cmp - " + path).ok());
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
  EXPECT_EQ(curious.unseen(), 0);
  EXPECT_TRUE(curious.seen() == content(path)) << curious.seen().size() << " bytes";
}

TEST_F(FileReplies, WhatCannotBeSplicedIsReadAndLeavesNothingForTheNext) {
  const std::string path = make_file(kMebibyte);
  auto files = std::make_unique<Files>(path, Pages::kDirect);
  std::ofstream(path + ".memory", std::ios::binary) << files->memory();
  OperationsServer server(std::move(files));
  DataSink sink(Wants::kNoData);
  LiveMount mount(server, {.observers = {&sink}});
  const auto result = mount.run("set -e; for i in 1 2 3; do dd if=m bs=65536 status=none | cmp - " + path +
                                ".memory; dd if=f bs=65536 status=none | cmp - " + path +
                                "; if dd if=d bs=65536; then exit 1; fi; done");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_NE(result.output.find("Is a directory"), std::string::npos) << result;
  EXPECT_EQ(mount.unmount(), EndReason::kUnmounted);
  EXPECT_EQ(sink.unseen(), 3 * 16);
}

/// Stands for a device: takes what it is given.
class Taker {
 public:
  Taker() : path_(LiveEnvironment::make_directory("device") + "/taken"), fd_(::creat(path_.c_str(), 0600)) {}
  int fd() const { return fd_.get(); }
  std::string taken() const { return content(path_); }

 private:
  const std::string path_;
  const UniqueFd fd_;
};

std::string message_of(std::uint64_t unique, const std::string& data) {
  const wire::OutHeader header{
      .len = static_cast<std::uint32_t>(sizeof(header) + data.size()), .error = 0, .unique = unique};
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + data;
}

TEST(SplicePipe, GivesAHeaderAndWhatIsThereOfTheFile) {
  const std::string path = make_file(100'000);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  SplicePipe pipe;
  const Taker device;
  EXPECT_EQ(pipe.fill(12, {.fd = file.get(), .offset = 4000, .size = 50'000}).value(), 50'000U);
  EXPECT_EQ(pipe.flush(device.fd()), 50'016);
  EXPECT_EQ(pipe.fill(14, {.fd = file.get(), .offset = 90'000, .size = 50'000}).value(), 10'000U) << "it ends there";
  EXPECT_EQ(pipe.flush(device.fd()), 10'016);
  EXPECT_EQ(pipe.fill(16, {.fd = file.get(), .offset = 100'000, .size = 50'000}).value(), 0U);
  EXPECT_EQ(pipe.flush(device.fd()), 16);
  const std::string data = content(path);
  EXPECT_TRUE(device.taken() ==
              message_of(12, data.substr(4000, 50'000)) + message_of(14, data.substr(90'000)) + message_of(16, ""));
}

TEST(SplicePipe, IsEmptyAfterAFileThatCannotBeTaken) {
  const std::string path = make_file(100'000);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd directory(::open("/", O_RDONLY | O_CLOEXEC));
  SplicePipe pipe;
  EXPECT_FALSE(pipe.fill(10, {.fd = -1, .offset = 0, .size = 1000}));
  EXPECT_FALSE(pipe.fill(12, {.fd = directory.get(), .offset = 0, .size = 1000}));
  EXPECT_FALSE(pipe.fill(14, {.fd = file.get(), .offset = 0, .size = std::size_t{1} << 40})) << "no pipe is so large";
  const Taker device;
  ASSERT_TRUE(pipe.fill(16, {.fd = file.get(), .offset = 0, .size = 1000}));
  EXPECT_EQ(pipe.flush(device.fd()), 1016);
  EXPECT_TRUE(device.taken() == message_of(16, content(path).substr(0, 1000)));
}

TEST(SplicePipe, IsEmptyAfterADeviceThatRefused) {
  const std::string path = make_file(100'000);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  SplicePipe pipe;
  ASSERT_TRUE(pipe.fill(12, {.fd = file.get(), .offset = 0, .size = 1000}));
  EXPECT_EQ(pipe.flush(file.get()), -EBADF);
  const Taker device;
  ASSERT_TRUE(pipe.fill(14, {.fd = file.get(), .offset = 0, .size = 2000}));
  EXPECT_EQ(pipe.flush(device.fd()), 2016);
  EXPECT_TRUE(device.taken() == message_of(14, content(path).substr(0, 2000)));
}

}  // namespace
}  // namespace fusereplay::testing

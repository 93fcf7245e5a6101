// A client of a filesystem that remembers what it was granted, so that it can give everything back and see nothing
// left.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/client/client.h"
#include "core/server/operations_server.h"

namespace fusereplay::testing {

inline Bytes bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string text(const std::vector<std::byte>& data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

/// Fails a test by the name of the error it did not expect.
template <class T>
int error_of(const Result<T>& result) {
  return result ? 0 : result.error().value();
}

/// One thread of a kernel: asks, counts, forgets.
class FilesystemUser {
 public:
  explicit FilesystemUser(Server& server) : client(server) {}

  Result<Entry> lookup(NodeId parent, std::string_view name) { return count(client.lookup(parent, name).get()); }
  Result<Entry> mkdir(NodeId parent, std::string_view name, std::uint32_t mode = 0755) {
    return count(client.mkdir(parent, name, mode).get());
  }
  Result<Entry> mknod(NodeId parent, std::string_view name, std::uint32_t mode, std::uint32_t rdev = 0) {
    return count(client.mknod(parent, name, mode, rdev).get());
  }
  Result<Entry> symlink(NodeId parent, std::string_view name, std::string_view target) {
    return count(client.symlink(parent, name, target).get());
  }
  Result<Entry> link(NodeId node, NodeId parent, std::string_view name) {
    return count(client.link(node, parent, name).get());
  }
  Result<Created> create(NodeId parent, std::string_view name, std::uint32_t flags = 2, std::uint32_t mode = 0644) {
    return count(client.create(parent, name, mode, flags).get());
  }
  Result<Created> tmpfile(NodeId parent, std::uint32_t flags = 2) {
    return count(client.tmpfile(parent, 0600, flags).get());
  }
  Result<Opened> open(NodeId node, std::uint32_t flags = 2) {
    const auto opened = client.open(node, flags).get();
    if (opened) open_.emplace(raw(opened->handle), node);
    return opened;
  }
  Result<Opened> opendir(NodeId node) {
    const auto opened = client.opendir(node).get();
    if (opened) open_directories_.emplace(raw(opened->handle), node);
    return opened;
  }
  Result<void> releasedir(NodeId node, FileHandle handle) {
    open_directories_.erase(raw(handle));
    return client.releasedir(node, handle).get();
  }
  Result<void> release(NodeId node, FileHandle handle, const Release& how = {}) {
    open_.erase(raw(handle));
    return client.release(node, handle, how).get();
  }
  /// One page of READDIRPLUS, its lookups counted.
  std::vector<DirectoryEntry> page_plus(NodeId node, FileHandle handle, Cookie from, std::uint32_t size = 4096) {
    const auto page = client.readdirplus(node, handle, from, size).get();
    EXPECT_TRUE(page);
    for (const DirectoryEntry& entry : *page) {
      if (entry.name != "." && entry.name != ".." && raw(entry.entry.node) != 0) ++counts_[raw(entry.entry.node)];
    }
    return *page;
  }
  /// A whole listing by pages of `size`, without "." and "..".
  std::vector<std::string> list(NodeId node, std::uint32_t size = 4096) {
    std::vector<std::string> names;
    const auto handle = opendir(node)->handle;
    Cookie from{};
    for (auto page = page_plus(node, handle, from, size); !page.empty(); page = page_plus(node, handle, from, size)) {
      for (const DirectoryEntry& entry : page) {
        if (entry.name != "." && entry.name != "..") names.push_back(entry.name);
      }
      from = page.back().next;
    }
    EXPECT_TRUE(releasedir(node, handle));
    return names;
  }
  std::string read(NodeId node, FileHandle handle, Offset offset = 0, std::uint32_t size = 65536) {
    return text(client.read(node, handle, offset, size).get().value());
  }
  Attributes stat(NodeId node) { return client.getattr(node).get().value().attributes; }

  void forget(NodeId node) {
    const auto counted = counts_.extract(raw(node));
    if (!counted.empty()) client.forget(node, counted.mapped());
  }
  /// Empties a directory, whatever is in it.
  void clear(NodeId directory) {
    for (const std::string& name : list(directory)) {
      const Entry entry = lookup(directory, name).value();
      if ((entry.attributes.mode & 0170000) == 0040000) {
        clear(entry.node);
        EXPECT_TRUE(client.rmdir(directory, name).get()) << name;
      } else {
        EXPECT_TRUE(client.unlink(directory, name).get()) << name;
      }
    }
  }
  /// Closes and forgets everything it has.
  void give_back() {
    for (const auto& [handle, node] : std::exchange(open_, {})) {
      EXPECT_TRUE(client.release(NodeId{node}, FileHandle{handle}).get());
    }
    for (const auto& [handle, node] : std::exchange(open_directories_, {})) {
      EXPECT_TRUE(client.releasedir(NodeId{node}, FileHandle{handle}).get());
    }
    for (const auto& [node, lookups] : std::exchange(counts_, {})) client.forget(NodeId{node}, lookups);
  }

  Client client;

 private:
  Result<Entry> count(Result<Entry> entry) {
    if (entry) ++counts_[raw(entry->node)];
    return entry;
  }
  Result<Created> count(Result<Created> created) {
    if (created) {
      ++counts_[raw(created->entry.node)];
      open_.emplace(raw(created->opened.handle), created->entry.node);
    }
    return created;
  }

  std::map<std::uint64_t, std::uint64_t> counts_;  // by nodeid
  std::map<std::uint64_t, NodeId> open_;           // by handle
  std::map<std::uint64_t, NodeId> open_directories_;
};

/// Runs `work(user, number)` on `count` threads, each with a user of its own, which then gives back what it has.
template <class Work>
void on_threads(Server& server, unsigned count, const Work& work) {
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < count; ++number) {
    threads.emplace_back([&, number] {
      FilesystemUser user(server);
      work(user, number);
      user.give_back();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace fusereplay::testing

// PROPERTY: FLUSH comes once for each close(2), RELEASE once for each open(2), and only FLUSH is heard.
//
// dup(2) and fork(2) make several descriptors of one open file. Each close sends FLUSH and waits for it: its error is
// what close(2) returns. The last one is followed by one RELEASE, which nobody waits for and whose error goes nowhere
// (rules K11, K12; fs/fuse/file.c fuse_flush, fuse_release_common). So what may fail (writing back, freeing a
// reservation) belongs into FLUSH, and what must happen once (freeing the handle) into RELEASE.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/operations/attributes.h"
#include "core/operations/operations.h"

namespace fusereplay {

/// One file, /file. Keeps a diary of what happens to it.
class FlushFs final : public Operations {
 public:
  /// "open 1", "flush 1", "fsync 1", "release 1": what was asked of which open file, since the last call.
  std::vector<std::string> take_diary() { return std::exchange(diary_, {}); }
  /// What FLUSH and RELEASE fail with from now on.
  void fail_flush(std::optional<Errno> error) noexcept { flush_error_ = error; }
  void fail_release(std::optional<Errno> error) noexcept { release_error_ = error; }

  Async<Entry> lookup(const Request&, NodeId parent, std::string_view name) override {
    if (parent != kRoot || name != "file") return Errno(ENOENT);
    return Entry{.node = kFile, .attributes = attributes(kFile)};
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    return AttributesReply{.attributes = attributes(node)};
  }

  Async<Opened> open(const Request&, NodeId, std::uint32_t) override {
    const FileHandle handle{++opened_};
    note("open", handle);
    return Opened{.handle = handle};
  }
  Async<void> flush(const Request&, NodeId, FileHandle handle, LockOwner) override {
    note("flush", handle);
    return outcome(flush_error_);
  }
  Async<void> fsync(const Request&, NodeId, FileHandle handle, SyncKind) override {
    note("fsync", handle);
    return Result<void>();
  }
  Async<void> release(NodeId, FileHandle handle, const Release&) override {
    note("release", handle);
    return outcome(release_error_);
  }

 private:
  static constexpr NodeId kFile{2};

  static Attributes attributes(NodeId node) {
    return node == kRoot ? directory_attributes(raw(node), 0755) : file_attributes(raw(node), 0644, 0);
  }
  static Result<void> outcome(std::optional<Errno> error) {
    if (error) return *error;
    return {};
  }
  void note(const char* what, FileHandle handle) {
    diary_.push_back(std::string(what) + " " + std::to_string(raw(handle)));
  }

  std::vector<std::string> diary_;
  std::optional<Errno> flush_error_;
  std::optional<Errno> release_error_;
  std::uint64_t opened_ = 0;
};

}  // namespace fusereplay

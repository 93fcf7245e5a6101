// PROPERTY: the errno of a handler is the errno of the system call, whichever it is; only ENOSYS says something else.
//
// The kernel has no list of errors that a request may fail with: whatever lies between 1 and 511 goes to the caller as
// it is (rule R2; fs/fuse/dev.c fuse_dev_do_write). ENOSYS means "I have no such operation". For some requests the
// kernel then does without, and asks no more: an OPEN succeeds with handle 0, a FLUSH succeeds, an extended attribute
// is EOPNOTSUPP; everywhere else it goes to the caller too (reference 3.3).
#pragma once

#include <charconv>
#include <string>

#include "core/operations/attributes.h"
#include "core/operations/operations.h"

namespace fusereplay {

/// A file for each errno, whose name is its number: all that is done to /13 fails with EACCES. /0 is well.
class ErrorsFs final : public Operations {
 public:
  /// OPENs that were asked for.
  std::uint64_t opens() const noexcept { return opens_; }

  Async<Entry> lookup(const Request&, NodeId parent, std::string_view name) override {
    int number = 0;
    const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parent != kRoot || fault != std::errc() || end != name.data() + name.size()) return Errno(ENOENT);
    const NodeId node{raw(kRoot) + 1 + static_cast<std::uint64_t>(number)};
    return Entry{.node = node, .attributes = attributes(node), .entry_timeout = kLong, .attribute_timeout = kLong};
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    return AttributesReply{.attributes = attributes(node), .timeout = kLong};
  }

  Async<AttributesReply> setattr(const Request&, NodeId node, const SetAttributes&) override {
    if (const Result<void> failed = outcome(node); !failed) return failed.error();
    return AttributesReply{.attributes = attributes(node), .timeout = kLong};
  }
  Async<Opened> open(const Request&, NodeId node, std::uint32_t) override {
    ++opens_;
    if (const Result<void> failed = outcome(node); !failed) return failed.error();
    return Opened{};
  }
  Async<void> unlink(const Request&, NodeId, std::string_view name) override {
    return outcome(NodeId{raw(kRoot) + 1 + std::stoull(std::string(name))});
  }
  Async<void> getxattr(const Request&, NodeId node, std::string_view, XattrWriter&) override { return outcome(node); }

 private:
  static constexpr Timeout kLong = Timeout::seconds(3600);

  static Attributes attributes(NodeId node) {
    return node == kRoot ? directory_attributes(raw(node), 0755) : file_attributes(raw(node), 0644, 0);
  }
  static Result<void> outcome(NodeId node) {
    const auto number = static_cast<int>(raw(node) - raw(kRoot) - 1);
    if (number == 0) return {};
    return Errno(number);
  }

  std::uint64_t opens_ = 0;
};

}  // namespace fusereplay

// PROPERTY: the kernel asks again when a timeout has passed, and not before.
//
// Each entry says how long its name may be believed, and how long its attributes; two different things (fs/fuse/dir.c
// fuse_dentry_revalidate, fuse_update_get_attr). With no timeout every walk over the name is a LOOKUP, whose reply
// brings attributes too. A name that does not exist may be believed as well: that is an entry with node 0. ENOENT is
// believed by nobody (reference 1.2).
#pragma once

#include <string>

#include "core/operations/attributes.h"
#include "core/operations/operations.h"

namespace fusereplay {

/// /kept may be believed for ever, /checked never; the attributes of /stale-attributes never, but its name. /never is
/// not there and will not be; /not-yet is not there.
class TimeoutFs final : public Operations {
 public:
  /// How often it was asked.
  std::uint64_t lookups() const noexcept { return lookups_; }
  std::uint64_t getattrs() const noexcept { return getattrs_; }

  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    ++lookups_;
    if (name == "never") return Entry{.node = {}, .entry_timeout = kLong};
    if (name == "kept") return entry(kKept, kLong, kLong);
    if (name == "checked") return entry(kChecked, {}, {});
    if (name == "stale-attributes") return entry(kStaleAttributes, kLong, {});
    return Errno(ENOENT);
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    ++getattrs_;
    return AttributesReply{.attributes = attributes(node), .timeout = node == kKept ? kLong : Timeout{}};
  }

 private:
  static constexpr NodeId kKept{2};
  static constexpr NodeId kChecked{3};
  static constexpr NodeId kStaleAttributes{4};
  static constexpr Timeout kLong = Timeout::seconds(3600);

  static Attributes attributes(NodeId node) {
    return node == kRoot ? directory_attributes(raw(node), 0755) : file_attributes(raw(node), 0644, 0);
  }
  // Nothing here is ever freed, so there is nothing to count: forget() keeps its default.
  static Entry entry(NodeId node, Timeout name, Timeout attribute) {
    return Entry{.node = node, .attributes = attributes(node), .entry_timeout = name, .attribute_timeout = attribute};
  }

  std::uint64_t lookups_ = 0;
  std::uint64_t getattrs_ = 0;
};

}  // namespace fusereplay

#include "examples/hello/hello.h"

#include <sys/stat.h>

#include "core/operations/attributes.h"

namespace fusereplay {
namespace {

constexpr NodeId kHello{2};
constexpr std::string_view kText = "hello, world\n";

// Nothing here is ever freed, so there is nothing to count: forget() keeps its default.
class Hello final : public Operations {
 public:
  Async<Entry> lookup(const Request&, NodeId parent, std::string_view name) override {
    if (parent != kRoot || name != "hello") return Errno(ENOENT);
    return Entry{.node = kHello, .attributes = attributes(kHello), .entry_timeout = kLong, .attribute_timeout = kLong};
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    return AttributesReply{attributes(node), kLong};
  }
  Async<void> readdir(const Request&, NodeId, FileHandle, Cookie from, DirectoryWriter& out) override {
    if (raw(from) < 1) out.add(".", Cookie{1}, raw(kRoot), S_IFDIR >> 12);
    if (raw(from) < 2) out.add("..", Cookie{2}, raw(kRoot), S_IFDIR >> 12);
    if (raw(from) < 3) out.add("hello", Cookie{3}, raw(kHello), S_IFREG >> 12);
    return Result<void>();
  }
  Async<void> read(const Request&, NodeId, FileHandle, Offset offset, DataWriter& out) override {
    if (offset < kText.size()) out.append(std::as_bytes(std::span(kText.substr(offset))));
    return Result<void>();
  }

 private:
  static constexpr Timeout kLong = Timeout::seconds(3600);
  static Attributes attributes(NodeId node) {
    if (node == kRoot) return directory_attributes(raw(kRoot), 0555);
    return file_attributes(raw(kHello), 0444, kText.size());
  }
};

}  // namespace

std::unique_ptr<Operations> make_hello() {
  return std::make_unique<Hello>();
}

}  // namespace fusereplay

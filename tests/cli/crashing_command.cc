// The command with a filesystem whose one file can be looked at, but crashes who reads it.
#include <sys/stat.h>

#include "cli/run_command.h"

namespace fusereplay::test {
namespace {

class Crashing final : public Operations {
 public:
  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    if (name != "file") return Errno(ENOENT);
    return Entry{.node = NodeId{2}, .attributes = attributes(NodeId{2})};
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    return AttributesReply{attributes(node), {}};
  }
  // A sanitizer would end the program in its own way.
  __attribute__((no_sanitize("undefined"), no_sanitize("address"))) Async<void> read(const Request&, NodeId, FileHandle,
                                                                                     Offset, DataWriter&) override {
    volatile int* volatile nowhere = nullptr;
    *nowhere = 1;
    return Result<void>();
  }

 private:
  static Attributes attributes(NodeId node) {
    if (node == kRoot) return {.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2};
    return {.ino = raw(node), .size = 5, .mode = S_IFREG | 0644};
  }
};

}  // namespace
}  // namespace fusereplay::test

int main(int argc, char** argv) {
  fusereplay::FilesystemRegistry registry;
  registry.add({.name = "crashing", .description = "crashes who reads", .make = [](std::string_view) {
                  return std::make_unique<fusereplay::test::Crashing>();
                }});
  return fusereplay::run_command(argc, argv, registry);
}

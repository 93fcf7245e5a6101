#include "examples/registry.h"

#include "examples/broken/broken_forget.h"
#include "examples/broken/broken_link.h"
#include "examples/broken/broken_readdir.h"
#include "examples/hello/hello.h"
#include "examples/memfs/memfs.h"
#include "examples/passthrough/passthrough.h"

namespace fusereplay {
namespace {

using Made = tl::expected<std::unique_ptr<Operations>, std::string>;

template <class Kind>
Filesystem memfs_like(std::string name, std::string description) {
  return Filesystem{.name = std::move(name),
                    .description = std::move(description),
                    .make = [](std::string_view argument) -> Made {
                      const auto options = parse_memfs_options(argument);
                      if (!options) return tl::unexpected(options.error());
                      return std::make_unique<Kind>(*options);
                    },
                    .mount_options = {"default_permissions"}};
}

}  // namespace

FilesystemRegistry example_filesystems() {
  FilesystemRegistry registry;
  registry.add(
      Filesystem{.name = "hello", .description = "one file, /hello", .make = [](std::string_view argument) -> Made {
                   if (!argument.empty()) return tl::unexpected(std::string("hello takes no argument"));
                   return make_hello();
                 }});
  registry.add(memfs_like<Memfs>("memfs", "a complete filesystem in memory"));
  registry.add(Filesystem{.name = "passthrough",
                          .description = "the tree of a directory: passthrough:[OPTION,...]DIRECTORY",
                          .make = [](std::string_view argument) -> Made {
                            const auto options = parse_passthrough_options(argument);
                            if (!options) return tl::unexpected(options.error());
                            return Passthrough::make(*options);
                          },
                          .mount_options = {"default_permissions"}});
  registry.add(
      memfs_like<BrokenForget>("broken-forget", "memfs that hands nodeids out again before they are forgotten"));
  registry.add(memfs_like<BrokenLink>("broken-link", "memfs whose hard links get nodeids of their own"));
  registry.add(memfs_like<BrokenReaddir>("broken-readdir", "memfs whose cookies are made from inode numbers"));
  return registry;
}

}  // namespace fusereplay

// Filesystems by name: what `--fs NAME[:ARGUMENT]` chooses from.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/operations/operations.h"

namespace fusereplay {

/// A filesystem that can be made by name.
struct Filesystem {
  /// Makes a fresh one. `argument` is what follows "NAME:"; empty where nothing does. The error is one line without a
  /// newline that says what is wrong with the argument and what would be right.
  using Make = std::function<tl::expected<std::unique_ptr<Operations>, std::string>(std::string_view argument)>;

  std::string name;         // not empty, without ':'
  std::string description;  // one line for a list of choices
  Make make;
  std::vector<std::string> mount_options{};  // what it wants to be mounted with: "default_permissions"
};

/// Filesystems in the order they were added. Filled at the start of a program, then read by any thread.
class FilesystemRegistry {
 public:
  /// A name with its argument. Valid as long as the registry, which is not added to meanwhile.
  struct Choice {
    const Filesystem* filesystem = nullptr;
    std::string argument;
    /// A fresh filesystem; may be called many times.
    tl::expected<std::unique_ptr<Operations>, std::string> make() const { return filesystem->make(argument); }
  };

  /// The name must be new.
  void add(Filesystem filesystem);
  std::span<const Filesystem> all() const noexcept { return filesystems_; }
  /// Null where there is none of that name.
  const Filesystem* find(std::string_view name) const noexcept;
  /// `spec` is NAME or NAME:ARGUMENT. The error, for an unknown name, is one line that lists the known ones. The
  /// argument is judged by make().
  tl::expected<Choice, std::string> choose(std::string_view spec) const;

 private:
  std::vector<Filesystem> filesystems_;
};

}  // namespace fusereplay

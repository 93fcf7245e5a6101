// What may stand behind -o: each option is passed on, left to fstab, or refused with the reason.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace fusereplay {

/// What the user asked for.
struct MountOptions {
  std::string fsname = "fusereplay";  // first column of mount(8)
  std::string subtype;                // "memfs" makes the type fuse.memfs; empty for plain fuse
  /// What follows -o, also several between commas: "allow_other", "ro,max_read=65536". A comma within a value is
  /// written "\,". fsname= and subtype= overrule the above; of two that contradict each other the last counts.
  std::vector<std::string> options;
};

namespace internal {

/// The same, as mount(2) and fusermount3 take it.
struct MountPlan {
  std::string fsname;
  std::string subtype;
  unsigned long flags = 0;           // MS_...; nosuid and nodev unless suid and dev were asked for
  std::vector<std::string> kernel;   // "allow_other", "max_read=65536"
  std::vector<std::string> by_name;  // what the flags came from, as it stood: "ro", "suid"
  bool auto_unmount = false;         // see UnmountWatcher

  /// "fuse", "fuse.memfs".
  std::string type() const { return subtype.empty() ? "fuse" : "fuse." + subtype; }
  /// For mount(2), after what describes the connection itself.
  std::string kernel_text() const;
  /// For fusermount3 -o.
  std::string helper_text() const;
};

/// The error is one line: what is wrong with which option.
tl::expected<MountPlan, std::string> plan_mount(const MountOptions& options);

}  // namespace internal
}  // namespace fusereplay

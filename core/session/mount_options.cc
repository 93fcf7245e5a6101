#include "core/session/mount_options.h"

#include <linux/mount.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace fusereplay::internal {
namespace {

#ifndef MS_NOSYMFOLLOW
constexpr unsigned long MS_NOSYMFOLLOW = 256;
#endif

/// An option of mount(8) that sets or clears a flag of mount(2).
struct FlagOption {
  std::string_view name;
  unsigned long flag;
  bool sets;
};
constexpr std::array kFlagOptions = {
    FlagOption{"ro", MS_RDONLY, true},
    FlagOption{"rw", MS_RDONLY, false},
    FlagOption{"nosuid", MS_NOSUID, true},
    FlagOption{"suid", MS_NOSUID, false},
    FlagOption{"nodev", MS_NODEV, true},
    FlagOption{"dev", MS_NODEV, false},
    FlagOption{"noexec", MS_NOEXEC, true},
    FlagOption{"exec", MS_NOEXEC, false},
    FlagOption{"sync", MS_SYNCHRONOUS, true},
    FlagOption{"async", MS_SYNCHRONOUS, false},
    FlagOption{"dirsync", MS_DIRSYNC, true},
    FlagOption{"noatime", MS_NOATIME, true},
    FlagOption{"atime", MS_NOATIME, false},
    FlagOption{"nodiratime", MS_NODIRATIME, true},
    FlagOption{"diratime", MS_NODIRATIME, false},
    FlagOption{"relatime", MS_RELATIME, true},
    FlagOption{"norelatime", MS_RELATIME, false},
    FlagOption{"strictatime", MS_STRICTATIME, true},
    FlagOption{"nostrictatime", MS_STRICTATIME, false},
    FlagOption{"lazytime", MS_LAZYTIME, true},
    FlagOption{"nolazytime", MS_LAZYTIME, false},
    FlagOption{"nosymfollow", MS_NOSYMFOLLOW, true},
    FlagOption{"symfollow", MS_NOSYMFOLLOW, false},
};

/// What the kernel takes (fs/fuse/inode.c fuse_fs_parameters, security modules).
constexpr std::array<std::string_view, 2> kKernelOptions = {"allow_other", "default_permissions"};
constexpr std::array<std::string_view, 4> kLabelOptions = {"context", "fscontext", "defcontext", "rootcontext"};

/// For mount(8) and fstab, none of a filesystem's business.
constexpr std::array<std::string_view, 9> kOfFstab = {"defaults", "auto",    "noauto", "user",   "nouser",
                                                      "users",    "nousers", "nofail", "_netdev"};

/// Refused, with the reason.
struct RefusedOption {
  std::string_view name;
  std::string_view reason;
};
constexpr std::string_view kOfTheMount = "the mount itself gives it";
constexpr std::string_view kOfInit = "the filesystem settles it in init()";
constexpr std::string_view kOfAnswers = "the filesystem says so with each answer";
constexpr std::array kRefused = {
    RefusedOption{"allow_root",
                  "nobody would check it but libfuse's own loop; use allow_other and default_permissions"},
    RefusedOption{"debug", "see the conversation with fusereplay record and show"},
    RefusedOption{"blkdev", "filesystems on block devices (fuseblk) are not served"},
    RefusedOption{"blksize", "filesystems on block devices (fuseblk) are not served"},
    RefusedOption{"nonempty", "of libfuse 2; mounting over what is not empty is always possible"},
    RefusedOption{"fd", kOfTheMount},
    RefusedOption{"rootmode", kOfTheMount},
    RefusedOption{"user_id", kOfTheMount},
    RefusedOption{"group_id", kOfTheMount},
    RefusedOption{"max_write", kOfInit},
    RefusedOption{"max_readahead", kOfInit},
    RefusedOption{"max_background", kOfInit},
    RefusedOption{"congestion_threshold", kOfInit},
    RefusedOption{"async_read", kOfInit},
    RefusedOption{"sync_read", kOfInit},
    RefusedOption{"writeback_cache", kOfInit},
    RefusedOption{"big_writes", kOfInit},
    RefusedOption{"atomic_o_trunc", kOfInit},
    RefusedOption{"kernel_cache", kOfAnswers},
    RefusedOption{"auto_cache", kOfAnswers},
    RefusedOption{"direct_io", kOfAnswers},
    RefusedOption{"entry_timeout", kOfAnswers},
    RefusedOption{"negative_timeout", kOfAnswers},
    RefusedOption{"attr_timeout", kOfAnswers},
    RefusedOption{"use_ino", kOfAnswers},
    RefusedOption{"umask", kOfAnswers},
    RefusedOption{"uid", kOfAnswers},
    RefusedOption{"gid", kOfAnswers},
};

struct Option {
  std::string text;  // as it stood, without the backslashes
  std::string name;
  std::optional<std::string> value;
};

Option option_of(std::string text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) return {.text = text, .name = text, .value = {}};
  return {.text = text, .name = text.substr(0, equals), .value = text.substr(equals + 1)};
}

/// At the commas that have no backslash, and that stand in no quotes: context="system_u:object_r:s0:c1,c2".
std::vector<Option> split(std::string_view list) {
  std::vector<Option> options;
  std::string text;
  bool quoted = false;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i == list.size() || (list[i] == ',' && !quoted)) {
      if (!text.empty()) options.push_back(option_of(std::move(text)));
      text.clear();
    } else if (list[i] == '\\' && i + 1 < list.size()) {
      text += list[++i];
    } else {
      quoted ^= list[i] == '"';
      text += list[i];
    }
  }
  return options;
}

bool is_number(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

template <class Names>
bool among(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// fusermount3 splits at commas and takes backslashes away.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ',' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

using Understood = tl::expected<void, std::string>;

Understood wrong(const Option& option, std::string_view reason) {
  return tl::unexpected("option '" + option.text + "': " + std::string(reason));
}

/// An option with a value that takes one, or without one that takes none.
Understood take_valued(MountPlan& plan, const Option& option) {
  const std::string& value = *option.value;
  if (option.name == "fsname") {
    plan.fsname = value;
  } else if (option.name == "subtype") {
    plan.subtype = value;
  } else if (option.name == "max_read") {
    if (!is_number(value)) return wrong(option, "give a number of bytes");
    plan.kernel.push_back(option.text);
  } else if (among(kLabelOptions, option.name)) {
    plan.kernel.push_back(option.text);
  } else if (option.name != "comment" && !option.name.starts_with("x-")) {
    return wrong(option, "no such mount option; see mount.fuse3(8)");
  }
  return {};
}

Understood take(MountPlan& plan, const Option& option) {
  const auto* const refused =
      std::find_if(kRefused.begin(), kRefused.end(), [&](const RefusedOption& row) { return row.name == option.name; });
  if (refused != kRefused.end()) return wrong(option, refused->reason);
  if (option.value) return take_valued(plan, option);

  const auto* const flag = std::find_if(kFlagOptions.begin(), kFlagOptions.end(),
                                        [&](const FlagOption& row) { return row.name == option.name; });
  if (flag != kFlagOptions.end()) {
    plan.flags = flag->sets ? plan.flags | flag->flag : plan.flags & ~flag->flag;
    plan.by_name.push_back(option.name);
  } else if (option.name == "auto_unmount") {
    plan.auto_unmount = true;
  } else if (among(kKernelOptions, option.name)) {
    if (!among(plan.kernel, option.name)) plan.kernel.push_back(option.name);
  } else if (option.name == "fsname" || option.name == "subtype" || option.name == "max_read" ||
             among(kLabelOptions, option.name)) {
    return wrong(option, "give it a value");
  } else if (!among(kOfFstab, option.name) && !option.name.starts_with("x-")) {
    return wrong(option, "no such mount option; see mount.fuse3(8)");
  }
  return {};
}

}  // namespace

std::string MountPlan::kernel_text() const {
  return joined(kernel);
}

std::string MountPlan::helper_text() const {
  std::vector<std::string> words = by_name;
  for (const std::string& word : kernel) words.push_back(escaped(word));
  words.push_back("fsname=" + escaped(fsname));
  if (!subtype.empty()) words.push_back("subtype=" + escaped(subtype));
  return joined(words);
}

tl::expected<MountPlan, std::string> plan_mount(const MountOptions& options) {
  MountPlan plan;
  plan.fsname = options.fsname;
  plan.subtype = options.subtype;
  plan.flags = MS_NOSUID | MS_NODEV;
  for (const std::string& list : options.options) {
    for (const Option& option : split(list)) {
      if (auto taken = take(plan, option); !taken) return tl::unexpected(std::move(taken.error()));
    }
  }
  return plan;
}

}  // namespace fusereplay::internal

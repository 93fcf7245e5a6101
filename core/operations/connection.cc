#include "core/operations/connection.h"

#include <algorithm>
#include <utility>

namespace fusereplay {

namespace {

constexpr std::uint64_t kDefaults = kInitAsyncRead | kInitBigWrites | kInitParallelDirops | kInitDoReaddirplus |
                                    kInitReaddirplusAuto | kInitAsyncDio | kInitMaxPages | kInitAutoInvalData |
                                    kInitSetxattrExt | kInitInitExt | kInitHasIoctlDir;
constexpr std::uint32_t kMinMaxWrite = 4096;  // process_init_reply raises what is smaller
constexpr std::uint32_t kMaxTimeGranularity = 1'000'000'000;

}  // namespace

void Connection::open(std::uint32_t minor, std::uint64_t offered, std::uint32_t max_readahead) noexcept {
  minor_ = minor;
  offered_ = offered;
  granted_ = kDefaults & offered;
  limits_.max_readahead = std::min(limits_.max_readahead, max_readahead);
}

bool Connection::ask(Capability set, Need need) noexcept {
  const std::uint64_t missing = raw(set & ~offered()) | raw(not_served(set));
  const std::uint64_t given = raw(set) & ~missing;
  if (need == Need::kRequired && missing != 0) {
    missed_required_ |= missing;
    return false;
  }
  missed_ |= missing;
  asked_ |= given;
  granted_ |= given;
  // A default gives way to what was asked for.
  if ((given & kInitExplicitInvalData) != 0 && (asked_ & kInitAutoInvalData) == 0) granted_ &= ~kInitAutoInvalData;
  return missing == 0;
}

Result<void> Connection::require(Capability set) noexcept {
  if (!ask(set, Need::kRequired)) return Errno(ENOTSUP);
  return {};
}

bool Connection::set_readdirplus(Readdirplus mode, Need need) noexcept {
  constexpr Capability kBoth = Capability::kReaddirplus | Capability::kReaddirplusAuto;
  refuse(kBoth);
  switch (mode) {
    case Readdirplus::kNever:
      return true;
    case Readdirplus::kAlways:
      return ask(Capability::kReaddirplus, need);
    case Readdirplus::kAuto:
      return ask(kBoth, need);
  }
  return false;
}

/// Why what was asked for cannot be had; empty where it can.
std::string Connection::obstacle() const {
  const auto missing = Capability{missed_required_};
  if (const Capability unserved = not_served(missing); any(unserved)) {
    return "the filesystem requires " + names_of(unserved) + ", which this runtime does not serve";
  }
  if (any(missing)) {
    return "the filesystem requires " + names_of(missing) + ", which the kernel (protocol 7." + std::to_string(minor_) +
           ") does not offer";
  }
  if (std::string conflict = conflict_in(granted()); !conflict.empty()) return conflict;
  if (limits_.max_write < kMinMaxWrite) {
    return "max_write " + std::to_string(limits_.max_write) + ": the kernel writes " + std::to_string(kMinMaxWrite) +
           " bytes at a time at least";
  }
  if (limits_.time_granularity < 1 || limits_.time_granularity > kMaxTimeGranularity) {
    return "time_granularity " + std::to_string(limits_.time_granularity) + ": the kernel takes 1 to " +
           std::to_string(kMaxTimeGranularity) + " ns";
  }
  return {};
}

tl::expected<void, std::string> Connection::settle() {
  if (minor_ == 0) return {};  // the kernel has yet to ask with our major version
  if (limits_.request_timeout != 0) want(Capability{kInitRequestTimeout});
  if (std::string why = obstacle(); !why.empty()) return tl::unexpected(std::move(why));
  if (missed_ != 0) {
    const auto missed = Capability{missed_};
    tasks_.log("the filesystem goes on without " + names_of(missed) + ", which " +
               (any(missed & ~offered()) ? "the kernel (protocol 7." + std::to_string(minor_) + ") does not offer"
                                         : std::string("this runtime does not serve")));
  }
  return {};
}

void Connection::spawn(Async<void> task) {
  tasks_.spawn(std::move(task));
}

}  // namespace fusereplay

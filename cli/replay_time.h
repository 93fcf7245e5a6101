// --time of `replay`: what libc tells the filesystem.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "cli/invocation.h"
#include "replayer/libc_time.h"

namespace fusereplay {

/// libc's time under a replay; owns nothing where it stays real.
struct ReplayLibcTime {
  std::unique_ptr<LibcTime> time;
  std::unique_ptr<LibcReplayTime> source;  // for ReplayOptions::time; null where libc's time stays real
};

/// Does what `--time MODE` asks for: restarts the command with libfaketime the first time, takes hold of the clock the
/// second. To be called before a filesystem is made. An unknown mode and all that goes wrong are reported here.
tl::expected<ReplayLibcTime, ExitStatus> take_libc_time(const Invocation& invocation, const std::string& mode,
                                                        const std::string& trace);

}  // namespace fusereplay

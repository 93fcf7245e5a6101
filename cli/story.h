// What a trace tells of the inodes and names of a difference before they differed: the story under its report.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "replayer/report.h"

namespace fusereplay {

/// For each of `causes` the last `most` exchanges before its request that named one of its nodes or names
/// (Divergence::nodes, names), or made or found a node under such a name: each message as `show` prints it, cut where
/// the line gets long. Reads the trace anew, as far as the last cause, once to find them and then where they are.
/// Memory grows with the causes, not with the trace. Stories end where the trace cannot be read.
std::vector<std::vector<std::string>> tell_stories(const std::filesystem::path& trace,
                                                   const std::vector<RootCause>& causes, std::size_t most);

}  // namespace fusereplay

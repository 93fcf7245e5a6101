// Builds a presumed tree in a filesystem, through its server.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "core/async/executor.h"
#include "core/server/server.h"
#include "replayer/presumed_tree.h"

namespace fusereplay {

/// Makes what `tree` holds below the filesystem's root: types, modes, owners, sizes, data, links, targets, xattrs, and
/// times last. `server` has answered INIT and runs its handlers on `executor`. Requests come as root, at the instant
/// of the node's recorded ctime, and the last SETATTR names it (FATTR_CTIME), so that most filesystems show that too.
/// Every lookup is forgotten and every handle closed in the end. The error is one line that names the file and the
/// request.
tl::expected<void, std::string> prepare(const PresumedTree& tree, Server& server, ManualExecutor& executor);

}  // namespace fusereplay

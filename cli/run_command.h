// The whole `fusereplay` command over a set of filesystems: what gives a user's own filesystem record and replay.
#pragma once

#include "core/operations/filesystem_registry.h"

namespace fusereplay {

/// Runs the verb that `argv` names and returns the process's exit status (cli/exit_status.h). To be called once, from
/// main(), before any other thread is started: `record` takes over SIGINT, SIGTERM and SIGHUP while it mounts. Results
/// go to stdout, problems to stderr, one line each. Throws nothing.
int run_command(int argc, char** argv, const FilesystemRegistry& filesystems);

}  // namespace fusereplay

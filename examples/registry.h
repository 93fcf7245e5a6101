// The example filesystems by name.
#pragma once

#include "core/operations/filesystem_registry.h"

namespace fusereplay {

/// hello, memfs, and the broken ones; memfs and those derived from it take parse_memfs_options().
FilesystemRegistry example_filesystems();

}  // namespace fusereplay

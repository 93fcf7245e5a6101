// What INIT settles and what an open asks for.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr std::string_view kUse = R"(
open f /a rw,creat 0644
write f *10000
pread f 5000 100
pread f 100 9990
pwrite f xyz 4095
fstat f
close f
open f /a rw
read f 20000
close f
open f /a rw,trunc
fstat f
write f *5000
ftruncate f 100
pread f 1000 0
close f
stat /a
)";

constexpr Script kScripts[] = {
    {"DirectIo", "[open:direct_io]", R"(
open f /a rw,creat 0644
write f *10000
pread f 5000 100
pread f 100 9990
pwrite f xyz 4095
fstat f
close f
open f /a rw
read f 20000
close f
open f /a rw,trunc
fstat f
write f *5000
ftruncate f 100
pread f 1000 0
close f
stat /a
open f /a rw,append
write f tail
pread f 10 100
lseek f 0 end
close f
)"},
    {"KeptCaches", "[open:keep_cache]", kUse},
    {"KeptCachesWithoutAutoInvalidation", "[open:keep_cache][refuse:auto_inval]", kUse},
    {"ExplicitInvalidation", "[refuse:auto_inval][want:explicit_inval]", kUse},
    {"AtomicTruncation", "[want:atomic_o_trunc]", kUse},
    {"SynchronousReadahead", "[refuse:async_read]", kUse},
    {"SmallWrites", "[refuse:big_writes]", kUse},
    {"FewPages", "[refuse:max_pages]", R"(
open f /a rw,creat 0644
write f *10000
pread f 5000 100
pread f 100 9990
pwrite f xyz 4095
fstat f
close f
open f /a rw
read f 20000
close f
open f /a rw,trunc
fstat f
write f *5000
ftruncate f 100
pread f 1000 0
close f
stat /a
open f /a rw
pwrite f *400000 0
pread f 300000 0
close f
)"},
    {"NoFlushAsked", "[open:noflush]", kUse},
    {"UncachedDirectIo", "[uncached][open:direct_io]", kUse},
};

}  // namespace

std::span<const Script> scripts_on_settings() {
  return kScripts;
}

}  // namespace fusereplay::testing

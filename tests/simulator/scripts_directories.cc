// Paths that begin at a directory, and what is said of a file's use.
#include "tests/simulator/scripts.h"

namespace fusereplay::testing {
namespace {

constexpr Script kScripts[] = {
    {"CallsBelowADirectory", "", R"(
mkdir /d 0755; mkdir /e 0755; open d /d r,dir; open e /e path; mkdirat d x 0755; mknodat d f 0100644; symlinkat f d s; readlinkat d s; readlinkat d f; fstatat d f -; fstatat d s -; fstatat d s link; fstatat d - empty; fstatat d .. -; fstatat d /e -; fstatat d none -; openat g d f rw; write g hi; close g
fchmodat d f 0600; fchownat d f 1 2 -; fchownat d s 3 4 link; utimensat d f 1000 2000; utimensat d s 1000 2000 link; faccessat d f read -; faccessat d none read -; linkat d f e g; renameat d f e h; renameat e h d f noreplace; renameat e g e g; renameat e g d x; renameat d x e g exchange; unlinkat e g removedir; unlinkat d g -
unlinkat d s -; unlinkat d x -; unlinkat d x removedir; unlinkat d f -; unlinkat d none -; fstatat d . -; close d; close e; rmdir /d; rmdir /e
)"},
    {"CallsBelowWhatIsNoDirectory", "", R"(
open f /a rw,creat 0644; mkdirat f x 0755; mkdirat none x 0755; mkdirat none /x 0755; mkdirat f /y 0755; fstatat f - empty; fstatat f - -; fstatat none - -; fstatat none x -; renameat f x none y; renameat none x f y; renameat cwd a none y; renameat cwd x f y; linkat cwd a f b; linkat f b cwd a; unlinkat f x -; symlinkat x f y; readlinkat f x; renameat none /a none /b; close f; stat /b
)"},
    {"CallsBelowADirectoryThatGoes", "", R"(
mkdir /d 0755; mkdir /d/x 0755; open d /d r; rename /d /e; fstatat d x -; mkdirat d y 0755; stat /e/y; unlinkat d x removedir; unlinkat d y removedir; rmdir /e; fstatat d . -; fstatat d .. -; mkdirat d z 0755; openat f d g rw,creat 0644; close d
)"},
    {"GoingToADirectory", "", R"(
mkdir /d 0755; mkdir /d/e 0755; open f /d/f rw,creat 0644; close f; chdir /d; stat e; stat f; stat .; stat ..; stat ../d/e; stat /d; mkdir g 0755; open h g r; fchdir h; close h; stat .; stat ../f; rename ../f f; stat f; symlink ../e s; stat s; chdir s; stat .; chdir none; chdir /d/g/f; chdir ..; stat e; unlink g/f; truncate g/f 0; chdir /; stat d; rmdir d/g; rmdir /d/e
)"},
    {"GoingWhereOneMayNot", "[default_permissions]", R"(
mkdir /d 0700; mkdir /e 0755; open d /d r; as 1000 1000; chdir /d; fchdir d; chdir /e; mkdir x 0755; stat .; as 0 0; chdir /d; fchdir none; open f /f rw,creat 0644; fchdir f; close f; close d; chdir /
)"},
    {"GoingWithAccessAsked", "[access]", R"(
mkdir /d 0755; chdir /d; stat .; open d / r; fchdir d; close d; chdir /
)"},
    {"ADirectoryOneIsInIsRemoved", "", R"(
mkdir /d 0755; mkdir /d/e 0755; chdir /d/e; rmdir /d/e; stat .; stat ..; mkdir x 0755; stat none; drop_caches; stat .; chdir /; stat /d; drop_caches; stat /d
)"},
    {"NamesAreKeptByWhoIsThere", "", R"(
mkdir /d 0755; mkdir /d/e 0755; chdir /d/e; drop_caches; stat .; stat /d/e; stat /d; chdir /; drop_caches; stat /d/e
)"},
    {"WillNeed", "", R"(
open f /a rw,creat 0644; write f *600000; close f; open f /a r; fadvise f 0 10000 willneed; pread f 4096 0; pread f 20000 0; fadvise f 100000 0 willneed; pread f 4096 100000; pread f 4096 230000; readahead f 300000 50000; pread f 60000 300000; fadvise f 599999 10 willneed; fadvise f 700000 10 willneed; readahead f 0 10; close f
)"},
    {"DontNeed", "", R"(
open f /a rw,creat 0644; write f *50000; pread f 50000 0; fadvise f 0 4096 dontneed; pread f 4096 0; fadvise f 100 8000 dontneed; pread f 100 0; pread f 100 4096; pread f 100 8192; fadvise f 40000 10000 dontneed; pread f 10000 40000; fadvise f 0 0 dontneed; pread f 50000 0; fadvise f 0 49999 dontneed; pread f 10 49990; close f
)"},
    {"AdviceThatStays", "", R"(
open f /a rw,creat 0644; write f *600000; close f; open f /a r; fadvise f 0 0 random; pread f 4096 0; pread f 4096 4096; pread f 10000 50000; pread f 4096 100000; fadvise f 0 0 normal; pread f 4096 200000; pread f 4096 204096; close f
open f /a r; fadvise f 0 0 sequential; times 20 read f 8192; read f 200000; close f; open f /a r; fadvise f 0 0 noreuse; read f 100; close f
)"},
    {"AdviceThatIsWrong", "", R"(
open f /a rw,creat 0644; write f *5000; fadvise f 0 -1 normal; fadvise f -1 10 willneed; fadvise f 0 10 trunc; fadvise f 0 10 tmpfile; fadvise none 0 0 normal; readahead none 0 10; readahead f -1 10; close f; open w /a w; readahead w 0 10; fadvise w 0 10 willneed; close w; open d / r; readahead d 0 10; fadvise d 0 0 willneed; fadvise d 0 0 dontneed; close d; open p /a path; fadvise p 0 0 normal; close p
)"},
    {"AdvicePastTheCache", "[open:direct_io]", R"(
open f /a rw,creat 0644; write f *50000; fadvise f 0 10000 willneed; pread f 4096 0; fadvise f 0 0 dontneed; pread f 100 0; close f
)"},
    {"AdviceWithoutReadahead", "[readahead:0]", R"(
open f /a rw,creat 0644; write f *50000; close f; open f /a r; fadvise f 0 20000 willneed; pread f 30000 0; fadvise f 0 0 random; pread f 10000 40000; close f
)"},
};

}  // namespace

std::span<const Script> scripts_on_directories() {
  return kScripts;
}

}  // namespace fusereplay::testing

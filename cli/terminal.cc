#include "cli/terminal.h"

#include <unistd.h>

#include <cinttypes>
#include <cstdio>

namespace fusereplay {

const Style& stdout_style() {
  static const Style kStyle =
      ::isatty(STDOUT_FILENO) == 1 ? Style{"\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[0m"} : Style{};
  return kStyle;
}

Progress::Progress(std::string_view what) : what_(what), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::at(std::uint64_t count) {
  constexpr std::uint64_t kEvery = 1 << 17;
  if (!terminal_ || count % kEvery != 0) return;
  shown_ = true;
  std::fprintf(stderr, "\r%s: %" PRIu64 " events", what_.c_str(), count);
}

}  // namespace fusereplay

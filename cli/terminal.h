// What only a terminal gets: colour and progress.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fusereplay {

/// Colour for a terminal; nothing for a pipe. Decided once for stdout.
struct Style {
  std::string_view bad;
  std::string_view good;
  std::string_view dim;
  std::string_view reset;
};
const Style& stdout_style();

/// A line on stderr that counts while a file is read; only where stderr is a terminal.
class Progress {
 public:
  explicit Progress(std::string_view what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Cheap: looks at the count only, and writes now and then.
  void at(std::uint64_t count);

 private:
  std::string what_;
  bool terminal_;
  bool shown_ = false;
};

}  // namespace fusereplay

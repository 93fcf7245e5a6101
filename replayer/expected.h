// Differences that are known and accepted: a file of them, which must go on being true.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "replayer/report.h"

namespace fusereplay {

/// One a line: request, field, recorded value and live value as the report has them, separated by tabs; a value of "*"
/// stands for any. Numbers in brackets ("entries[2].name") are left out. Empty lines and lines that begin with '#' say
/// nothing. Only causes are looked for here: what follows from an expected one is expected.
class ExpectedDifferences {
 public:
  /// The error is one line that names the line of the text.
  static tl::expected<ExpectedDifferences, std::string> parse(std::string_view text);
  /// The line for this difference, without a newline.
  static std::string line_of(const Divergence& divergence);

  /// Whether it is expected; remembers that it occurred.
  bool take(const Divergence& divergence);
  /// The lines that did not occur so far, in their order.
  std::vector<std::string> missing() const;

 private:
  struct Line {
    std::string opcode;
    std::string field;
    std::string recorded;
    std::string live;
    std::string text;
    bool occurred;
  };
  std::vector<Line> lines_;
};

}  // namespace fusereplay

#include "replayer/expected.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace fusereplay {
namespace {

constexpr std::size_t kColumns = 4;

/// Without the numbers in brackets, which are those of one run.
std::string without_indices(std::string_view field) {
  std::string text;
  bool inside = false;
  for (const char c : field) {
    if (c == ']') inside = false;
    if (!inside || std::isdigit(static_cast<unsigned char>(c)) == 0) text += c;
    if (c == '[') inside = true;
  }
  return text;
}

bool matches(std::string_view pattern, std::string_view value) noexcept {
  return pattern == "*" || pattern == value;
}

}  // namespace

tl::expected<ExpectedDifferences, std::string> ExpectedDifferences::parse(std::string_view text) {
  ExpectedDifferences expected;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    std::array<std::string, kColumns> columns;
    std::size_t count = 0;
    for (std::string_view rest = line; count < kColumns; ++count) {
      const std::size_t tab = count + 1 == kColumns ? rest.size() : std::min(rest.find('\t'), rest.size());
      columns[count] = rest.substr(0, tab);
      if (tab == rest.size()) {
        ++count;
        break;
      }
      rest.remove_prefix(tab + 1);
    }
    if (count != kColumns) {
      return tl::unexpected("line " + std::to_string(number) +
                            ": a request, a field, a recorded and a live value, separated by tabs, are wanted");
    }
    expected.lines_.push_back({columns[0], columns[1], columns[2], columns[3], std::string(line), false});
  }
  return expected;
}

std::string ExpectedDifferences::line_of(const Divergence& divergence) {
  return std::string(opcode_name(divergence.opcode)) + '\t' + without_indices(divergence.field) + '\t' +
         divergence.recorded + '\t' + divergence.live;
}

bool ExpectedDifferences::take(const Divergence& divergence) {
  bool found = false;
  for (Line& line : lines_) {
    if (line.opcode != opcode_name(divergence.opcode) || line.field != without_indices(divergence.field)) continue;
    if (!matches(line.recorded, divergence.recorded) || !matches(line.live, divergence.live)) continue;
    line.occurred = found = true;
  }
  return found;
}

std::vector<std::string> ExpectedDifferences::missing() const {
  std::vector<std::string> missing;
  for (const Line& line : lines_) {
    if (!line.occurred) missing.push_back(line.text);
  }
  return missing;
}

}  // namespace fusereplay

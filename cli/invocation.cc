#include "cli/invocation.h"

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>

namespace fusereplay {

namespace po = boost::program_options;

ExitStatus Invocation::fail(std::string_view message, ExitStatus status) const {
  std::string line = program;
  if (!verb.empty()) line.append(" ").append(verb);
  line.append(": ").append(message).append("\n");
  std::cout.flush();
  std::fputs(line.c_str(), stderr);
  return status;
}

namespace {

/// What Boost says of a command line, with what to do about it.
std::string explain(const Invocation& invocation, const po::error& error) {
  return std::string(error.what()) + "; see " + invocation.program + " " + invocation.verb + " --help";
}

void print_help(const Invocation& invocation, const Syntax& syntax) {
  std::cout << "usage: " << invocation.program << ' ' << invocation.verb << ' ' << syntax.synopsis << "\n\n"
            << syntax.about << "\n\n"
            << syntax.options;
  if (syntax.options.find_nothrow("fs", false) != nullptr) {
    std::cout << "\nFilesystems:\n";
    for (const Filesystem& filesystem : invocation.filesystems.all()) {
      const std::size_t width = std::max<std::size_t>(filesystem.name.size() + 1, 22);
      std::cout << "  " << filesystem.name << std::string(width - filesystem.name.size(), ' ') << filesystem.description
                << '\n';
    }
  }
}

}  // namespace

tl::expected<Parsed, ExitStatus> parse(const Invocation& invocation, const Syntax& syntax) {
  po::options_description all;
  all.add(syntax.options);
  all.add_options()("operand", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("operand", -1);
  Parsed parsed;
  try {
    const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(invocation.arguments).options(all).positional(positional).style(style).run(),
              parsed.options);
    if (parsed.options.count("help") != 0) {
      print_help(invocation, syntax);
      return tl::unexpected(ExitStatus::kNothingFound);
    }
    po::notify(parsed.options);
  } catch (const po::error& error) {
    return tl::unexpected(invocation.fail(explain(invocation, error)));
  }
  if (parsed.options.count("operand") != 0) parsed.operands = parsed.options["operand"].as<std::vector<std::string>>();
  const std::string usage = "usage: " + invocation.program + " " + invocation.verb + " " + std::string(syntax.synopsis);
  if (parsed.operands.size() < syntax.operands.size()) {
    const std::string missing(syntax.operands[parsed.operands.size()]);
    return tl::unexpected(invocation.fail("no " + missing + " given; " + usage));
  }
  if (parsed.operands.size() > syntax.max_operands) {
    return tl::unexpected(
        invocation.fail("'" + parsed.operands[syntax.max_operands] + "' is one operand too many; " + usage));
  }
  return parsed;
}

tl::expected<MadeFilesystem, ExitStatus> make_filesystem(const Invocation& invocation, const std::string& spec) {
  const auto choice = invocation.filesystems.choose(spec);
  if (!choice) return tl::unexpected(invocation.fail("--fs " + spec + ": " + choice.error()));
  auto operations = choice->make();
  if (!operations) return tl::unexpected(invocation.fail("--fs " + spec + ": " + operations.error()));
  return MadeFilesystem{choice->filesystem, std::move(*operations)};
}

ExitStatus write_report(const Invocation& invocation, const std::string& path, std::string_view text) {
  if (path == "-") {
    std::cout << text << std::flush;
    return ExitStatus::kNothingFound;
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  if (file) return ExitStatus::kNothingFound;
  return invocation.fail(path + ": cannot be written: " + describe(Errno::last()) + "; give --json another path");
}

}  // namespace fusereplay

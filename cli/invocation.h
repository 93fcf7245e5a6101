// One run of a verb: what it was given, and how it reports problems and reads its options.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cli/exit_status.h"
#include "core/operations/filesystem_registry.h"

namespace fusereplay {

struct Invocation {
  std::string program{};                 // "fusereplay"
  std::string verb{};                    // "record"
  std::vector<std::string> arguments{};  // what follows the verb
  const FilesystemRegistry& filesystems;

  /// Writes "fusereplay record: MESSAGE" to stderr, as one line. Returns `status`.
  ExitStatus fail(std::string_view message, ExitStatus status = ExitStatus::kBadUsage) const;
};

/// What a verb takes.
struct Syntax {
  std::string_view synopsis;  // "TRACE --fs NAME[:ARG] [options]"
  std::string_view about;     // one paragraph for --help
  boost::program_options::options_description options;
  std::vector<std::string_view> operands;  // what each is called in messages: "TRACE"
  std::size_t max_operands;                // at least operands.size(), which are required
};

/// The options given, and the operands in order.
struct Parsed {
  boost::program_options::variables_map options;
  std::vector<std::string> operands;
};

/// Parses the arguments. --help and bad usage are dealt with here: the error is the status to end with.
tl::expected<Parsed, ExitStatus> parse(const Invocation& invocation, const Syntax& syntax);

/// A filesystem named on the command line, and made.
struct MadeFilesystem {
  const Filesystem* filesystem;
  std::unique_ptr<Operations> operations;
};

/// Makes the filesystem that `--fs SPEC` names. An unknown name and a bad argument are reported here.
tl::expected<MadeFilesystem, ExitStatus> make_filesystem(const Invocation& invocation, const std::string& spec);

/// Writes `text` to `path`, "-" for stdout. Failures are reported here.
ExitStatus write_report(const Invocation& invocation, const std::string& path, std::string_view text);

ExitStatus run_record(const Invocation& invocation);
ExitStatus run_replay(const Invocation& invocation);
ExitStatus run_check(const Invocation& invocation);
ExitStatus run_show(const Invocation& invocation);
ExitStatus run_stat(const Invocation& invocation);
ExitStatus run_repair(const Invocation& invocation);

}  // namespace fusereplay

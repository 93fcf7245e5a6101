// Runs the `fusereplay` that was built, as a user would.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace fusereplay::testing {

struct CommandResult {
  int exit_code = -1;  // -1: it was ended by a signal, or by us after a minute
  std::string out;
  std::string err;

  /// "error_line is one line": what was said on stderr, without its newline; fails the test if that is not one line.
  std::string error_line() const;
};
/// For the message of a failed EXPECT.
std::ostream& operator<<(std::ostream& out, const CommandResult& result);

/// Runs `fusereplay ARGUMENTS...` to its end.
CommandResult run_fusereplay(const std::vector<std::string>& arguments);
/// Runs a shell script in which "$fusereplay" is the command, to its end.
CommandResult run_script(const std::string& script);

/// A path in a new directory that goes with the test program; nothing is there yet.
std::string scratch_path(const std::string& name);
/// The text of a file; fails the test if it cannot be read.
std::string contents(const std::string& path);
void write_file(const std::string& path, const std::string& text);

/// The value behind "event_log_hash " in a report; empty when there is none.
std::string hash_in(const std::string& report);

}  // namespace fusereplay::testing

#include "tests/cli/command.h"

#include <gtest/gtest.h>

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <stdexcept>

#include "tests/support/child_process.h"

namespace fusereplay::testing {

namespace {

constexpr std::chrono::seconds kPatience{60};

/// The directory of everything here; removed at the end of the program.
class ScratchRoot {
 public:
  ScratchRoot() : path_((std::filesystem::temp_directory_path() / "fusereplay-cli-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error(path_ + ": cannot be made");
  }
  ~ScratchRoot() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchRoot(const ScratchRoot&) = delete;
  ScratchRoot& operator=(const ScratchRoot&) = delete;

  std::string make_directory() {
    const std::string directory = path_ + "/" + std::to_string(++made_);
    std::filesystem::create_directory(directory);
    return directory;
  }

 private:
  std::string path_;
  unsigned made_ = 0;
};

std::string make_directory() {
  static ScratchRoot root;
  return root.make_directory();
}

CommandResult run(std::vector<std::string> shell_arguments) {
  const std::string directory = make_directory();
  const std::string out = directory + "/out";
  const std::string err = directory + "/err";
  std::vector<std::string> arguments = {"sh", "-c", R"(o=$1 e=$2; shift 2; exec "$@" >"$o" 2>"$e")", "sh", out, err};
  arguments.insert(arguments.end(), shell_arguments.begin(), shell_arguments.end());
  ChildProcess child(std::move(arguments), directory);
  const ChildResult ended = child.wait(kPatience);
  return CommandResult{ended.exit_code, contents(out), contents(err)};
}

}  // namespace

std::string CommandResult::error_line() const {
  EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
  return err.substr(0, err.find('\n'));
}

std::ostream& operator<<(std::ostream& out, const CommandResult& result) {
  return out << "exit " << result.exit_code << "\n--- stdout\n" << result.out << "--- stderr\n" << result.err;
}

CommandResult run_fusereplay(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {FUSEREPLAY_COMMAND};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run(std::move(all));
}

CommandResult run_script(const std::string& script) {
  return run({"env", "fusereplay=" FUSEREPLAY_COMMAND, "sh", "-c", script});
}

std::string scratch_path(const std::string& name) {
  return make_directory() + "/" + name;
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  EXPECT_TRUE(file) << path;
}

std::string hash_in(const std::string& report) {
  const std::string label = "event_log_hash ";
  const std::size_t at = report.rfind(label);
  return at == std::string::npos ? "" : report.substr(at + label.size(), 32);
}

}  // namespace fusereplay::testing

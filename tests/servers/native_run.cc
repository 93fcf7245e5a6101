#include "tests/servers/native_run.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <stdexcept>

#include "core/unique_fd.h"

namespace fusereplay::testing {
namespace {

/// Dropping caches takes privilege, and changes nothing that a caller sees.
class Native final : public CallTarget {
 public:
  std::string run(const Call& call) override { return call.name == "drop_caches" ? "ok" : target_->run(call); }

 private:
  std::unique_ptr<CallTarget> target_ = make_unprivileged_target();
};

std::string run_in_child(const std::vector<Step>& steps, const std::string& directory) {
  ::umask(022);
  Native target;
  std::string text;
  try {
    for (const std::string& line : run_steps(target, below(directory, steps))) text += line + "\n";
  } catch (const std::exception& error) {
    text += std::string(error.what()) + "\n";
  }
  return text;
}

}  // namespace

std::vector<std::string> run_natively(const std::vector<Step>& steps, const std::string& directory) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  const UniqueFd out(pipe[0]);
  UniqueFd in(pipe[1]);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    const std::string text = run_in_child(steps, directory);
    [[maybe_unused]] const auto written = ::write(in.get(), text.data(), text.size());  // a pipe holds that much
    ::_exit(0);
  }
  in.reset();
  std::string text;
  char part[4096];
  for (ssize_t size = 0; (size = ::read(out.get(), part, sizeof(part))) > 0;) {
    text.append(part, static_cast<std::size_t>(size));
  }
  ::waitpid(child, nullptr, 0);
  std::vector<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) lines.push_back(line);
  return lines;
}

}  // namespace fusereplay::testing

#include "cli/run_command.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <iostream>

#include "cli/invocation.h"
#include "cli/version.h"

namespace fusereplay {

namespace {

struct Verb {
  std::string_view name;
  std::string_view summary;
  ExitStatus (*run)(const Invocation&);
};

constexpr std::array kVerbs = {
    Verb{"record", "live mount with capture", run_record},
    Verb{"replay", "the recorded conversation again, no kernel", run_replay},
    Verb{"check", "the rules over a recorded conversation", run_check},
    Verb{"show", "a trace, one line a message", run_show},
    Verb{"stat", "operations, latencies, errors, files", run_stat},
    Verb{"repair", "a whole trace from one that was cut off or damaged", run_repair},
};

void print_overview(const std::string& program) {
  std::cout << "usage: " << program << " VERB [arguments]; " << program << " VERB --help tells more\n\n";
  for (const Verb& verb : kVerbs) {
    std::cout << "  " << verb.name << std::string(10 - verb.name.size(), ' ') << verb.summary << '\n';
  }
  std::cout << "\nExit status: 0 nothing found; 1 findings, differences, or --run's command failed; 2 bad usage or\n"
               "unreadable input; 3 the filesystem failed; 4 the capture is incomplete.\n";
}

std::string verb_names() {
  std::string names;
  for (const Verb& verb : kVerbs) {
    if (!names.empty()) names += ", ";
    names += verb.name;
  }
  return names;
}

ExitStatus run(Invocation invocation, const std::string& word) {
  if (word == "--help" || word == "-h" || word == "help") {
    print_overview(invocation.program);
    return ExitStatus::kNothingFound;
  }
  if (word == "--version") {
    std::cout << invocation.program << ' ' << kVersion << '\n';
    return ExitStatus::kNothingFound;
  }
  const auto verb = std::find_if(kVerbs.begin(), kVerbs.end(), [&](const Verb& known) { return known.name == word; });
  if (verb == kVerbs.end()) {
    return invocation.fail(word.empty() ? "no verb given; use one of: " + verb_names()
                                        : "unknown verb '" + word + "'; use one of: " + verb_names());
  }
  invocation.verb = word;
  return verb->run(invocation);
}

}  // namespace

int run_command(int argc, char** argv, const FilesystemRegistry& filesystems) {
  try {
    const std::string path = argc > 0 ? argv[0] : "fusereplay";
    Invocation invocation{.program = path.substr(path.find_last_of('/') + 1), .filesystems = filesystems};
    if (argc > 2) invocation.arguments.assign(argv + 2, argv + argc);
    return static_cast<int>(run(std::move(invocation), argc > 1 ? argv[1] : ""));
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "fusereplay: stopped by an error of its own: %s\n", exception.what());
    return static_cast<int>(ExitStatus::kServerFailed);
  }
}

}  // namespace fusereplay

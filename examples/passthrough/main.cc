// passthrough [-o OPTION[,OPTION...]] --source=DIRECTORY MOUNTPOINT
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/session/serve.h"
#include "examples/passthrough/passthrough.h"

namespace {

constexpr std::string_view kSource = "source=";

bool is_ours(std::string_view option) {
  const std::string_view key = option.substr(0, option.find('='));
  return key == "threads" || key == "cache" || key == "direct-io" || key == "passthrough" || key == "writeback" ||
         key == "locks" || key == "entry-timeout" || key == "attribute-timeout";
}

/// "--cache=never" as "cache=never" behind an -o, which serve's parser reads.
std::vector<std::string> with_long_options(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 0; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (i > 0 && word.starts_with("--") && word != "--log") {
      words.insert(words.end(), {"-o", std::string(word.substr(2))});
    } else {
      words.emplace_back(word);
    }
  }
  return words;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words = with_long_options(argc, argv);
  std::vector<char*> pointers;
  pointers.reserve(words.size());
  for (std::string& word : words) pointers.push_back(word.data());
  const auto arguments = fusereplay::parse_serve_arguments(static_cast<int>(pointers.size()), pointers.data());
  std::string ours;
  std::string source;
  std::vector<std::string> theirs{"default_permissions"};
  for (const std::string& option : arguments.options) {
    if (option.starts_with(kSource)) {
      source = option.substr(kSource.size());
    } else if (is_ours(option)) {
      ours += option + ',';
    } else {
      theirs.push_back(option);
    }
  }
  if (arguments.mountpoint.empty() || source.empty()) {
    std::fputs(
        "usage: passthrough [-f | -b] [--log FILE] [-o OPTION[,OPTION...]] --source=DIRECTORY MOUNTPOINT\n"
        "options, each also as --OPTION: threads, cache=auto|always|never, direct-io, passthrough, writeback, locks,\n"
        "entry-timeout=SECONDS, attribute-timeout=SECONDS, and mount options\n",
        stderr);
    return 2;
  }
  if (source.front() != '/' && source.front() != '.') source.insert(0, "./");
  const auto options = fusereplay::parse_passthrough_options(ours + source);
  if (!options) {
    std::fprintf(stderr, "%s\n", options.error().c_str());
    return 2;
  }
  auto passthrough = fusereplay::Passthrough::make(*options);
  if (!passthrough) {
    std::fprintf(stderr, "%s\n", passthrough.error().c_str());
    return 2;
  }
  const bool concurrent = options->handlers == fusereplay::PassthroughOptions::Handlers::kConcurrent;
  return fusereplay::serve(std::move(*passthrough),
                           {.name = "passthrough",
                            .mountpoint = arguments.mountpoint,
                            .mount_options = theirs,
                            .threads = concurrent ? std::clamp(std::thread::hardware_concurrency(), 2U, 64U) : 1,
                            .ground = arguments.ground,
                            .log = arguments.log});
}

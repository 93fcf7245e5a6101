// compare loops|rings|capture [options]: ways to serve a tree, timed in turn in one run.
//
// Each contestant serves a tree of its own; each round runs a row's work on every one of them, in an order drawn anew;
// what is compared is what stood in one round. One contestant serves a second time: how far it is from itself says what
// a difference is worth.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "bench/compare/paired.h"
#include "bench/compare/served_tree.h"
#include "bench/compare/workload.h"

namespace fusereplay::bench {
namespace {

/// Ways that one program has of doing it; the best in a row stands for all.
struct Group {
  std::string name;
  std::vector<Contestant> contestants;
};

/// The groups are each compared with the first.
struct Comparison {
  std::vector<Group> groups;
};

struct Settings {
  std::string what;
  std::string rows;  // part of a name
  unsigned rounds = 0;
  unsigned seed = 0;
  std::string scratch;
  std::string cpus;  // pinned, unpinned or both
};

Contestant ours(std::string name, std::string options) {
  return {.name = std::move(name),
          .command = {PASSTHROUGH, "-o", "allow_other" + std::move(options), "--source={source}", "{mount}"}};
}

Contestant libfuse(std::string name, std::vector<std::string> loop) {
  // As ours: names and attributes for a second, modes checked by the kernel, xattrs asked for.
  std::vector<std::string> command{PASSTHROUGH_LL, "-f", "-o",
                                   "source={source},xattr,timeout=1,allow_other,default_permissions"};
  command.insert(command.end(), loop.begin(), loop.end());
  command.emplace_back("{mount}");
  return {.name = std::move(name), .command = std::move(command)};
}

Contestant recorded(std::string name, std::vector<std::string> options) {
  std::vector<std::string> command{FUSEREPLAY, "record"};
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(), {"{mount}", "--fs", "passthrough:{source}"});
  return {.name = std::move(name), .command = std::move(command)};
}

Comparison comparison_of(const std::string& what) {
  if (what == "loops") {
    return {{{"libfuse", {libfuse("-s", {"-s"}), libfuse("threads", {}), libfuse("clone_fd", {"-o", "clone_fd"})}},
             {"itself", {libfuse("-s", {"-s"})}},
             {"fusereplay", {ours("1 thread", ""), ours("threads", ",threads")}}}};
  }
  if (what == "rings") {
    return {{{"libfuse", {libfuse("-s", {"-s"}), libfuse("threads", {}), libfuse("clone_fd", {"-o", "clone_fd"})}},
             {"itself", {libfuse("-s", {"-s"})}},
             {"device", {ours("1 thread", ""), ours("threads", ",threads")}},
             {"io_uring", {ours("1 thread", ",io_uring"), ours("threads", ",threads,io_uring")}}}};
  }
  if (what == "capture") {
    return {{{"no capture", {ours("1 thread", "")}},
             {"itself", {ours("1 thread", "")}},
             {"no payload", {recorded("record", {"-o", "{trace}", "--payload", "none"})}},
             {"full payload", {recorded("record", {"-o", "{trace}", "--payload", "full"})}},
             {"rules, no trace", {recorded("record", {"--check"})}}}};
  }
  throw std::runtime_error(
      "compare what? loops (against libfuse's), rings (the same, with io_uring) or capture (against none), not '" +
      what + "'");
}

/// A comparison at work: what serves, and what it took.
class Contest {
 public:
  Contest(const Comparison& comparison, const std::string& place) : comparison_(comparison) {
    for (const Group& group : comparison_.groups) {
      for (const Contestant& contestant : group.contestants) {
        const std::string below = place + "/" + std::to_string(trees_.size());
        trees_.push_back(std::make_unique<ServedTree>(contestant, below));
      }
    }
  }

  void run(const Workload& workload, unsigned rounds, std::mt19937& chance) {
    times_.assign(trees_.size(), {});
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < trees_.size(); ++i) {
      order.push_back(i);
      prepare(workload, trees_[i]->source());
      time_of(workload, trees_[i]->mount());  // warms what there is to warm
    }
    for (unsigned round = 0; round < rounds; ++round) {
      std::shuffle(order.begin(), order.end(), chance);
      for (const std::size_t i : order) times_[i].push_back(time_of(workload, trees_[i]->mount()));
    }
  }

  /// A line for each group but the first.
  void report(const std::string& row) const {
    std::size_t first = 0;
    std::size_t reference = 0;
    for (std::size_t group = 0; group < comparison_.groups.size(); ++group) {
      const auto& contestants = comparison_.groups[group].contestants;
      std::size_t best = first;
      for (std::size_t i = first; i < first + contestants.size(); ++i) {
        if (median_of(times_[i]) < median_of(times_[best])) best = i;
      }
      if (group == 0) {
        reference = best;
      } else {
        const bool again = comparison_.groups[group].name == "itself";  // the first of the first group, once more
        const std::size_t base = again ? 0 : reference;
        const Ratio ratio = ratio_of(times_[best], times_[base]);
        std::printf("| %s | %s: %s | %s | %.2f | %.2f | %.3f | %.3f to %.3f |\n", row.c_str(),
                    comparison_.groups[group].name.c_str(), contestants[best - first].name.c_str(),
                    comparison_.groups[0].contestants[base].name.c_str(), milliseconds(best), milliseconds(base),
                    ratio.median, ratio.low, ratio.high);
      }
      first += contestants.size();
    }
    std::fflush(stdout);
  }

 private:
  double milliseconds(std::size_t contestant) const { return static_cast<double>(median_of(times_[contestant])) / 1e6; }

  const Comparison& comparison_;
  std::vector<std::unique_ptr<ServedTree>> trees_;
  std::vector<std::vector<std::int64_t>> times_;  // of each tree, in the order of the rounds
};

void check(int result, const char* what) {
  if (result != 0) throw std::system_error(errno, std::generic_category(), what);
}

/// Sources and traces lie in memory, and nobody else sees the mounts.
void make_scratch(const std::string& place) {
  std::filesystem::create_directories(place);
  check(::unshare(CLONE_NEWNS), "unshare: root is needed, for a mount namespace");
  check(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount");
  check(::mount("tmpfs", place.c_str(), "tmpfs", 0, "mode=0755"), "mount tmpfs");
}

void run_all(const Comparison& comparison, const Settings& settings, const std::string& place, const char* cpus) {
  std::mt19937 chance(settings.seed);
  Contest contest(comparison, place);
  for (const Workload& workload : workloads()) {
    if (workload.name.find(settings.rows) == std::string::npos) continue;
    contest.run(workload, settings.rounds, chance);
    contest.report(workload.name + ", " + cpus);
  }
}

void compare(const Settings& settings) {
  const Comparison comparison = comparison_of(settings.what);
  make_scratch(settings.scratch);
  std::printf("| row | who | against | ms | ms | ratio | 95 %% |\n|---|---|---|---|---|---|---|\n");
  if (settings.cpus != "pinned") run_all(comparison, settings, settings.scratch + "/unpinned", "unpinned");
  if (settings.cpus != "unpinned") {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    check(::sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
    run_all(comparison, settings, settings.scratch + "/pinned", "pinned");
  }
}

namespace options = boost::program_options;

/// Empty where only help was wanted.
std::unique_ptr<Settings> parse(int argc, char** argv) {
  auto settings = std::make_unique<Settings>();
  options::options_description shown("compare loops|rings|capture [options], as root");
  shown.add_options()("rows", options::value(&settings->rows)->default_value(""), "only rows with this in their name")(
      "rounds", options::value(&settings->rounds)->default_value(31), "how often each is timed")(
      "seed", options::value(&settings->seed)->default_value(1), "of the order in each round")(
      "cpus", options::value(&settings->cpus)->default_value("both"),
      "pinned (all on the first processor), unpinned or both")(
      "scratch", options::value(&settings->scratch)->default_value("/tmp/fusereplay-compare"),
      "a directory to mount on, for us alone")("help", "this");
  options::options_description all;
  all.add(shown).add_options()("what", options::value(&settings->what)->default_value(""));
  options::positional_options_description positional;
  positional.add("what", 1);
  options::variables_map values;
  options::store(options::command_line_parser(argc, argv).options(all).positional(positional).run(), values);
  options::notify(values);
  if (values.count("help") != 0) {
    std::cout << shown;
    return nullptr;
  }
  if (settings->rounds == 0) throw std::runtime_error("--rounds: at least 1, and 6 for an interval");
  if (settings->cpus != "pinned" && settings->cpus != "unpinned" && settings->cpus != "both") {
    throw std::runtime_error("--cpus: pinned, unpinned or both, not '" + settings->cpus + "'");
  }
  return settings;
}

}  // namespace
}  // namespace fusereplay::bench

int main(int argc, char** argv) {
  try {
    if (const auto settings = fusereplay::bench::parse(argc, argv)) fusereplay::bench::compare(*settings);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "compare: %s\n", error.what());
    return 2;
  }
}

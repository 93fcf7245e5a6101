// Everything that can listen to a live mount, at once: all the rules, and a recorder that keeps everything, whose trace
// is read back and judged again.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/event/event.h"
#include "recorder/recorder.h"
#include "rules/rule_set.h"

namespace fusereplay::testing {

/// For one mount.
class Observers {
 public:
  /// The trace is in a file of this name in the directory for temporary files.
  explicit Observers(const std::string& name);
  /// A trace in which something is wrong stays where it is, unless it is dropped.
  ~Observers();
  Observers(const Observers&) = delete;
  Observers& operator=(const Observers&) = delete;

  /// For the mount.
  EventSink& live() noexcept { return *recorder_; }
  /// After the last event: what is wrong, empty where nothing is. `left`: what may be counted and open at the end.
  enum class Left : std::uint8_t { kNothing, kAnything };
  std::string end(Left left);
  void drop_trace() noexcept { clean_ = true; }
  /// The trace, which stays.
  const std::filesystem::path& keep_trace() noexcept {
    clean_ = false;
    return trace_;
  }
  /// Requests, replies and marks heard; after end().
  std::uint64_t events() const noexcept { return events_; }

 private:
  /// What the kernel holds when the connection ends, which voids it.
  class LastLook final : public EventSink {
   public:
    explicit LastLook(const RuleSet& rules) : rules_(rules) {}
    void on_event(const Event& event) override;
    std::uint64_t counted = 0;
    std::uint64_t open = 0;

   private:
    const RuleSet& rules_;
  };

  std::string judge_trace();

  const std::filesystem::path trace_;
  RuleSet rules_;
  LastLook last_look_{rules_};
  std::unique_ptr<Recorder> recorder_;
  std::uint64_t events_ = 0;
  bool clean_ = false;
};

}  // namespace fusereplay::testing

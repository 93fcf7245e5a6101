// What "the same run" means: a canonical log of events, and its hash (docs/trace-contract.md, section 6).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/event/event.h"

namespace fusereplay {

/// An *ordered* sink. Events need Event::request (core/event/conversation.h). Two runs that differ in addresses, times,
/// process ids and ids chosen by the filesystem or the kernel, but in nothing else, have one hash; so it does not
/// depend on the process that computes it.
class EventLog : public EventSink {
 public:
  EventLog();
  ~EventLog() override;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void on_event(const Event& event) override;

  /// XXH3-128 of the log so far, 32 hexadecimal digits: what reports call event_log_hash.
  std::string hash() const;
  std::uint64_t events() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusereplay

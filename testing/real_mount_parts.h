// Private to RealMount.
#pragma once

#include <cerrno>
#include <optional>

#include "core/session/connection_control.h"
#include "rules/rule_set.h"
#include "testing/calling_process.h"
#include "testing/device_server.h"
#include "testing/real_mount.h"

namespace fusereplay {

struct RealMount::Parts {
  Parts(std::unique_ptr<Server> any, const Setup& how);

  /// Mounts in a namespace of the process's own; what device requests come from.
  UniqueFd mount();
  void enter_namespace();
  /// The mount becomes all that the process sees.
  void enter_mount();
  void write_file(const char* path, std::string_view text);
  void become(const Process& wanted);
  /// Waits until the server has answered all there is, and nothing is left for it to read.
  void settle();
  void ask_statfs();
  void await_notifications();
  /// Unmounts.
  void end();
  /// Waits for the end of the connection, and tells the rules.
  void finish();
  void set_free();
  void break_connection();

  Setup setup;
  Process process;  // as the test wants it
  Process current;  // as it is
  RuleSet rules;
  std::unique_ptr<Server> server;
  std::optional<ConnectionControl> control;
  std::vector<std::string> dead_ends;
  std::set<std::int32_t> descriptors;
  struct Memory {
    std::uint64_t address;
    std::uint64_t length;
  };
  std::map<std::int32_t, Memory> mappings;  // by Mapping
  bool mounted = true;
  bool in_directory = false;  // the calls' working directory is not the root
  bool finished = false;
  testing::CallingProcess caller;
  std::unique_ptr<testing::DeviceServer> device;
};

template <class... Arguments>
Result<std::int64_t> RealMount::call(long number, Arguments... arguments) {
  if (!parts_->mounted) return Errno(ENOTCONN);
  parts_->become(parts_->process);
  parts_->device->hand_over();
  const std::int64_t result = parts_->caller.call(number, arguments...);
  parts_->settle();
  if (result < 0) return Errno(static_cast<int>(-result));
  return result;
}

template <class... Arguments>
Outcome<void> RealMount::done(long number, Arguments... arguments) {
  const auto result = call(number, arguments...);
  if (!result) return result.error();
  return {};
}

}  // namespace fusereplay

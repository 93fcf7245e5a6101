// A script's calls made of a SimulatedMount.
#pragma once

#include <map>

#include "simulator/mount.h"
#include "tests/simulator/script.h"

namespace fusereplay::testing {

class SimulatedTarget final : public CallTarget {
 public:
  explicit SimulatedTarget(SimulatedMount& mount) : mount_(mount), whole_(&mount) {}
  /// One process of a mount that somebody else looks after: no time goes on between its calls.
  explicit SimulatedTarget(SimulatedProcess& process) : mount_(process) {}
  std::string run(const Call& call) override;

 private:
  Fd fd(const Call& call, std::size_t index) const;
  std::string install(const Call& call, const Outcome<Fd>& opened);
  /// As the real target's: with a request behind it.
  std::string close_file(Fd fd);
  std::string read_vector(const Call& call);
  std::string write_vector(const Call& call);
  std::string on_files(const Call& call);
  std::string on_memory(const Call& call);
  std::string unmap(const std::string& name);
  std::string on_attributes(const Call& call);
  std::string on_names(const Call& call);
  std::string on_xattrs(const Call& call);
  std::string on_special(const Call& call);
  std::string on_directories(const Call& call);
  std::string ioctl(const Call& call);

  SystemCalls& mount_;
  SimulatedMount* const whole_ = nullptr;
  std::map<std::string, Fd> files_;
  std::map<std::string, Mapping> mappings_;
  std::map<std::string, ScriptHandle> handles_;
};

}  // namespace fusereplay::testing

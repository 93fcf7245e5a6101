// Results of simulated calls in words, and arguments of a script as such calls take them: private to
// simulated_target*.cc.
#pragma once

#include <string>
#include <vector>

#include "simulator/system_calls.h"
#include "tests/simulator/script.h"

namespace fusereplay::testing {

inline std::string outcome(const Outcome<void>& result) {
  return result ? "ok" : to_string(result.error());
}
template <class Number>
std::string outcome(const Outcome<Number>& result) {
  if (!result) return to_string(result.error());
  return *result == 0 ? "ok" : "= " + std::to_string(*result);
}
inline std::string outcome(const Outcome<std::string>& result) {
  return result ? describe_data(*result) : to_string(result.error());
}
inline std::string outcome(const Outcome<struct ::stat>& result) {
  return result ? describe(*result) : to_string(result.error());
}

inline std::string outcome(const Outcome<struct ::statvfs>& result) {
  return result ? describe(*result) : to_string(result.error());
}
inline std::string outcome(const Outcome<std::vector<std::string>>& result) {
  if (!result) return to_string(result.error());
  std::string all;
  for (const std::string& one : *result) all += one + '\0';
  return describe_data(all);
}

inline NewTime time_of(const Call& call, std::size_t index) {
  const std::string text = call.text(index);
  if (text == "now") return {.kind = NewTime::Kind::kNow};
  if (text == "omit") return {.kind = NewTime::Kind::kOmit};
  return {.kind = NewTime::Kind::kSet, .time = {.seconds = call.number(index), .nanoseconds = 0}};
}

inline std::size_t size(const Call& call, std::size_t index, std::int64_t otherwise = 0) {
  return static_cast<std::size_t>(call.number(index, otherwise));
}
inline std::uint32_t word(const Call& call, std::size_t index) {
  return static_cast<std::uint32_t>(call.number(index));
}

}  // namespace fusereplay::testing

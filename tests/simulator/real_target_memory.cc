// Files in the memory of the process that makes a script's calls.
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "tests/simulator/real_target.h"

namespace fusereplay::testing {
namespace {

sigjmp_buf before_fault;

/// Copies a byte after the other, so that pages are touched in order; false where one cannot be.
bool copy(volatile char* to, const volatile char* from, std::size_t size) {
  struct sigaction action {};
  action.sa_handler = [](int) { ::siglongjmp(before_fault, 1); };
  struct sigaction bus {};
  struct sigaction segment {};
  ::sigaction(SIGBUS, &action, &bus);
  ::sigaction(SIGSEGV, &action, &segment);
  const bool whole = sigsetjmp(before_fault, 1) == 0;
  if (whole) {
    for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
  }
  ::sigaction(SIGBUS, &bus, nullptr);
  ::sigaction(SIGSEGV, &segment, nullptr);
  return whole;
}

}  // namespace

std::string RealTarget::map(const Call& c) {
  const auto length = static_cast<std::size_t>(c.number(3));
  void* const at = ::mmap(nullptr, length, c.protection(4), c.memory_flags(5), fd(c, 1), c.number(2));
  if (at == MAP_FAILED) return to_string(Errno::last());
  unmap(c.text(0));
  mappings_[c.text(0)] = {.at = static_cast<char*>(at), .length = (length + 4095) / 4096 * 4096};
  return "ok";
}

std::string RealTarget::unmap(const std::string& name) {
  const auto found = mappings_.find(name);
  if (found == mappings_.end()) return "EINVAL";
  const std::string result = void_outcome(::munmap(found->second.at, found->second.length));
  mappings_.erase(found);
  struct ::statvfs out {};
  ::statvfs("/", &out);
  return result;
}

void RealTarget::unmap_all() {
  while (!mappings_.empty()) unmap(std::string(mappings_.begin()->first));
}

const RealTarget::Methods& RealTarget::memory_methods() {
  using Self = RealTarget&;
  static const Methods all = {
      {"mmap", [](Self s, const Call& c) { return s.map(c); }},
      {"munmap", [](Self s, const Call& c) { return s.unmap(c.text(0)); }},
      {"load",
       [](Self s, const Call& c) {
         const auto memory = s.mappings_.find(c.text(0));
         const auto at = static_cast<std::size_t>(c.number(1));
         std::string data(static_cast<std::size_t>(c.number(2)), '\0');
         if (memory == s.mappings_.end() || at + data.size() > memory->second.length) return std::string("EFAULT");
         return copy(data.data(), memory->second.at + at, data.size()) ? describe_data(data) : std::string("EFAULT");
       }},
      {"store",
       [](Self s, const Call& c) {
         const auto memory = s.mappings_.find(c.text(0));
         const auto at = static_cast<std::size_t>(c.number(1));
         const std::string data = c.data(2);
         if (memory == s.mappings_.end() || at + data.size() > memory->second.length) return std::string("EFAULT");
         return std::string(copy(memory->second.at + at, data.data(), data.size()) ? "ok" : "EFAULT");
       }},
      {"msync",
       [](Self s, const Call& c) {
         const auto memory = s.mappings_.find(c.text(0));
         const auto at = static_cast<std::size_t>(c.number(1));
         const auto length = static_cast<std::size_t>(c.number(2));
         // What lies behind it is somebody else's.
         if (memory == s.mappings_.end() || at + length > memory->second.length) return std::string("ENOMEM");
         return void_outcome(::msync(memory->second.at + at, length, c.memory_flags(3)));
       }},
  };
  return all;
}

}  // namespace fusereplay::testing

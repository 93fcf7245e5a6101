// A process of its own that makes system calls for a test, one by one: on a real mount, the test itself must make none.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <type_traits>

#include "core/unique_fd.h"

namespace fusereplay::testing {

/// Forked where it is made; it does nothing but what call() says, so that a program of many threads may make it. It
/// shares no descriptor with its maker but stdin, stdout and stderr, and ends when that ends, however it does: what
/// was mounted in a namespace of its own goes with it. One thread.
class CallingProcess {
 public:
  /// `set_free` is called when a call takes longer than `deadline`: it must make the call return, for it is still
  /// waited for. Throws std::system_error.
  CallingProcess(std::chrono::milliseconds deadline, std::function<void()> set_free);
  ~CallingProcess();
  CallingProcess(const CallingProcess&) = delete;
  CallingProcess& operator=(const CallingProcess&) = delete;

  pid_t pid() const noexcept { return pid_; }
  /// What the kernel returns: a negative errno where the call failed. Pointers must be to memory of allocate().
  template <class... Arguments>
  std::int64_t call(long number, Arguments... arguments) {
    return run(number, {as_long(arguments)...});
  }
  /// A signal with a handler comes: what it waits for inside a call may end with EINTR. Any thread.
  void interrupt() const;
  /// Memory that both see, zeroed, at the start of a page. All of it goes with forget_memory().
  std::byte* allocate(std::size_t size);
  template <class Struct>
  Struct* make() {
    return reinterpret_cast<Struct*>(allocate(sizeof(Struct)));
  }
  /// With a NUL behind it.
  char* text(std::string_view text);
  void forget_memory() noexcept;

  /// The process's descriptor becomes ours, and is closed there.
  UniqueFd take_descriptor(int fd);
  /// Ends it and waits. Its descriptors are closed then, its namespaces gone.
  void end();

 private:
  struct Command;
  struct Numbers {
    long values[6];
  };

  template <class Argument>
  static long as_long(Argument argument) noexcept {
    if constexpr (std::is_pointer_v<Argument>) {
      return static_cast<long>(reinterpret_cast<std::intptr_t>(argument));
    } else {
      return static_cast<long>(argument);
    }
  }
  std::int64_t run(long number, const Numbers& arguments);
  void tell();
  /// Until it is readable; sets everybody free at the deadline, and leaves it to the caller to wait on.
  void await(int fd);
  [[noreturn]] static void serve(int socket, Command* command);

  const std::chrono::milliseconds deadline_;
  const std::function<void()> set_free_;
  Command* command_ = nullptr;  // at the start of the shared memory
  std::size_t used_ = 0;        // of the shared memory
  pid_t pid_ = -1;
  UniqueFd socket_;
};

}  // namespace fusereplay::testing

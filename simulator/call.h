// Private to the simulator: how a system call runs.
#pragma once

#include <optional>
#include <utility>

#include "simulator/kernel/kernel.h"
#include "simulator/system_calls.h"

namespace fusereplay {

/// Runs the call, unless nothing is mounted any more; what it leaves behind for the server is done before a plain call
/// returns. A call of a started task may have to wait; so may a plain one where the server itself can wait for what the
/// call holds, and then it gets a stack of its own.
template <class Body>
auto SystemCalls::call(Body&& body) {
  using Answer = decltype(body());
  if (!kernel_.mounted) return Answer(Errno(ENOTCONN));
  kernel_.filesystem.tick();
  kernel::Scheduler& scheduler = kernel_.scheduler;
  if (!scheduler.on_test_stack()) {
    kernel::Task& task = scheduler.current();
    if (task.signal() == kernel::Signal::kFatal) return Answer(Errno(EINTR));
    task.set_directory(directory_.get());
    Answer answer = body();
    if (task.signal() == kernel::Signal::kHandled) task.set_signal(kernel::Signal::kNone);  // its handler runs now
    return answer;
  }
  check_idle();
  if (!kernel_.server_may_wait) {
    kernel::Task& task = scheduler.current();
    const std::uint32_t before = task.pid();
    task.set_pid(process_.pid);
    task_ = &task;
    task.set_directory(directory_.get());
    Answer answer = body();
    task_ = nullptr;
    task.set_signal(kernel::Signal::kNone);
    task.set_pid(before);
    scheduler.settle();
    return answer;
  }
  std::optional<Answer> answer;
  begin([&] {
    task_->set_directory(directory_.get());
    answer.emplace(body());
  });
  finish();
  scheduler.settle();
  return std::move(*answer);
}

/// A call that begins with a path: after ESTALE once more, with every name asked for anew (retry_estale).
template <class Body>
auto SystemCalls::call_on_path(Body&& body) {
  return call([&] {
    auto answer = body(kernel::LookupIntent::kAny);
    if (!answer && answer.error() == Errno(ESTALE)) answer = body(kernel::LookupIntent::kFresh);
    return answer;
  });
}

template <class Body>
auto SystemCalls::call_on(const Named& where, Body&& body) {
  return call_on_path([&](kernel::LookupIntent intent) -> decltype(body(std::declval<kernel::Inode&>())) {
    const Result<kernel::DentryRef> found = kernel_.walk.find(where.path, where.follow, process_, intent);
    if (!found) return found.error();
    return body(*(*found)->inode);
  });
}

template <class Body>
auto SystemCalls::call_on(const Opened& where, Body&& body) {
  return call([&]() -> decltype(body(std::declval<kernel::Inode&>())) {
    const Result<File> open = file(where.fd, where.access);
    if (!open) return open.error();
    return body(*(*open)->inode);
  });
}

}  // namespace fusereplay

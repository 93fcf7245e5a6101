// Async<T>: a lazy task of Result<T>; what every handler returns.
//
//   Async<Entry> lookup(...) {
//     auto directory = co_await nodes_.find(parent);   // Result<X> or Async<X>: the X, or this task ends with the
//     Errno auto maybe = co_await as_result(child(...));     // the Result itself, to look at the error if (!maybe)
//     co_return Errno(ENOENT); co_return entry_of(*maybe);
//   }
//   Async<void> flush(...) { co_return {}; }           // also for void: return a value
//
// A task runs when it is awaited, on the awaiting thread, until it suspends. Where it ends with an error, its frame,
// with every lock and reference in it, is destroyed before its caller goes on. An Async made from a value or an Errno
// has no frame. An exception that escapes a task is rethrown where it is awaited.
//
// For g++ 12 (tests/core/async/compiler_canary_test.cc): types with a destructor need a constructor to be temporaries
// in a co_await expression; never co_await (c ? f() : g()).
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "core/async/frame_pool.h"
#include "core/check.h"
#include "core/result.h"

namespace fusereplay {

template <class T>
class Async;
template <class Task>
class AsResult;
class OwedReply;

namespace internal {

/// An address unique to the calling thread while it lives. g++ splits a coroutine before it optimises, so it cannot
/// keep the value over a suspension; clang can, and calls out of line.
#if defined(__clang__)
const void* this_thread_token() noexcept;
#else
inline const void* this_thread_token() noexcept {
  return __builtin_thread_pointer();
}
#endif

class CompletionBase;

/// A line of source: std::source_location, which clang 14 does not have with g++ 12's library. `file` lives for ever.
struct SourcePlace {
  const char* file = "";
  unsigned line = 0;  // 0: unknown
};
/// "core/x.cc:31"; without the "../" of builds whose compiler gets relative paths.
std::string place_text(const SourcePlace& place);

/// What a task is about to wait for.
enum class WaitsFor : std::uint8_t {
  kTask,    // another task
  kEvent,   // something to happen
  kInside,  // the same, in a task that it awaits
};

/// What differs between those that wait for a task.
struct CompletionKind {
  void (*go_on)(CompletionBase&) noexcept;
  const CompletionBase* (*root)(const CompletionBase&) noexcept;
  OwedReply* (*owed_reply)(const CompletionBase&) noexcept;
  void (*waits_at)(CompletionBase&, SourcePlace, WaitsFor) noexcept;
};

/// Waits for one task. Not a virtual class: completions lie in coroutine frames, and one pointer is enough.
class CompletionBase {
 public:
  /// `kind` outlives it.
  explicit CompletionBase(const CompletionKind& kind) noexcept : kind_(kind) {}
  CompletionBase(const CompletionBase&) = delete;
  CompletionBase& operator=(const CompletionBase&) = delete;

  /// Runs `frame` until it suspends or ends. True: it has ended, the outcome is here, and go_on is not called.
  /// False: go_on will be called, or already was, on the thread that ends it; then this object may be gone.
  bool start(std::coroutine_handle<> frame) { return run(frame) || park(); }

  /// start() in two steps, for what must be done before go_on can be called. Runs `frame` until it suspends or ends.
  /// True: it has ended. False: park() must be called, even if it ends meanwhile.
  bool run(std::coroutine_handle<> frame) {
    starter_ = this_thread_token();
    frame.resume();
    return state_.load(std::memory_order_acquire) == State::kDone;
  }
  /// True: it has ended since, and go_on is not called. False: as for start().
  bool park() noexcept { return state_.exchange(State::kWaiting, std::memory_order_acq_rel) == State::kDone; }

  /// The task has ended, its frame is destroyed, its outcome stored.
  void complete() noexcept {
    // Still inside start() on this thread: no other thread can be looking, no need for a locked instruction.
    if (starter_ == this_thread_token() && state_.load(std::memory_order_relaxed) == State::kRunning) {
      state_.store(State::kDone, std::memory_order_release);
      return;
    }
    if (state_.exchange(State::kDone, std::memory_order_acq_rel) == State::kWaiting) kind_.go_on(*this);
  }

  /// What waits for the outermost of the tasks that await this one: the same for all that run for one handler.
  const CompletionBase* root() const noexcept { return kind_.root(*this); }
  static const CompletionBase* itself(const CompletionBase& base) noexcept { return &base; }

  /// The reply that waits for this task, through whatever awaits it; null for a task that runs by itself.
  OwedReply* owed_reply() const noexcept { return kind_.owed_reply(*this); }
  static OwedReply* owes_none(const CompletionBase&) noexcept { return nullptr; }

  /// The task is about to wait there.
  void waits_at(SourcePlace place, WaitsFor what) noexcept { kind_.waits_at(*this, place, what); }
  static void tells_nobody(CompletionBase&, SourcePlace, WaitsFor) noexcept {}

 private:
  enum class State : std::uint8_t { kRunning, kWaiting, kDone };
  std::atomic<State> state_{State::kRunning};
  const void* starter_ = nullptr;
  const CompletionKind& kind_;
};

}  // namespace internal

/// Where a task leaves its outcome. For runtimes; filesystems co_await.
template <class T>
class Completion : public internal::CompletionBase {
 public:
  using CompletionBase::CompletionBase;

  /// From a Result<T>, or from what makes one.
  template <class... Args>
  void set(Args&&... result) {
    result_.emplace(std::forward<Args>(result)...);
  }
  void set_exception(std::exception_ptr exception) noexcept { exception_ = std::move(exception); }
  bool failed() const noexcept { return result_.has_value() && !result_->has_value(); }
  Errno error() const noexcept { return result_->error(); }
  const std::exception_ptr& exception() const noexcept { return exception_; }
  /// The outcome in place, where no exception escaped the task.
  Result<T>& result() noexcept {
    FUSEREPLAY_CHECK(result_.has_value(), "a task that ended left an outcome");
    return *result_;
  }
  /// The outcome, once. Rethrows an exception that escaped the task.
  Result<T> take() {
    if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
    return std::move(result());
  }

 private:
  std::optional<Result<T>> result_;
  std::exception_ptr exception_;
};

namespace internal {

template <class T, class U, bool kPropagate>
class TaskAwaiter;

template <class T>
struct AsyncPromise : FrameAllocated {
  Completion<T>* completion = nullptr;  // set before the first resume

  using Handle = std::coroutine_handle<AsyncPromise>;

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    void await_suspend(Handle frame) const noexcept {
      Completion<T>* completion = frame.promise().completion;
      frame.destroy();  // this awaiter too: nothing of the frame is touched from here on
      completion->complete();
    }
    void await_resume() const noexcept {}
  };

  Async<T> get_return_object() noexcept { return Async<T>(Handle::from_promise(*this)); }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void return_value(Result<T>&& result) { completion->set(std::move(result)); }
  template <class V>
  requires std::is_convertible_v<V, Result<T>>
  void return_value(V&& value) { completion->set(std::forward<V>(value)); }
  void unhandled_exception() noexcept { completion->set_exception(std::current_exception()); }

  /// Ends the suspended task `frame` with `error`, as if by co_return.
  static void fail(Handle frame, Errno error) noexcept {
    Completion<T>* completion = frame.promise().completion;
    completion->set(error);
    frame.destroy();
    completion->complete();
  }

  template <class U>
  auto await_transform(Async<U>&& task, const char* file = __builtin_FILE(),
                       unsigned line = __builtin_LINE()) noexcept {
    if (!task.ready()) completion->waits_at({file, line}, WaitsFor::kTask);
    return TaskAwaiter<U, T, true>(std::move(task));
  }
  template <class U>
  auto await_transform(AsResult<Async<U>>&& wrapped, const char* file = __builtin_FILE(),
                       unsigned line = __builtin_LINE()) noexcept {
    if (!wrapped.task_.ready()) completion->waits_at({file, line}, WaitsFor::kTask);
    return TaskAwaiter<U, T, false>(std::move(wrapped.task_));
  }
  template <class U>
  auto await_transform(Result<U>&& result) noexcept {
    return TaskAwaiter<U, T, true>(Async<U>(std::move(result)));
  }
  template <class U>
  auto await_transform(const Result<U>& result) {
    return TaskAwaiter<U, T, true>(Async<U>(Result<U>(result)));
  }
  /// Leaves: Event::wait, Mutex::lock, sleep.
  template <class Awaitable>
  requires requires(Awaitable& awaitable) { awaitable.await_ready(); }
  Awaitable&& await_transform(Awaitable&& awaitable, const char* file = __builtin_FILE(),
                              unsigned line = __builtin_LINE()) noexcept {
    completion->waits_at({file, line}, WaitsFor::kEvent);
    return std::forward<Awaitable>(awaitable);
  }
};

/// Runs a task for a coroutine that returns Async<U>.
template <class T, class U, bool kPropagate>
class TaskAwaiter : private Completion<T> {
 public:
  explicit TaskAwaiter(Async<T>&& task) noexcept : Completion<T>(kKind), task_(std::move(task)) {}

  bool await_ready() {
    if (!task_.ready()) return false;
    this->set(task_.take_ready());
    return !must_fail();
  }
  bool await_suspend(std::coroutine_handle<AsyncPromise<U>> parent) {
    parent_ = parent;
    if (!task_.empty() && !this->start(task_.release(*this))) return true;
    if (!must_fail()) return false;
    AsyncPromise<U>::fail(parent, this->error());  // destroys this awaiter
    return true;
  }
  auto await_resume() {
    if constexpr (!kPropagate) {
      return this->take();
    } else if constexpr (std::is_void_v<T>) {
      static_cast<void>(this->take());
    } else {
      return T(std::move(*this->take()));
    }
  }

 private:
  bool must_fail() const noexcept { return kPropagate && this->failed(); }
  static void resume_parent(CompletionBase& base) noexcept {
    auto& self = static_cast<TaskAwaiter&>(static_cast<Completion<T>&>(base));
    if (self.must_fail()) {
      AsyncPromise<U>::fail(self.parent_, self.error());
    } else {
      self.parent_.resume();
    }
  }
  static const CompletionBase* parents_root(const CompletionBase& base) noexcept {
    const auto& self = static_cast<const TaskAwaiter&>(static_cast<const Completion<T>&>(base));
    return self.parent_.promise().completion->root();
  }
  static OwedReply* parents_reply(const CompletionBase& base) noexcept {
    const auto& self = static_cast<const TaskAwaiter&>(static_cast<const Completion<T>&>(base));
    return self.parent_.promise().completion->owed_reply();
  }
  /// Whoever asks wants the place in the handler and the innermost one; what lies between is not told.
  static void tell_parent(CompletionBase& base, SourcePlace place, WaitsFor what) noexcept {
    if (what == WaitsFor::kTask) return;
    auto& self = static_cast<TaskAwaiter&>(static_cast<Completion<T>&>(base));
    self.parent_.promise().completion->waits_at(place, WaitsFor::kInside);
  }
  static constexpr CompletionKind kKind{&TaskAwaiter::resume_parent, &TaskAwaiter::parents_root,
                                        &TaskAwaiter::parents_reply, &TaskAwaiter::tell_parent};

  Async<T> task_;
  std::coroutine_handle<AsyncPromise<U>> parent_;
};

}  // namespace internal

/// See the top of this file. Movable; awaited at most once; dropping it unawaited runs nothing.
template <class T>
class [[nodiscard]] Async {
 public:
  using value_type = T;
  using promise_type = internal::AsyncPromise<T>;

  Async(Result<T> result) : ready_(std::move(result)) {}  // NOLINT(google-explicit-constructor)
  Async(Errno error) : ready_(Result<T>(error)) {}        // NOLINT(google-explicit-constructor)
  template <class V>
  requires(!std::is_void_v<T> && std::is_convertible_v<V, T> && !std::is_same_v<std::remove_cvref_t<V>, Async>)
      Async(V&& value)
      : ready_(Result<T>(std::forward<V>(value))) {}  // NOLINT(google-explicit-constructor)

  Async(Async&& other) noexcept
      : frame_(std::exchange(other.frame_, nullptr)), ready_(std::exchange(other.ready_, std::nullopt)) {}
  Async& operator=(Async&&) = delete;
  ~Async() {
    if (frame_) frame_.destroy();
  }

  /// For runtimes: the outcome is here without running anything.
  bool ready() const noexcept { return ready_.has_value(); }
  bool empty() const noexcept { return !frame_; }
  Result<T> take_ready() { return std::move(*ready_); }
  /// For runtimes: gives the frame up, to end in `completion`.
  std::coroutine_handle<> release(Completion<T>& completion) noexcept {
    frame_.promise().completion = &completion;
    return std::exchange(frame_, nullptr);
  }

 private:
  friend promise_type;
  explicit Async(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
  std::optional<Result<T>> ready_;
};

/// What as_result() gives.
template <class T>
class [[nodiscard]] AsResult<Async<T>> {
 public:
  explicit AsResult(Async<T>&& task) noexcept : task_(std::move(task)) {}

 private:
  template <class U>
  friend struct internal::AsyncPromise;
  Async<T> task_;
};

/// co_await as_result(task): the task's Result, where co_await task would end the caller with its error.
template <class T>
AsResult<Async<T>> as_result(Async<T> task) noexcept {
  return AsResult<Async<T>>(std::move(task));
}

/// Runs `task` detached; `done` is called with its Result on the thread that ends it. An exception that escapes `task`
/// ends the program.
template <class T, class Done>
void run_detached(Async<T> task, Done done) {
  if (task.ready()) {
    done(task.take_ready());
    return;
  }
  struct Detached : Completion<T>, internal::FrameAllocated {
    Detached(const internal::CompletionKind& kind, Done&& callback) : Completion<T>(kind), done_(std::move(callback)) {}
    static void finish(internal::CompletionBase& base) noexcept {
      auto* self = static_cast<Detached*>(static_cast<Completion<T>*>(&base));
      self->done_(self->take());
      delete self;
    }
    Done done_;
  };
  static constexpr internal::CompletionKind kKind{&Detached::finish, &internal::CompletionBase::itself,
                                                  &internal::CompletionBase::owes_none,
                                                  &internal::CompletionBase::tells_nobody};
  auto* detached = new Detached(kKind, std::move(done));
  if (detached->start(task.release(*detached))) Detached::finish(*detached);
}

}  // namespace fusereplay

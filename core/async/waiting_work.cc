#include "core/async/waiting_work.h"

#include <pthread.h>

#include <csignal>
#include <system_error>
#include <utility>

#include "core/check.h"

namespace fusereplay {

WaitingThreads::WaitingThreads(std::string name) : name_(std::move(name)) {
  FUSEREPLAY_CHECK(name_.size() < 16, "the kernel takes names of 15 bytes");
}

WaitingThreads::~WaitingThreads() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    threads = std::move(threads_);
  }
  to_lead_.notify_all();
  to_watch_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

std::size_t WaitingThreads::threads() const {
  const std::lock_guard lock(mutex_);
  return threads_.size();
}

void WaitingThreads::post(Work& work) noexcept {
  const std::lock_guard lock(mutex_);
  queue_.push(work);
  if (leader_idle_) {
    to_lead_.notify_one();
  } else if (watchers_ == 0) {
    add_watcher();
  } else {
    to_watch_.notify_one();
  }
}

/// With mutex_ locked.
void WaitingThreads::add_watcher() {
  if (stopping_) return;  // whoever still works goes on until nothing is left
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    threads_.emplace_back([this] { run(); });
    ++watchers_;
  } catch (const std::system_error&) {
    FUSEREPLAY_CHECK(!threads_.empty(), "no thread can be had");  // else the work waits for those there are
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void WaitingThreads::run() {
  ::pthread_setname_np(::pthread_self(), name_.c_str());
  std::unique_lock lock(mutex_);
  while (true) {
    if (!led_) {
      led_ = true;
      const std::uint64_t turn = ++turn_;
      --watchers_;
      lead(lock, turn);
      ++watchers_;
    }
    if (stopping_ && queue_.empty()) break;
    if (led_) watch(lock);
  }
  to_watch_.notify_all();
}

/// Returns when another leads, or when all is done.
void WaitingThreads::lead(std::unique_lock<std::mutex>& lock, std::uint64_t turn) {
  while (turn_ == turn) {
    Work* const work = queue_.pop();
    if (work == nullptr) {
      if (stopping_) {
        led_ = false;
        return;
      }
      leader_idle_ = true;
      to_lead_.wait(lock);
      leader_idle_ = false;
      continue;
    }
    ++begun_;
    if (!queue_.empty()) {
      if (watchers_ == 0) {
        add_watcher();
      } else {
        to_watch_.notify_one();
      }
    }
    lock.unlock();
    work->run();
    lock.lock();
  }
}

/// Takes the lead from one that stays in a work while more is to do.
void WaitingThreads::watch(std::unique_lock<std::mutex>& lock) {
  if (queue_.empty() || leader_idle_) {
    to_watch_.wait(lock);
    return;
  }
  const std::uint64_t begun = begun_;
  const auto goes_on = [&] { return begun_ != begun || queue_.empty() || !led_; };
  if (!to_watch_.wait_for(lock, kMoment, goes_on)) led_ = false;
}

}  // namespace fusereplay

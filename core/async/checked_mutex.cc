#include "core/async/checked_mutex.h"

#include <algorithm>

#include "core/async/owed_reply.h"
#include "core/check.h"

namespace fusereplay {

using internal::place_text;

std::string CheckedMutex::LockAwaiter::name_of(const OwedReply* reply) {
  return reply != nullptr ? reply->name() : "a task that owes no reply";
}

std::string LockOrder::held() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const Holding& one : holdings_) {
    text += one.mutex->name_ + ": held by " + one.task.name + ", locked at " + place_text(one.place) + "\n";
  }
  return text;
}

LockOrder::Id LockOrder::add(std::string_view name) {
  const std::lock_guard lock(mutex_);
  names_.emplace(++last_, name);
  return last_;
}

void LockOrder::remove(Id id) noexcept {
  const std::lock_guard lock(mutex_);
  FUSEREPLAY_CHECK(
      std::none_of(holdings_.begin(), holdings_.end(), [&](const Holding& one) { return one.mutex->id_ == id; }),
      "a mutex is destroyed while nobody holds it");
  names_.erase(id);
  taken_twice_.erase(id);
  std::erase_if(nestings_, [&](const auto& one) { return one.first.first == id || one.first.second == id; });
}

void LockOrder::before_lock(const CheckedMutex& mutex, const Task& task, internal::SourcePlace place) {
  std::vector<std::string> findings;
  {
    const std::lock_guard lock(mutex_);
    for (const Holding& held : holdings_) {
      if (held.task.identity != task.identity) continue;
      if (held.mutex == &mutex) {
        if (!taken_twice_.insert(mutex.id_).second) continue;
        findings.push_back(task.name + " locks " + mutex.name_ + " at " + place_text(place) +
                           ", which it holds since " + place_text(held.place) + ": it waits for itself for ever");
        continue;
      }
      const auto [nesting, is_new] =
          nestings_.try_emplace({held.mutex->id_, mutex.id_}, Nesting{.first = held.place, .second = place});
      if (!is_new) continue;
      if (std::string text = contradiction(held, mutex, place); !text.empty()) findings.push_back(std::move(text));
    }
  }
  for (const std::string& finding : findings) report_(finding);
}

void LockOrder::locked(const CheckedMutex& mutex, Task task, internal::SourcePlace place) {
  const std::lock_guard lock(mutex_);
  holdings_.push_back({&mutex, std::move(task), place});
}

void LockOrder::unlocked(const CheckedMutex& mutex) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(holdings_, [&](const Holding& one) { return one.mutex == &mutex; });
}

std::vector<LockOrder::Id> LockOrder::path(Id from, Id to) const {
  std::vector<std::vector<Id>> open{{from}};
  std::set<Id> seen{from};
  for (std::size_t next = 0; next < open.size(); ++next) {
    const Id at = open[next].back();
    for (auto one = nestings_.lower_bound({at, 0}); one != nestings_.end() && one->first.first == at; ++one) {
      const Id inner = one->first.second;
      if (!seen.insert(inner).second) continue;
      open.push_back(open[next]);
      open.back().push_back(inner);
      if (inner == to) return open.back();
    }
  }
  return {};
}

std::string LockOrder::contradiction(const Holding& held, const CheckedMutex& wanted,
                                     internal::SourcePlace place) const {
  const std::vector<Id> before = path(wanted.id_, held.mutex->id_);
  if (before.empty()) return {};
  std::string text = held.task.name + " locks " + wanted.name_ + " (" + place_text(place) + ") while it holds " +
                     held.mutex->name_ + " (" + place_text(held.place) + "), but";
  for (std::size_t i = 0; i + 1 < before.size(); ++i) {
    const Nesting& nesting = nestings_.at({before[i], before[i + 1]});
    text += (i == 0 ? " " : ", and ") + names_.at(before[i + 1]) + " was locked (" + place_text(nesting.second) +
            ") while " + names_.at(before[i]) + " was held (" + place_text(nesting.first) + ")";
  }
  return text + ": such tasks can wait for each other for ever";
}

}  // namespace fusereplay

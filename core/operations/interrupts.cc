#include "core/operations/interrupts.h"

#include <algorithm>

namespace fusereplay {

Interrupts::Watch::Watch(Interrupts& interrupts, std::uint64_t unique, AsyncEvent& wake)
    : interrupts_(interrupts), unique_(unique), wake_(wake) {
  const std::lock_guard lock(interrupts_.mutex_);
  interrupts_.watches_.emplace(unique_, this);
  auto& early = interrupts_.early_;
  interrupted_ = interrupts_.ended_ || std::find(early.begin(), early.end(), unique_) != early.end();
  if (interrupted_) wake_.set();
}

Interrupts::Watch::~Watch() {
  const std::lock_guard lock(interrupts_.mutex_);
  interrupts_.watches_.erase(unique_);
}

bool Interrupts::Watch::interrupted() const {
  const std::lock_guard lock(interrupts_.mutex_);
  return interrupted_;
}

void Interrupts::interrupt(std::uint64_t unique) {
  const std::lock_guard lock(mutex_);
  const auto watch = watches_.find(unique);
  if (watch == watches_.end()) {
    early_[next_early_++ % kEarly] = unique;
    return;
  }
  watch->second->interrupted_ = true;
  watch->second->wake_.set();
}

void Interrupts::interrupt_all() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (const auto& [unique, watch] : watches_) {
    watch->interrupted_ = true;
    watch->wake_.set();
  }
}

}  // namespace fusereplay

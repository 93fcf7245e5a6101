#include "simulator/kernel/page_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace fusereplay::kernel {

void Page::fill(Bytes data) noexcept {
  if (!data.empty()) std::memcpy(bytes.data(), data.data(), data.size());
  std::memset(bytes.data() + data.size(), 0, kPageSize - data.size());
}

template <typename Is>
std::optional<std::uint64_t> PageCache::find_page(std::uint64_t first, std::uint64_t last, const Is& is) const {
  for (auto page = pages_.lower_bound(first); page != pages_.end() && page->first <= last; ++page) {
    if (is(page->second)) return page->first;
  }
  return std::nullopt;
}

bool PageCache::is_locked(std::uint64_t first, std::uint64_t last) const noexcept {
  return find_page(first, last, [](const Page& page) { return page.locked; }).has_value();
}

bool PageCache::is_busy(std::uint64_t first, std::uint64_t last) const noexcept {
  return find_page(first, last, [](const Page& page) { return page.locked || page.writeback; }).has_value();
}

bool PageCache::is_written_back(std::uint64_t first, std::uint64_t last) const noexcept {
  return find_page(first, last, [](const Page& page) { return page.writeback; }).has_value();
}

std::optional<std::uint64_t> PageCache::next_dirty(std::uint64_t first, std::uint64_t last) const noexcept {
  if (dirty_ == 0) return std::nullopt;
  return find_page(first, last, [](const Page& page) { return page.dirty; });
}

void PageCache::drop(std::uint64_t first, std::uint64_t last) {
  for (auto page = pages_.lower_bound(first); page != pages_.end() && page->first <= last;) {
    if (page->second.locked || page->second.writeback) {
      ++page;
      continue;
    }
    clear_dirty(page->second);
    page = pages_.erase(page);
  }
}

void PageCache::truncate(std::uint64_t size) {
  if (pages_.empty()) return;
  const std::uint64_t rest = size % kPageSize;
  drop((size + kPageSize - 1) / kPageSize, UINT64_MAX);
  if (Page* last = rest == 0 ? nullptr : find(size / kPageSize)) {
    std::memset(last->bytes.data() + rest, 0, kPageSize - rest);
  }
}

void PageCache::punch(std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t first = (begin + kPageSize - 1) / kPageSize;
  const std::uint64_t last = end / kPageSize;
  if (first < last) drop(first, last - 1);
  for (const std::uint64_t index : {begin / kPageSize, end / kPageSize}) {
    Page* const page = find(index);
    if (page == nullptr) continue;
    const std::uint64_t from = std::max(begin, index * kPageSize) - index * kPageSize;
    const std::uint64_t to = std::min(end, (index + 1) * kPageSize) - index * kPageSize;
    if (from < to) std::memset(page->bytes.data() + from, 0, to - from);
  }
}

namespace {

// mm/readahead.c get_init_ra_size.
std::uint64_t initial_size(std::uint64_t count, std::uint64_t max) noexcept {
  const std::uint64_t size = std::bit_ceil(count);
  if (size <= max / 32) return size * 4;
  if (size <= max / 4) return size * 2;
  return max;
}

}  // namespace

// mm/readahead.c get_next_ra_size.
std::uint64_t ReadaheadState::next_size(std::uint64_t max) const noexcept {
  if (window_.size < max / 16) return window_.size * 4;
  if (window_.size <= max / 2) return window_.size * 2;
  return max;
}

ReadaheadWindow ReadaheadState::on_miss(PageCache& pages, std::uint64_t index, std::uint64_t count, std::uint64_t max) {
  const std::uint64_t previous = previous_ / kPageSize;
  if (index == 0 || count > max || index - previous <= 1) {
    window_.start = index;
    window_.size = initial_size(count, max);
    window_.async_size = window_.size > count ? window_.size - count : window_.size >> 1;
    return window_;
  }
  // page_cache_prev_miss: how much lies cached right before.
  std::uint64_t cached = 0;
  while (cached < index && cached < max && pages.find(index - 1 - cached) != nullptr) ++cached;
  if (cached <= count) return {.start = index, .size = count, .async_size = 0};  // a random read; nothing is learnt
  window_.start = index;
  window_.size = std::min((cached == index ? 2 * cached : cached) + count, max);
  window_.async_size = 1;
  return window_;
}

std::optional<ReadaheadWindow> ReadaheadState::on_fault(std::uint64_t index, std::uint64_t max) noexcept {
  constexpr std::uint32_t kLotsOfMisses = 100;
  misses_ += misses_ < kLotsOfMisses * 10 ? 1 : 0;
  if (misses_ > kLotsOfMisses) return std::nullopt;
  window_ = {.start = index > max / 2 ? index - max / 2 : 0, .size = max, .async_size = max / 4};
  return window_;
}

ReadaheadWindow ReadaheadState::on_marked(PageCache& pages, std::uint64_t index, std::uint64_t count, std::uint64_t max,
                                          std::uint64_t alignment) {
  if (index == window_.start + window_.size - window_.async_size) {
    window_.start += window_.size;
    window_.size = std::max(window_.size, next_size(max));
  } else {
    // page_cache_next_miss: a mark that is not ours.
    std::uint64_t next = index + 1;
    while (next - index <= max && pages.find(next) != nullptr) ++next;
    if (next - index > max) return {};
    window_.start = next;
    window_.size = next - index + count;
    window_.size = next_size(max);
  }
  const std::uint64_t end = window_.start + window_.size;
  const std::uint64_t aligned = end - end % std::min(alignment, max & -max);
  if (aligned > window_.start) window_.size = aligned - window_.start;
  window_.async_size = window_.size;
  return window_;
}

}  // namespace fusereplay::kernel

// Which nodeids and handles a request names beside its header, read from the field tables.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "core/event/conversation.h"
#include "core/flat_map.h"

namespace fusereplay {

/// Knows for each opcode where its structs hold ids.
class RequestIds {
 public:
  RequestIds() noexcept : places_(all_places()) {}

  /// Calls visit(nodeid) for each nodeid in the body: newdir, oldnodeid, nodeid_out. `request.known` must hold.
  template <class Visit>
  void for_each_nodeid(const RequestContext& request, Visit&& visit) const {
    const Places* places = places_of(request.opcode);
    if (places == nullptr || places->nodeid == kNowhere) return;
    visit(load(request.view.fixed_bytes(), places->nodeid));
  }

  /// Calls visit(IdPair{nodeid, fh}) for each handle that the request really names: flags that say there is none are
  /// minded. `request.known` must hold.
  template <class Visit>
  void for_each_handle(const RequestContext& request, Visit&& visit) const {
    const Places* places = places_of(request.opcode);
    if (places == nullptr || places->fh[0] == kNowhere) return;
    const Bytes fixed = request.view.fixed_bytes();
    if (places->flag != 0 && (static_cast<std::uint32_t>(load(fixed, 0)) & places->flag) == 0) return;
    visit(IdPair{request.view.nodeid(), load(fixed, places->fh[0])});
    // The second handle of COPY_FILE_RANGE belongs to the second nodeid.
    if (places->fh[1] != kNowhere) visit(IdPair{load(fixed, places->nodeid), load(fixed, places->fh[1])});
  }

 private:
  static constexpr std::uint16_t kNowhere = 0xffff;
  struct Places {
    std::uint16_t nodeid = kNowhere;  // offset in fixed_bytes()
    std::array<std::uint16_t, 2> fh = {kNowhere, kNowhere};
    std::uint32_t flag = 0;  // when not 0: a bit of the u32 at offset 0 without which fh is void
  };

  const Places* places_of(Opcode opcode) const noexcept {
    const auto number = static_cast<std::size_t>(opcode);
    return number < places_.size() ? &places_[number] : nullptr;
  }
  using AllPlaces = std::array<Places, 64>;
  /// By opcode; computed once in a process.
  static const AllPlaces& all_places() noexcept;
  static AllPlaces find_places() noexcept;
  static std::uint64_t load(Bytes bytes, std::size_t offset) noexcept {
    std::uint64_t value = 0;
    if (offset + sizeof(value) <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof(value));
    return value;
  }

  const AllPlaces& places_;
};

}  // namespace fusereplay

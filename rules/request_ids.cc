#include "rules/request_ids.h"

#include "core/protocol/flags.h"
#include "core/protocol/layout.h"

namespace fusereplay {

const RequestIds::AllPlaces& RequestIds::all_places() noexcept {
  static const AllPlaces all = find_places();
  return all;
}

RequestIds::AllPlaces RequestIds::find_places() noexcept {
  AllPlaces all;
  for (const Opcode opcode : all_opcodes()) {
    const MessageLayout* layout = request_layout(opcode);
    const auto number = static_cast<std::size_t>(opcode);
    // SETUPMAPPING's fh is always -1: it maps by nodeid.
    if (layout == nullptr || number >= all.size() || opcode == Opcode::kSetupmapping) continue;
    Places& places = all[number];
    std::size_t handles = 0;
    std::size_t start = 0;
    for (const StructId id : layout->structs) {
      const StructInfo& info = struct_info(id);
      for (const Field& field : info.fields) {
        const auto offset = static_cast<std::uint16_t>(start + field.offset);
        if (field.role == FieldRole::kNodeId) places.nodeid = offset;
        if (field.role == FieldRole::kFileHandle && handles < places.fh.size()) places.fh[handles++] = offset;
      }
      start += info.size;
    }
  }
  const auto flag = [&](Opcode opcode, std::uint32_t bit) { all[static_cast<std::size_t>(opcode)].flag = bit; };
  flag(Opcode::kGetattr, kGetattrFh);
  flag(Opcode::kStatx, kGetattrFh);
  flag(Opcode::kSetattr, kSetattrFh);
  return all;
}

}  // namespace fusereplay

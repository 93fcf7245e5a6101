#include "rules/request_ids.h"

#include <cstring>

#include "core/protocol/flags.h"
#include "core/protocol/layout.h"

namespace fusereplay {

RequestIds::RequestIds() {
  for (const Opcode opcode : all_opcodes()) {
    const MessageLayout* layout = request_layout(opcode);
    const auto number = static_cast<std::size_t>(opcode);
    // SETUPMAPPING's fh is always -1: it maps by nodeid.
    if (layout == nullptr || number >= places_.size() || opcode == Opcode::kSetupmapping) continue;
    Places& places = places_[number];
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
  const auto flag = [this](Opcode opcode, std::uint32_t bit) { places_[static_cast<std::size_t>(opcode)].flag = bit; };
  flag(Opcode::kGetattr, kGetattrFh);
  flag(Opcode::kStatx, kGetattrFh);
  flag(Opcode::kSetattr, kSetattrFh);
}

std::uint64_t RequestIds::load(Bytes bytes, std::size_t offset) noexcept {
  std::uint64_t value = 0;
  if (offset + sizeof(value) <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

}  // namespace fusereplay

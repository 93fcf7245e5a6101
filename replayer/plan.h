// The field table turned into what rewriting and comparing do with each wire struct. Made once.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/protocol/fields.h"
#include "core/protocol/layout.h"
#include "core/protocol/opcode.h"

namespace fusereplay {

/// What CompareProfile::kPortable makes of a field.
enum class Portable : std::uint8_t {
  kCompared,
  kChosen,            // each implementation's own affair
  kUnlessDirectory,   // compared for anything but a directory
  kWhereSetByCaller,  // compared while it is the instant that a SETATTR gave
};

/// A field that needs care, or a run of plain bytes.
struct PlanField {
  const Field* field = nullptr;
  bool attribute = false;        // of a node: what a concurrent request may have changed
  bool child_attribute = false;  // of these, what a removal of a name changes
  Portable portable = Portable::kCompared;
};

struct StructPlan {
  struct Run {
    std::uint16_t offset;
    std::uint16_t size;
  };
  std::uint16_t size = 0;
  const Field* mode = nullptr;      // where the struct says of which type the node is
  std::vector<Run> plain;           // what is compared as bytes first: no ids, no padding
  std::vector<PlanField> compared;  // the fields of `plain`, for when they differ
  std::vector<PlanField> ids;       // nodeids, generations, handles, cookies, inode numbers, in order
};

/// One id in a request's structs.
struct RequestId {
  const Field* field = nullptr;
  std::uint16_t offset = 0;        // from the start of the structs
  std::int16_t owner_offset = -1;  // of a handle: where the nodeid it belongs to is; -1: in the header
  FieldRole role{};
};

struct RequestPlan {
  const MessageLayout* layout = nullptr;  // null: not in 7.45
  std::vector<RequestId> ids;
};

class Plans {
 public:
  /// The process's one set: constants, computed at first use.
  static const Plans& get();

  const StructPlan& of(StructId id) const noexcept { return structs_[static_cast<std::size_t>(id)]; }
  /// layout and ids; empty for an unknown opcode.
  const RequestPlan& request(Opcode opcode, const Negotiated& negotiated) const noexcept;

 private:
  Plans();
  static constexpr std::size_t kOpcodes = 64;
  std::array<StructPlan, kStructCount> structs_;
  std::array<RequestPlan, kOpcodes> requests_;
  RequestPlan setxattr_compat_;
  RequestPlan cuse_init_;
  RequestPlan unknown_;
};

}  // namespace fusereplay

#include "replayer/plan.h"

namespace fusereplay {
namespace {

bool is_id(FieldRole role) noexcept {
  switch (role) {
    case FieldRole::kNodeId:
    case FieldRole::kGeneration:
    case FieldRole::kFileHandle:
    case FieldRole::kCookie:
    case FieldRole::kIno:
      return true;
    default:
      return false;
  }
}

bool names_attribute(std::string_view name) noexcept {
  if (!name.starts_with("attr.") && !name.starts_with("stat.")) return false;
  const std::string_view attribute = name.substr(5);
  // What an inode is born with stays: these differ for no concurrent request's sake.
  return attribute != "rdev" && attribute != "rdev_major" && attribute != "rdev_minor" && attribute != "dev_major" &&
         attribute != "dev_minor" && attribute != "blksize" && attribute != "mask" && attribute != "attributes_mask";
}

bool names_child_attribute(std::string_view name) noexcept {
  const std::string_view attribute = name.substr(5);
  return attribute == "nlink" || attribute.starts_with("ctime");
}

/// Structs of which nothing is compared but that they came: settings, totals, layout on a medium.
bool all_chosen(StructId id) noexcept {
  switch (id) {
    case StructId::kInitOut:
    case StructId::kCuseInitOut:
    case StructId::kKstatfs:
    case StructId::kOpenOut:
    case StructId::kBmapOut:
    case StructId::kLseekOut:
      return true;
    default:
      return false;
  }
}

Portable portable(StructId id, const Field& field) noexcept {
  const bool attribute = field.name.starts_with("attr.") || field.name.starts_with("stat.");
  const std::string_view name = attribute ? field.name.substr(5) : field.name;
  switch (field.role) {
    case FieldRole::kTimeout:
    case FieldRole::kTimeoutNsec:
    case FieldRole::kUsage:
      return Portable::kChosen;
    case FieldRole::kTime:
    case FieldRole::kTimeNsec:
      return name.starts_with("mtime") ? Portable::kWhereSetByCaller : Portable::kChosen;
    default:
      break;
  }
  if (all_chosen(id)) return Portable::kChosen;
  if (id == StructId::kStatxOut && !attribute) return Portable::kChosen;
  if (!attribute) return Portable::kCompared;
  if (name == "size" || name == "nlink") return Portable::kUnlessDirectory;
  const bool compared = name == "mode" || name == "uid" || name == "gid" || name.starts_with("rdev");
  return compared ? Portable::kCompared : Portable::kChosen;
}

PlanField plan_field(StructId id, const Field& field) noexcept {
  PlanField planned;
  planned.portable = portable(id, field);
  planned.field = &field;
  planned.attribute = !is_id(field.role) && names_attribute(field.name);
  planned.child_attribute = planned.attribute && names_child_attribute(field.name);
  return planned;
}

StructPlan plan_struct(const StructInfo& info) {
  StructPlan plan;
  plan.size = static_cast<std::uint16_t>(info.size);
  for (const Field& field : info.fields) {
    if (field.role == FieldRole::kPadding) continue;
    if (field.name == "attr.mode" || field.name == "stat.mode") plan.mode = &field;
    if (is_id(field.role)) {
      plan.ids.push_back(plan_field(info.id, field));
      continue;
    }
    plan.compared.push_back(plan_field(info.id, field));
    if (!plan.plain.empty() && plan.plain.back().offset + plan.plain.back().size == field.offset) {
      plan.plain.back().size = static_cast<std::uint16_t>(plan.plain.back().size + field.width);
    } else {
      plan.plain.push_back({field.offset, field.width});
    }
  }
  return plan;
}

RequestPlan plan_request(Opcode opcode, const MessageLayout* layout) {
  RequestPlan plan;
  plan.layout = layout;
  if (layout == nullptr) return plan;
  const bool lists = opcode == Opcode::kReaddir || opcode == Opcode::kReaddirplus;
  std::size_t base = 0;
  for (const StructId id : layout->structs) {
    std::int16_t owner = -1;
    for (const Field& field : struct_info(id).fields) {
      // READ's struct serves the listings too, where its offset is a cookie (reference section 6).
      const FieldRole role = lists && field.role == FieldRole::kOffset ? FieldRole::kCookie : field.role;
      if (!is_id(role)) continue;
      const auto offset = static_cast<std::uint16_t>(base + field.offset);
      // A handle belongs to the nodeid that stands before it: CopyFileRangeIn.fh_out to nodeid_out.
      plan.ids.push_back({&field, offset, role == FieldRole::kFileHandle ? owner : std::int16_t{-1}, role});
      if (role == FieldRole::kNodeId) owner = static_cast<std::int16_t>(offset);
    }
    base += struct_info(id).size;
  }
  return plan;
}

}  // namespace

Plans::Plans() {
  for (std::size_t id = 1; id < kStructCount; ++id) {
    structs_[id] = plan_struct(struct_info(static_cast<StructId>(id)));
  }
  for (std::size_t number = 0; number < kOpcodes; ++number) {
    const auto opcode = static_cast<Opcode>(number);
    requests_[number] = plan_request(opcode, request_layout(opcode));
  }
  Negotiated compat;
  compat.setxattr_ext = false;
  setxattr_compat_ = plan_request(Opcode::kSetxattr, request_layout(Opcode::kSetxattr, compat));
  cuse_init_ = plan_request(Opcode::kCuseInit, request_layout(Opcode::kCuseInit));
}

const Plans& Plans::get() {
  static const Plans plans;
  return plans;
}

const RequestPlan& Plans::request(Opcode opcode, const Negotiated& negotiated) const noexcept {
  const auto number = static_cast<std::size_t>(opcode);
  if (opcode == Opcode::kSetxattr && !negotiated.setxattr_ext) return setxattr_compat_;
  if (number < kOpcodes) return requests_[number];
  return opcode == Opcode::kCuseInit ? cuse_init_ : unknown_;
}

}  // namespace fusereplay

#include "tests/simulator/request_log.h"

#include <chrono>

#include "core/protocol/view.h"
#include "tests/simulator/script.h"

namespace fusereplay::testing {
namespace {

bool is_compared(FieldRole role) noexcept {
  switch (role) {
    case FieldRole::kUnique:
    case FieldRole::kTime:
    case FieldRole::kTimeNsec:
    case FieldRole::kPid:
    case FieldRole::kLockOwner:
    case FieldRole::kKernelHandle:
    case FieldRole::kPadding:
      return false;
    default:
      return true;
  }
}

std::string describe_request(const RequestView& request) {
  const wire::InHeader& header = request.header();
  std::string line = std::string(opcode_name(request.opcode())) + " node=" + std::to_string(header.nodeid) +
                     " uid=" + std::to_string(header.uid) + " gid=" + std::to_string(header.gid);
  const std::byte* at = request.fixed_bytes().data();
  for (const StructId id : request.layout().structs) {
    if (id == StructId::kNone) continue;
    for (const Field& field : struct_info(id).fields) {
      if (!is_compared(field.role) || field.type == FieldType::kBytes) continue;
      const bool address =
          request.opcode() == Opcode::kIoctl && field.name == "arg" && read_field(at, field) > UINT32_MAX;
      if (address) continue;
      char value[32];
      std::snprintf(value, sizeof(value), "%llx", static_cast<unsigned long long>(read_field(at, field)));
      line += " " + std::string(field.name) + "=" + value;
    }
    at += struct_info(id).size;
  }
  for (std::size_t i = 0; i < request.layout().names; ++i) line += " '" + std::string(request.name(i)) + "'";
  if (!request.tail().empty()) {
    line += " " + describe_data({reinterpret_cast<const char*>(request.tail().data()), request.tail().size()});
  }
  return line;
}

}  // namespace

void RequestLog::on_event(const Event& event) {
  if (event.kind != EventKind::kRequest) return;
  const auto request = RequestView::parse(event.message);
  const std::lock_guard lock(mutex_);
  if (!request) {
    lines_.push_back("unreadable: " + std::string(describe(request.error())));
    return;
  }
  switch (request->opcode()) {
    case Opcode::kInit:
    case Opcode::kInterrupt:
      return;
    case Opcode::kForget:
      forgotten_[request->nodeid()] += request->fixed<wire::ForgetIn>().nlookup;
      break;
    case Opcode::kBatchForget: {
      ForgetReader reader(request->tail());
      while (const auto one = reader.next()) forgotten_[one->nodeid] += one->nlookup;
      break;
    }
    default:
      lines_.push_back(describe_request(*request));
  }
  changed_.notify_all();
}

std::vector<std::string> RequestLog::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

std::map<std::uint64_t, std::uint64_t> RequestLog::forgotten() const {
  const std::lock_guard lock(mutex_);
  return forgotten_;
}

void RequestLog::wait_for_forgets(const std::map<std::uint64_t, std::uint64_t>& wanted) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(3), [&] { return forgotten_ == wanted; });
}

}  // namespace fusereplay::testing

#include "replayer/request_traits.h"

#include <fcntl.h>

#include <cstring>

#include "core/protocol/flags.h"
#include "core/protocol/wire.h"

namespace fusereplay {
namespace {

template <class Struct>
Struct read(Bytes fixed) noexcept {
  Struct value{};
  if (fixed.size() >= sizeof(value)) std::memcpy(static_cast<void*>(&value), fixed.data(), sizeof(value));
  return value;
}

RequestTraits lock_traits(const wire::LkIn& lock) noexcept {
  return {DeliveryKind::kChanging, lock.lk.type == F_UNLCK ? kFreesLock : kNoEffect};
}

}  // namespace

RequestTraits request_traits(Opcode opcode, Bytes fixed) noexcept {
  using D = DeliveryKind;
  const auto changes = [](unsigned effects) { return RequestTraits{D::kChanging, std::uint8_t(effects)}; };
  switch (opcode) {
    case Opcode::kLookup:
    case Opcode::kGetattr:
    case Opcode::kStatx:
    case Opcode::kReadlink:
    case Opcode::kStatfs:
    case Opcode::kGetxattr:
    case Opcode::kListxattr:
    case Opcode::kAccess:
    case Opcode::kGetlk:
    case Opcode::kLseek:
    case Opcode::kBmap:
    case Opcode::kPoll:
    case Opcode::kOpendir:
      return {D::kTried, kNoEffect};
    case Opcode::kRead:
    case Opcode::kReaddir:
    case Opcode::kReaddirplus:
      return {D::kTried, kAccessTime};
    case Opcode::kOpen:
      // A refused reply closes the handle, but does not bring back what O_TRUNC took.
      if ((read<wire::OpenIn>(fixed).flags & O_TRUNC) != 0) return changes(kAttributes | kUsageTotals);
      return {D::kTried, kNoEffect};
    case Opcode::kForget:
    case Opcode::kBatchForget:
      return {D::kImmediate, kUsageTotals};
    case Opcode::kInterrupt:
    case Opcode::kNotifyReply:
      return {D::kImmediate, kNoEffect};
    case Opcode::kSetattr:
    case Opcode::kSetxattr:
    case Opcode::kRemovexattr:
    case Opcode::kWrite:
    case Opcode::kFallocate:
    case Opcode::kCopyFileRange:
    case Opcode::kCopyFileRange64:
    case Opcode::kIoctl:
    case Opcode::kCreate:
    case Opcode::kMknod:
    case Opcode::kMkdir:
    case Opcode::kSymlink:
    case Opcode::kLink:
    case Opcode::kTmpfile:
      return changes(kAttributes | kUsageTotals);
    case Opcode::kUnlink:
    case Opcode::kRmdir:
    case Opcode::kRename:
    case Opcode::kRename2:
      return changes(kAttributes | kChildAttributes | kUsageTotals | kRemovesName);
    case Opcode::kRelease:
      return changes(kUsageTotals | kFreesLock);
    case Opcode::kFlush:
      return changes(kFreesLock);
    case Opcode::kSetlk:
    case Opcode::kSetlkw:
      return lock_traits(read<wire::LkIn>(fixed));
    default:
      return changes(kNoEffect);
  }
}

}  // namespace fusereplay

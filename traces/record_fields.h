// Field numbers of Record, DirectoryEntry and DataPiece (traces/trace.proto; a test compares them). Private to traces/.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/protocol/opcode.h"

namespace fusereplay::record {

inline constexpr std::uint32_t kKind = 1;
inline constexpr std::uint32_t kOpcode = 2;
inline constexpr std::uint32_t kSequenceDelta = 3;
inline constexpr std::uint32_t kBeginDelta = 4;
inline constexpr std::uint32_t kDuration = 5;
inline constexpr std::uint32_t kUniqueDelta = 6;
inline constexpr std::uint32_t kNodeId = 7;
inline constexpr std::uint32_t kThread = 8;
inline constexpr std::uint32_t kChannel = 9;
inline constexpr std::uint32_t kUid = 10;
inline constexpr std::uint32_t kGid = 11;
inline constexpr std::uint32_t kPid = 12;
inline constexpr std::uint32_t kError = 13;
inline constexpr std::uint32_t kNames = 14;
inline constexpr std::uint32_t kData = 15;
inline constexpr std::uint32_t kResult = 16;
inline constexpr std::uint32_t kNotifyCode = 17;
inline constexpr std::uint32_t kAsksSize = 18;
inline constexpr std::uint32_t kExtensions = 19;
inline constexpr std::uint32_t kMark = 20;
inline constexpr std::uint32_t kHeaderPadding = 21;
inline constexpr std::uint32_t kFixedSize = 22;
inline constexpr std::uint32_t kRaw = 23;
inline constexpr std::uint32_t kEntries = 24;
inline constexpr std::uint32_t kNodeIds = 25;
inline constexpr std::uint32_t kPieces = 26;
inline constexpr std::uint32_t kDataSize = 27;
inline constexpr std::uint32_t kDataPhase = 28;
inline constexpr std::uint32_t kDataHashes = 29;

inline constexpr std::uint32_t kEntryName = 1;
inline constexpr std::uint32_t kEntryDirent = 2;
inline constexpr std::uint32_t kEntryEntry = 3;

inline constexpr std::uint32_t kPieceBytes = 1;
inline constexpr std::uint32_t kPieceBack = 2;
inline constexpr std::uint32_t kPieceAt = 3;
inline constexpr std::uint32_t kPieceSize = 4;

/// Whether name number `index` of a request is one of a directory entry: not the target of a SYMLINK, not the name of
/// an extended attribute. These may hold '/'.
constexpr bool is_entry_name(Opcode opcode, std::size_t index) noexcept {
  switch (opcode) {
    case Opcode::kSetxattr:
    case Opcode::kGetxattr:
    case Opcode::kRemovexattr:
      return false;
    case Opcode::kSymlink:
      return index == 0;
    default:
      return true;
  }
}

/// Whether a record may hold this name (contract, section 5). Notifications: opcode 0.
inline bool acceptable_name(Opcode opcode, std::size_t index, std::string_view name) noexcept {
  if (name.find('\0') != std::string_view::npos) return false;
  if (!is_entry_name(opcode, index)) return true;
  return name.find('/') == std::string_view::npos || (opcode == Opcode::kTmpfile && name == "/");
}

}  // namespace fusereplay::record

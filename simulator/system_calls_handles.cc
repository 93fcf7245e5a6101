// File handles (fs/fhandle.c).
#include <unistd.h>

#include <array>
#include <cstring>

#include "simulator/call.h"

namespace fusereplay {
namespace {

constexpr int kHandleFid = 0x200;         // AT_HANDLE_FID, which the C library's headers lack
constexpr std::uint32_t kFidMinor = 39;   // from which on it is known: Linux 6.5
constexpr std::size_t kMostHandle = 128;  // MAX_HANDLE_SZ
constexpr std::int32_t kWithoutParent = 0x81;
constexpr std::int32_t kWithParent = 0x82;

using Words = std::array<std::uint32_t, 3>;  // nodeid high and low, generation

}  // namespace

// do_sys_name_to_handle, fuse_encode_fh.
Result<ExportedHandle> SystemCalls::encode(kernel::Inode& inode, int flags, std::size_t size) {
  const bool decodable = (flags & kHandleFid) == 0;
  if (decodable && kernel_.filesystem.connection().has(kInitNoExportSupport)) return Errno(EOPNOTSUPP);
  if (size > kMostHandle) return Errno(EINVAL);
  const Words words = {static_cast<std::uint32_t>(inode.nodeid >> 32), static_cast<std::uint32_t>(inode.nodeid),
                       static_cast<std::uint32_t>(inode.generation)};
  if (size < sizeof(words)) return Errno(EOVERFLOW);
  ExportedHandle handle{.type = kWithoutParent, .bytes = std::string(sizeof(words), '\0')};
  std::memcpy(handle.bytes.data(), words.data(), sizeof(words));
  return handle;
}

Outcome<ExportedHandle> SystemCalls::name_to_handle_at(std::string_view path, int flags, std::size_t size) {
  const int known = AT_SYMLINK_FOLLOW | (kernel_.filesystem.profile().minor >= kFidMinor ? kHandleFid : 0);
  if ((flags & ~known) != 0) return Errno(EINVAL);
  const kernel::Follow follow = (flags & AT_SYMLINK_FOLLOW) != 0 ? kernel::Follow::kYes : kernel::Follow::kNo;
  return call_on(Named{path, follow}, [&](kernel::Inode& inode) { return encode(inode, flags, size); });
}

Outcome<ExportedHandle> SystemCalls::name_to_handle_at(Fd fd) {
  return call_on(Opened{fd, Access::kPathOnly}, [&](kernel::Inode& inode) { return encode(inode, 0, kMostHandle); });
}

// do_handle_open.
Outcome<Fd> SystemCalls::open_by_handle_at(const ExportedHandle& handle, int flags) {
  return call([&]() -> Result<Fd> {
    constexpr int kLargeFile = 0100000;
    if (!process_.capable()) return Errno(EPERM);
    if (handle.bytes.empty() || handle.bytes.size() > kMostHandle || handle.type < 0) return Errno(EINVAL);
    Words words;
    const bool ours = handle.type == kWithoutParent || handle.type == kWithParent;
    if (!ours || handle.bytes.size() < sizeof(words)) return Errno(ESTALE);
    std::memcpy(words.data(), handle.bytes.data(), sizeof(words));
    std::vector<File> listings;  // are closed as the call returns (____fput)
    const Result<kernel::DentryRef> found =
        kernel_.walk.find_handle((std::uint64_t{words[0]} << 32) | words[1], words[2], process_, listings);
    Result<File> file = found ? kernel_.walk.open_root(*found, flags | kLargeFile, process_) : found.error();
    for (auto listing = listings.rbegin(); listing != listings.rend(); ++listing) {
      kernel_.filesystem.release(**listing, process_);
    }
    if (!file) return file.error();
    return install(std::move(*file));
  });
}

}  // namespace fusereplay

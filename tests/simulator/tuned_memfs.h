// memfs with less of what it has, or with other flags: so that scripts reach what the kernel does about that.
#pragma once

#include <string>
#include <string_view>

#include "examples/memfs/memfs.h"

namespace fusereplay::testing {

/// What is in brackets on a script's first line: "[uncached][without:create,flush][open:direct_io][want:dont_mask]".
struct Tuning {
  explicit Tuning(std::string_view script);

  bool lacks(std::string_view operation) const { return has(without, operation); }
  static bool has(std::string_view list, std::string_view word);

  MemfsOptions options;
  bool default_permissions = false;
  bool answers_access = false;  // refuses to write
  std::string without;          // operations answered with ENOSYS
  std::uint32_t fopen = 0;      // kFopen... of every open
  std::uint64_t wanted = 0;     // kInit... beyond memfs's own
  std::uint64_t refused = 0;
};

class TunedMemfs final : public Memfs {
 public:
  explicit TunedMemfs(const Tuning& tuning) : Memfs(tuning.options), tuning_(tuning) {}

  Async<void> init(Connection& connection) override;
  Async<StatxReply> statx(const Request& request, NodeId node, const StatxRequest& wanted) override;
  Async<void> access(const Request& request, NodeId node, std::uint32_t mask) override;
  Async<Opened> open(const Request& request, NodeId node, std::uint32_t flags) override;
  Async<Created> create(const Request& request, NodeId parent, std::string_view name, const Creation& creation,
                        std::uint32_t flags) override;
  Async<Created> tmpfile(const Request& request, NodeId parent, const Creation& creation, std::uint32_t flags) override;
  Async<Opened> opendir(const Request& request, NodeId node, std::uint32_t flags) override;
  Async<void> flush(const Request& request, NodeId node, FileHandle handle, LockOwner owner) override;
  Async<void> fsync(const Request& request, NodeId node, FileHandle handle, SyncKind kind) override;
  Async<void> fsyncdir(const Request& request, NodeId node, FileHandle handle, SyncKind kind) override;
  Async<void> rename(const Request& request, NodeId parent, std::string_view name, NodeId new_parent,
                     std::string_view new_name, std::uint32_t flags) override;
  Async<Entry> link(const Request& request, NodeId node, NodeId new_parent, std::string_view new_name) override;
  Async<Entry> lookup(const Request& request, NodeId parent, std::string_view name) override;
  Async<void> setxattr(const Request& request, NodeId node, std::string_view name, const SetXattr& attribute) override;
  Async<void> getxattr(const Request& request, NodeId node, std::string_view name, XattrWriter& out) override;
  Async<void> listxattr(const Request& request, NodeId node, XattrListWriter& out) override;
  Async<void> removexattr(const Request& request, NodeId node, std::string_view name) override;
  Async<void> fallocate(const Request& request, NodeId node, FileHandle handle, Offset offset, std::uint64_t length,
                        std::uint32_t mode) override;
  Async<Offset> lseek(const Request& request, NodeId node, FileHandle handle, Offset offset,
                      std::uint32_t whence) override;
  Async<std::uint64_t> copy_file_range(const Request& request, const CopyRange& range) override;

 private:
  Tuning tuning_;
};

}  // namespace fusereplay::testing

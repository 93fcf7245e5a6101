// Every rule the checks enforce, as data: its number, what it says, what a kernel does about a break, and where.
// docs/kernel-contract.md has one heading for each of these rows and no other (tests/rules/contract_test.cc).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fusereplay {

/// Rules that are enforced. K: the client's side (a break means a broken capture or client); R: the server's replies.
enum class RuleId : std::uint8_t {
  kK1,
  kK2,
  kK3,
  kK4,
  kK5,
  kK6,
  kK7,
  kK9,
  kK10,
  kK11,
  kK12,
  kK15,
  kK19,
  kR1,
  kR2,
  kR3,
  kR4,
  kR5,
  kR6,
  kR7,
  kR8,
  kR9,
  kR11,
  kR12,
  kR13,
  kR14,
  kR15,
  kR17,
  kR18,
  kR20,
};
inline constexpr std::size_t kRuleCount = 30;

/// How bad a break is, told by what the kernel does; worse ones have higher values.
enum class Severity : std::uint8_t {
  kTolerated,      // the kernel takes no notice, or repairs it
  kReplyDropped,   // write(2) fails; nobody but the server learns of it
  kErrorToCaller,  // the caller gets an error it should not get
  kLeak,           // the caller gets an error, and the server keeps a count or handle that nobody will give back
  kSilentDamage,   // no error, but data, entries or coherence are lost
  kInodeBad,       // every later operation on the inode fails
  kCallerHangs,    // the caller waits until the connection is aborted
  kMountDead,      // the whole mount fails
  kImpossible,     // no kernel sends this: the capture or the client is broken
};
/// "the caller hangs".
std::string_view describe(Severity severity) noexcept;

struct RuleInfo {
  RuleId id;
  std::string_view number;  // "K6"
  std::string_view title;
  Severity severity;
  std::string_view kernel;  // what a kernel does about a break: one clause
  std::string_view source;  // the kernel function that says so
};

// Clauses shared by the K rules.
inline constexpr std::string_view kNoKernelSends = "no kernel sends this: the capture or the client is broken";

// clang-format off
inline constexpr std::array<RuleInfo, kRuleCount> kRules = {{
    {RuleId::kK1, "K1", "INIT comes first, and nothing else before its reply", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/dev.c fuse_block_alloc"},
    {RuleId::kK2, "K2", "Uniques are even and ascend", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/dev.c fuse_get_unique"},
    {RuleId::kK3, "K3", "An INTERRUPT names its target", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/dev.c fuse_read_interrupt"},
    {RuleId::kK4, "K4", "A request names an inode with a lookup count", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/inode.c fuse_iget"},
    {RuleId::kK5, "K5", "So does every other nodeid in a request", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/inode.c fuse_iget"},
    {RuleId::kK6, "K6", "FORGET takes back no more than was given", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/inode.c fuse_evict_inode"},
    {RuleId::kK7, "K7", "No inode is forgotten while a request on it is outstanding", Severity::kImpossible,
     kNoKernelSends, "fs/fuse/inode.c fuse_evict_inode, fs/fuse/file.c fuse_prepare_release"},
    {RuleId::kK9, "K9", "A task has one synchronous request outstanding", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/dev.c request_wait_answer"},
    {RuleId::kK10, "K10", "A handle is used only while it is open", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/file.c fuse_file_put"},
    {RuleId::kK11, "K11", "A handle is released once", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/file.c fuse_file_put"},
    {RuleId::kK12, "K12", "Every FLUSH is answered before the last RELEASE", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/file.c fuse_flush, fs/open.c filp_flush"},
    {RuleId::kK15, "K15", "Sizes and names keep the limits", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/dir.c fuse_lookup_name, fs/fuse/file.c fuse_perform_write"},
    {RuleId::kK19, "K19", "RENAME2 has flags it knows", Severity::kImpossible, kNoKernelSends,
     "fs/fuse/dir.c fuse_rename2"},
    {RuleId::kR1, "R1", "Each request gets one reply, on the device that read it", Severity::kCallerHangs,
     "a reply nobody waits for is refused with ENOENT; a caller without a reply waits until the connection is aborted",
     "fs/fuse/dev.c fuse_dev_do_write, request_wait_answer"},
    {RuleId::kR2, "R2", "A reply has a valid header", Severity::kCallerHangs,
     "write fails with EINVAL and the request stays outstanding: its caller waits until the connection is aborted",
     "fs/fuse/dev.c fuse_dev_do_write"},
    {RuleId::kR3, "R3", "A reply's payload has the size its request allows", Severity::kErrorToCaller,
     "write fails with EINVAL and the caller gets EIO", "fs/fuse/dev.c fuse_copy_out_args"},
    {RuleId::kR4, "R4", "An entry names a nodeid of its own", Severity::kLeak,
     "the caller gets EIO; a count the server keeps for the entry is not forgotten, and what was created stays",
     "fs/fuse/dir.c create_new_entry, fuse_lookup, fs/fuse/readdir.c fuse_direntplus_link"},
    {RuleId::kR5, "R5", "Attributes have a file type and a possible size", Severity::kLeak,
     "an entry with them: EIO, and its count is not forgotten; GETATTR, SETATTR or STATX: the inode is made bad",
     "fs/fuse/dir.c fuse_invalid_attr"},
    {RuleId::kR6, "R6", "A counted nodeid keeps its type and generation", Severity::kInodeBad,
     "the old inode is made bad: every later operation of its users fails with EIO",
     "fs/fuse/inode.c fuse_iget, fs/fuse/fuse_i.h fuse_stale_inode"},
    {RuleId::kR7, "R7", "What is created has the type asked for", Severity::kLeak,
     "the caller gets EIO, no FORGET and no RELEASE follows: count, handle and object leak",
     "fs/fuse/dir.c create_new_entry, fuse_create_open"},
    {RuleId::kR8, "R8", "LINK answers with the inode it linked", Severity::kSilentDamage,
     "nothing: one file becomes two inodes, whose caches and attributes no longer agree", "fs/fuse/dir.c fuse_link"},
    {RuleId::kR9, "R9", "WRITE reports no more than it was given, and cached writes all of it",
     Severity::kSilentDamage, "more: the caller gets EIO; less of a cached write: the rest is lost without an error",
     "fs/fuse/file.c fuse_send_write, fuse_writepage_end"},
    {RuleId::kR11, "R11", "Directory records are well formed", Severity::kSilentDamage,
     "a bad name: EIO; a record cut short is dropped; a repeated or zero offset repeats or loses entries",
     "fs/fuse/readdir.c parse_dirfile, parse_dirplusfile"},
    {RuleId::kR12, "R12", "READDIRPLUS counts only records that are there whole", Severity::kLeak,
     "the record is dropped in silence and never forgotten: a count the server keeps for it leaks",
     "fs/fuse/readdir.c parse_dirplusfile"},
    {RuleId::kR13, "R13", "A list of xattrs is names that end in NUL", Severity::kErrorToCaller,
     "the caller gets EIO", "fs/fuse/xattr.c fuse_verify_xattr_list"},
    {RuleId::kR14, "R14", "GETLK answers with a lock that makes sense", Severity::kErrorToCaller,
     "the caller gets EIO", "fs/fuse/file.c convert_fuse_file_lock"},
    {RuleId::kR15, "R15", "Open flags ask for what was negotiated", Severity::kErrorToCaller,
     "the open fails with EIO and a RELEASE follows", "fs/fuse/iomode.c fuse_file_io_open"},
    {RuleId::kR17, "R17", "INIT settles a protocol the kernel speaks", Severity::kMountDead,
     "an error or another major: every later request gets ECONNREFUSED; max_write is raised; flags not offered are "
     "ignored",
     "fs/fuse/inode.c process_init_reply"},
    {RuleId::kR18, "R18", "The root stays what was mounted", Severity::kMountDead,
     "the root inode is made bad: everything in the mount fails with EIO", "fs/fuse/dir.c fuse_do_getattr"},
    {RuleId::kR20, "R20", "A reply to INTERRUPT is EAGAIN or ENOSYS, and empty", Severity::kTolerated,
     "a payload: EINVAL; any other code is ignored", "fs/fuse/dev.c fuse_dev_do_write"},
}};
// clang-format on

constexpr const RuleInfo& rule_info(RuleId id) noexcept {
  return kRules[static_cast<std::size_t>(id)];
}

namespace internal {
constexpr bool rules_stand_at_their_ids() {
  for (std::size_t i = 0; i < kRuleCount; ++i) {
    if (static_cast<std::size_t>(kRules[i].id) != i) return false;
  }
  return true;
}
static_assert(rules_stand_at_their_ids());
}  // namespace internal

}  // namespace fusereplay

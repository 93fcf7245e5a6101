#include "tests/simulator/reply_rules.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>
#include <vector>

#include "core/protocol/flags.h"
#include "tests/simulator/stage.h"

namespace fusereplay::testing {
namespace {

using Times = Spoil::Times;
using Where = BrokenRule::Where;
using How = std::function<std::int64_t(SpoiltReply&)>;

constexpr std::uint64_t kTooLarge = std::uint64_t{1} << 63;

/// The struct at the body's start is changed.
template <class Struct, class Change>
How body(Change change) {
  return [change](SpoiltReply& reply) {
    reply.change<Struct>(0, change);
    return reply.send();
  };
}
template <class Change>
How entry(Change change) {
  return body<wire::EntryOut>(change);
}
template <class Change>
How attributes(Change change) {
  return body<wire::AttrOut>([change](wire::AttrOut& out) { change(out.attr); });
}
/// The record of that name in a listing is changed.
template <class Struct, class Change>
How record(DirentKind kind, std::string name, Change change) {
  return [kind, name, change](SpoiltReply& reply) {
    const std::size_t at = reply.record(kind, name);
    const bool is_entry = std::is_same_v<Struct, wire::EntryOut>;
    reply.change<Struct>(at + (kind == DirentKind::kPlus && !is_entry ? sizeof(wire::EntryOut) : 0), change);
    return reply.send();
  };
}
/// A byte of a record's name is changed.
How renamed(DirentKind kind, std::string name, char to) {
  return [kind, name, to](SpoiltReply& reply) {
    const std::size_t head = (kind == DirentKind::kPlus ? sizeof(wire::EntryOut) : 0) + sizeof(wire::Dirent);
    reply.change<char>(reply.record(kind, name) + head, [to](char& letter) { letter = to; });
    return reply.send();
  };
}
/// So many bytes are missing from the end, or too many.
How resized(int by) {
  return [by](SpoiltReply& reply) {
    reply.bytes.resize(reply.bytes.size() + static_cast<std::size_t>(by));
    return reply.send();
  };
}
/// The header is wrong; then the reply comes as it should have.
template <class Change>
How header_then_good(Change change) {
  return [change](SpoiltReply& reply) {
    reply.header(change);
    reply.keeps_length = true;
    reply.send();
    return reply.send_good();
  };
}
How other_flags(std::size_t offset, std::uint32_t flags) {
  return [offset, flags](SpoiltReply& reply) {
    reply.change<wire::OpenOut>(offset, [flags](wire::OpenOut& out) { out.open_flags = flags; });
    return reply.send();
  };
}

/// The kernel is told something before the reply comes.
How after_notification(std::string notification) {
  return [notification](SpoiltReply& reply) {
    const std::vector<std::byte> good = std::exchange(reply.bytes, make_notification(parse_script(notification).at(0)));
    reply.send();
    reply.bytes = good;
    return reply.send();
  };
}

void no_nodeid(wire::EntryOut& out) {
  out.nodeid = 0;
}
void root_nodeid(wire::EntryOut& out) {
  out.nodeid = 1;
}
void no_type(wire::EntryOut& out) {
  out.attr.mode &= ~static_cast<std::uint32_t>(S_IFMT);
}
void too_large(wire::EntryOut& out) {
  out.attr.size = kTooLarge;
}
template <std::uint32_t Type>
void of_type(wire::EntryOut& out) {
  out.attr.mode = (out.attr.mode & 07777) | Type;
}
template <std::uint32_t Type>
void attributes_of_type(wire::Attr& attr) {
  attr.mode = (attr.mode & 07777) | Type;
}

// clang-format off
const std::vector<BrokenRule>& all() {
  static const std::vector<BrokenRule> rules = {
    {.rule = "R1", .name = "SecondReply",
     .spoil = {Opcode::kLookup, "a", Times::kOnce, [](SpoiltReply& reply) {
       reply.send();
       reply.send();
       return std::int64_t{0};
     }, Spoil::Of::kAny},
     .calls = R"(
open f /a rw,creat 0644 -> ok
close f -> ok
)", .written = "ok ENOENT", .reported = "R1"},
    {.rule = "R1", .name = "ReplyToForget",
     .spoil = {Opcode::kForget, "", Times::kOnce, [](SpoiltReply& reply) { return reply.send(); }},
     .calls = R"(
mkdir /a 0755 -> ok
rmdir /a -> ok
)", .written = "ENOENT", .reported = "R1"},
    {.rule = "R1", .name = "ReplyToNobody",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce,
               header_then_good([](wire::OutHeader& header) { header.unique += 1U << 20; })},
     .calls = R"(
mkdir /a 0755 -> ok
)", .written = "ENOENT ok", .reported = "R1"},
    {.rule = "R1", .name = "ReplyOnAnotherDevice",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce, [](SpoiltReply& reply) {
       reply.send_elsewhere();
       return reply.send();
     }},
     .calls = R"(
mkdir /a 0755 -> ok
)", .written = "ENOENT ok", .reported = "R1", .where = Where::kRealOnly},
    {.rule = "R1", .name = "NoReply",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce, [](SpoiltReply&) { return std::int64_t{-ENOENT}; }},
     .calls = R"(
mkdir /a 0755 -> hangs
)", .written = "", .reported = "R1"},

    {.rule = "R2", .name = "PositiveErrno",
     .spoil = {Opcode::kLookup, "a", Times::kOnce,
               header_then_good([](wire::OutHeader& header) { header.error = ENOENT; }), Spoil::Of::kAny},
     .calls = R"(
stat /a -> ENOENT
)", .written = "EINVAL ok", .reported = "R2"},
    {.rule = "R2", .name = "ErrorOutOfRange",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce,
               header_then_good([](wire::OutHeader& header) { header.error = -512; })},
     .calls = R"(
mkdir /a 0755 -> ok
)", .written = "EINVAL ok", .reported = "R2"},
    {.rule = "R2", .name = "LargestError",
     .spoil = {Opcode::kLookup, "a", Times::kOnce,
               [](SpoiltReply& reply) {
                 reply.header([](wire::OutHeader& header) { header.error = -511; });
                 return reply.send();
               }, Spoil::Of::kAny},
     .calls = R"(
stat /a -> errno 511
)", .reported = ""},
    {.rule = "R2", .name = "WrongLength",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce, header_then_good([](wire::OutHeader& header) { header.len += 8; })},
     .calls = R"(
mkdir /a 0755 -> ok
)", .written = "EINVAL ok", .reported = "R2"},
    {.rule = "R2", .name = "LessThanAHeader",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce, [](SpoiltReply& reply) {
       reply.keeps_length = true;
       reply.bytes.resize(sizeof(wire::OutHeader) - 1);
       reply.send();
       return reply.send_good();
     }},
     .calls = R"(
mkdir /a 0755 -> ok
)", .written = "EINVAL ok", .reported = "R2"},
    {.rule = "R2", .name = "NeverMended",
     .spoil = {Opcode::kLookup, "a", Times::kOnce,
               [](SpoiltReply& reply) {
                 reply.header([](wire::OutHeader& header) { header.error = ENOENT; });
                 return reply.send();
               }, Spoil::Of::kAny},
     .calls = R"(
stat /a -> hangs
)", .written = "EINVAL", .reported = "R2"},

    {.rule = "R3", .name = "ErrorWithPayload",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce,
               [](SpoiltReply& reply) {
                 reply.header([](wire::OutHeader& header) { header.error = -EEXIST; });
                 return reply.send();
               }},
     .calls = R"(
mkdir /a 0755 -> EIO
)", .written = "EINVAL", .reported = "R3"},
    {.rule = "R3", .name = "PayloadTooLong",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce, resized(8)},
     .calls = R"(
mkdir /a 0755 -> EIO
stat /a -> mode=40755
)", .written = "EINVAL", .reported = "R3"},
    {.rule = "R3", .name = "PayloadTooShort",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce, resized(-8)},
     .calls = R"(
mkdir /a 0755 -> EIO
)", .written = "EINVAL", .reported = "R3"},
    {.rule = "R3", .name = "NoPayload",
     .spoil = {Opcode::kLookup, "a", Times::kOnce, [](SpoiltReply& reply) {
       reply.bytes.resize(sizeof(wire::OutHeader));
       return reply.send();
     }},
     .calls = R"(
mkdir /a 0755 -> ok
drop_caches -> ok
stat /a -> EIO
stat /a -> mode=40755
)", .written = "EINVAL", .reported = "R3"},
    {.rule = "R3", .name = "MoreReadThanAsked",
     .spoil = {Opcode::kRead, "", Times::kOnce, resized(4096)},
     .calls = R"([open:direct_io]
open f /a rw,creat 0644 -> ok
write f hello -> = 5
pread f 5 0 -> EIO
pread f 5 0 -> 5 'hello'
)", .written = "EINVAL", .reported = "R3"},
    {.rule = "R3", .name = "AttributeListTooLong",
     .spoil = {Opcode::kListxattr, "", Times::kOnce, resized(1)},
     .calls = R"(
mkdir /a 0755 -> ok
setxattr /a user.b c -> ok
listxattr /a 7 -> EIO
)", .written = "EINVAL", .reported = "R3"},
    {.rule = "R3", .name = "EmptyReplyWithPayload",
     .spoil = {Opcode::kUnlink, "a", Times::kOnce, resized(8)},
     .calls = R"(
mknod /a 0100644 -> ok
unlink /a -> EIO
)", .written = "EINVAL", .reported = "R3"},

    {.rule = "R3", .name = "FileFlagsTooShort",
     .spoil = {Opcode::kIoctl, "", Times::kOnce, resized(-4)},
     .calls = R"([ioctl]
open f /a rw,creat 0644 -> ok
ioctl f getflags -> EIO
ioctl f getflags -> = 0
)", .written = "EINVAL", .reported = "R3"},
    {.rule = "R3", .name = "FileFlagsTooLong",
     .spoil = {Opcode::kIoctl, "", Times::kOnce, resized(4)},
     .calls = R"([ioctl]
open f /a rw,creat 0644 -> ok
ioctl f fsgetxattr -> EIO
ioctl f fsgetxattr -> = 0
)", .written = "EINVAL", .reported = "R3"},
    {.rule = "R3", .name = "MoreOfAnIoctlThanItTakes",
     .spoil = {Opcode::kIoctl, "", Times::kOnce, resized(8)},
     .calls = R"([ioctl]
open f /a rw,creat 0644 -> ok
ioctl f ior:5:16 -> EIO
ioctl f ior:5:16 -> = 5
)", .written = "ok", .reported = ""},
    {.rule = "R3", .name = "MoreOfAnIoctlThanAPage",
     .spoil = {Opcode::kIoctl, "", Times::kOnce, resized(4096)},
     .calls = R"([ioctl]
open f /a rw,creat 0644 -> ok
ioctl f ior:5:16 -> EIO
)", .written = "EINVAL", .reported = "R3"},
    {.rule = "R3", .name = "IoctlAsksForMore",
     .spoil = {Opcode::kIoctl, "", Times::kOnce, body<wire::IoctlOut>([](wire::IoctlOut& out) {
       out.flags |= kIoctlRetry;
     })},
     .calls = R"([ioctl]
open f /a rw,creat 0644 -> ok
ioctl f ior:5:16 -> EIO
ioctl f ior:5:16 -> = 5
)", .written = "ok", .reported = ""},

    {.rule = "R4", .name = "LookupOfTheRoot",
     .spoil = {Opcode::kLookup, "a", Times::kOnce, entry(root_nodeid)},
     .calls = R"(
mkdir /a 0755 -> ok
drop_caches -> ok
stat /a -> EIO
stat / -> mode=40755
)", .left = "2:1", .reported = "R4"},
    {.rule = "R4", .name = "RevalidationAsTheRoot",
     .spoil = {Opcode::kLookup, "a", Times::kOnce, entry(root_nodeid)},
     .calls = R"([uncached]
mkdir /a 0755 -> ok
stat /a -> mode=40755
)", .left = "1:-1 2:1", .reported = "R4"},
    {.rule = "R4", .name = "NegativeAnswerToWhatIsThere",
     .spoil = {Opcode::kLookup, "a", Times::kOnce, entry(no_nodeid)},
     .calls = R"(
mkdir /a 0755 -> ok
drop_caches -> ok
stat /a -> ENOENT
)", .left = "2:1", .reported = ""},
    {.rule = "R4", .name = "MkdirWithoutNodeid",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce, entry(no_nodeid)},
     .calls = R"(
mkdir /a 0755 -> EIO
stat /a -> mode=40755
)", .left = "2:1", .reported = "R4"},
    {.rule = "R4", .name = "SymlinkAsTheRoot",
     .spoil = {Opcode::kSymlink, "a", Times::kOnce, entry(root_nodeid)},
     .calls = R"(
symlink x /a -> EIO
readlink /a -> 1 'x'
)", .left = "2:1", .reported = "R4"},
    {.rule = "R4", .name = "MknodWithoutNodeid",
     .spoil = {Opcode::kMknod, "a", Times::kOnce, entry(no_nodeid)},
     .calls = R"(
mknod /a 0100644 -> EIO
)", .left = "2:1", .reported = "R4"},
    {.rule = "R4", .name = "LinkAsTheRoot",
     .spoil = {Opcode::kLink, "b", Times::kOnce, entry(root_nodeid)},
     .calls = R"(
mknod /a 0100644 -> ok
link /a /b -> EIO
stat /b -> mode=100644 nlink=2
)", .left = "2:1", .reported = "R4"},
    {.rule = "R4", .name = "CreateWithoutNodeid",
     .spoil = {Opcode::kCreate, "a", Times::kOnce, entry(no_nodeid)},
     .calls = R"(
open f /a rw,creat 0644 -> EIO
stat /a -> mode=100644
)", .left = "2:1 handles:1", .reported = "R4"},
    {.rule = "R4", .name = "TmpfileAsTheRoot",
     .spoil = {Opcode::kTmpfile, "", Times::kOnce, entry(root_nodeid)},
     .calls = R"(
open f / rw,tmpfile 0644 -> EIO
)", .left = "2:1 handles:1", .reported = "R4"},
    {.rule = "R4", .name = "ListedAsTheRoot",
     .spoil = {Opcode::kReaddirplus, "", Times::kOnce, record<wire::EntryOut>(DirentKind::kPlus, "a", root_nodeid)},
     .calls = R"(
mkdir /a 0755 -> ok
drop_caches -> ok
open d / r,dir -> ok
getdents d -> 3:
close d -> ok
)", .left = "1:-1 2:1", .reported = "R4"},

    {.rule = "R5", .name = "LookupWithoutType",
     .spoil = {Opcode::kLookup, "a", Times::kOnce, entry(no_type)},
     .calls = R"(
mkdir /a 0755 -> ok
drop_caches -> ok
stat /a -> EIO
stat /a -> mode=40755
)", .left = "2:1", .reported = "R5"},
    {.rule = "R5", .name = "RevalidationTooLarge",
     .spoil = {Opcode::kLookup, "a", Times::kOnce, entry(too_large)},
     .calls = R"([uncached]
mkdir /a 0755 -> ok
stat /a -> mode=40755
)", .reported = "R5"},
    {.rule = "R5", .name = "MkdirTooLarge",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce, entry(too_large)},
     .calls = R"(
mkdir /a 0755 -> EIO
)", .left = "2:1", .reported = "R5"},
    {.rule = "R5", .name = "CreateTooLarge",
     .spoil = {Opcode::kCreate, "a", Times::kOnce, entry(too_large)},
     .calls = R"(
open f /a rw,creat 0644 -> EIO
)", .left = "2:1 handles:1", .reported = "R5"},
    {.rule = "R5", .name = "LargestFile",
     .spoil = {Opcode::kLookup, "a", Times::kOnce,
               entry([](wire::EntryOut& out) { out.attr.size = kTooLarge - 1; })},
     .calls = R"(
mknod /a 0100644 -> ok
drop_caches -> ok
stat /a -> mode=100644 nlink=1 uid=0 gid=0 size=9223372036854775807
)", .reported = ""},
    {.rule = "R5", .name = "GetattrWithoutType",
     .spoil = {Opcode::kGetattr, "", Times::kOnce, attributes(attributes_of_type<0>)},
     .calls = R"(
open f /a rw,creat 0644 -> ok
write f x -> = 1
fstat f -> EIO
fstat f -> EIO
pread f 1 0 -> EIO
pwrite f x 0 -> EIO
fsync f -> EIO
stat /a -> EIO
chmod /a 0600 -> EIO
close f -> EIO
stat /none -> ENOENT
stat /a -> mode=100644
)", .reported = "R5"},
    {.rule = "R5", .name = "SetattrTooLarge",
     .spoil = {Opcode::kSetattr, "", Times::kOnce, attributes([](wire::Attr& attr) { attr.size = kTooLarge; })},
     .calls = R"(
mknod /a 0100644 -> ok
chmod /a 0600 -> EIO
stat /a -> mode=100600
)", .reported = "R5"},
    {.rule = "R5", .name = "StatxWithoutType",
     .spoil = {Opcode::kStatx, "", Times::kOnce,
               body<wire::StatxOut>([](wire::StatxOut& out) { out.stat.mode &= 07777; })},
     .calls = R"(
open f /a rw,creat 0644 -> ok
statx /a - basic,btime -> EIO
fstat f -> EIO
)", .reported = "R5"},
    {.rule = "R5", .name = "ListedWithoutType",
     .spoil = {Opcode::kReaddirplus, "", Times::kOnce, record<wire::EntryOut>(DirentKind::kPlus, "a", no_type)},
     .calls = R"(
mkdir /a 0755 -> ok
drop_caches -> ok
open d / r,dir -> ok
getdents d -> 3:
close d -> ok
)", .reported = "R5"},

    {.rule = "R6", .name = "OtherGeneration",
     .spoil = {Opcode::kLookup, "a", Times::kAlways, entry([](wire::EntryOut& out) { out.generation += 7; })},
     .calls = R"([uncached]
open f /a rw,creat 0644 -> ok
fstat f -> mode=100644
stat /a -> mode=100644
fstat f -> EIO
close f -> EIO
)", .written = "ok ok", .reported = "R6"},
    {.rule = "R6", .name = "OtherGenerationInTheUpperHalf",
     .spoil = {Opcode::kLookup, "a", Times::kAlways,
               entry([](wire::EntryOut& out) { out.generation += std::uint64_t{7} << 32; })},
     .calls = R"([uncached]
open f /a rw,creat 0644 -> ok
stat /a -> mode=100644
fstat f -> mode=100644
close f -> ok
)", .reported = ""},
    {.rule = "R6", .name = "OtherType",
     .spoil = {Opcode::kLookup, "a", Times::kAlways, entry(of_type<S_IFIFO>)},
     .calls = R"([uncached]
open f /a rw,creat 0644 -> ok
stat /a -> EIO
fstat f -> EIO
close f -> EIO
)", .written = "ok ok", .reported = "R6"},
    {.rule = "R6", .name = "GetattrOfOtherType",
     .spoil = {Opcode::kGetattr, "", Times::kOnce, attributes(attributes_of_type<S_IFIFO>)},
     .calls = R"(
open f /a rw,creat 0644 -> ok
write f x -> = 1
fstat f -> EIO
fstat f -> EIO
stat /a -> EIO
)", .reported = "R6"},
    {.rule = "R6", .name = "ListedWithOtherGeneration",
     .spoil = {Opcode::kReaddirplus, "", Times::kOnce,
               record<wire::EntryOut>(DirentKind::kPlus, "a", [](wire::EntryOut& out) { out.generation += 7; })},
     .calls = R"(
open f /a rw,creat 0644 -> ok
open d / r,dir -> ok
getdents d -> 3:
close d -> ok
fstat f -> EIO
close f -> EIO
)", .reported = "R6"},

    {.rule = "R7", .name = "MkdirMadeAFile",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce, entry(of_type<S_IFREG>)},
     .calls = R"(
mkdir /a 0755 -> EIO
stat /a -> mode=40755
)", .left = "2:1", .reported = "R7"},
    {.rule = "R7", .name = "MknodMadeADirectory",
     .spoil = {Opcode::kMknod, "a", Times::kOnce, entry(of_type<S_IFDIR>)},
     .calls = R"(
mknod /a 0100644 -> EIO
)", .left = "2:1", .reported = "R7"},
    {.rule = "R7", .name = "SymlinkMadeAFile",
     .spoil = {Opcode::kSymlink, "a", Times::kOnce, entry(of_type<S_IFREG>)},
     .calls = R"(
symlink x /a -> EIO
)", .left = "2:1", .reported = "R7"},
    {.rule = "R7", .name = "LinkMadeADirectory",
     .spoil = {Opcode::kLink, "b", Times::kOnce, entry(of_type<S_IFDIR>)},
     .calls = R"(
mknod /a 0100644 -> ok
link /a /b -> EIO
)", .left = "2:1", .reported = "R7"},
    {.rule = "R7", .name = "CreateMadeADirectory",
     .spoil = {Opcode::kCreate, "a", Times::kOnce, entry(of_type<S_IFDIR>)},
     .calls = R"(
open f /a rw,creat 0644 -> EIO
)", .left = "2:1 handles:1", .reported = "R7"},
    {.rule = "R7", .name = "TmpfileMadeAPipe",
     .spoil = {Opcode::kTmpfile, "", Times::kOnce, entry(of_type<S_IFIFO>)},
     .calls = R"(
open f / rw,tmpfile 0644 -> EIO
)", .left = "2:1 handles:1", .reported = "R7"},

    {.rule = "R8", .name = "LinkToAnotherFile",
     .spoil = {Opcode::kLink, "b", Times::kOnce, entry([](wire::EntryOut& out) { out.nodeid = 3; })},
     .calls = R"(
open f /a rw,creat 0644 -> ok
open g /c rw,creat 0644 -> ok
write f hello -> = 5
link /a /b -> ok
open h /b rw -> ok
pread h 10 0 -> 0 ''
pread f 10 0 -> 5 'hello'
)", .left = "2:1 3:-1", .reported = "R8"},

    {.rule = "R9", .name = "MoreWrittenThanGiven",
     .spoil = {Opcode::kWrite, "", Times::kOnce, body<wire::WriteOut>([](wire::WriteOut& out) { ++out.size; })},
     .calls = R"(
open f /a rw,creat 0644 -> ok
write f hello -> EIO
)", .reported = "R9"},
    {.rule = "R9", .name = "MoreWrittenThanGivenDirectly",
     .spoil = {Opcode::kWrite, "", Times::kOnce, body<wire::WriteOut>([](wire::WriteOut& out) { ++out.size; })},
     .calls = R"([open:direct_io]
open f /a rw,creat 0644 -> ok
write f hello -> EIO
)", .reported = "R9"},
    {.rule = "R9", .name = "LessWrittenThanGiven",
     .spoil = {Opcode::kWrite, "", Times::kOnce, body<wire::WriteOut>([](wire::WriteOut& out) { out.size = 2; })},
     .calls = R"(
open f /a rw,creat 0644 -> ok
write f hello -> = 2
)", .reported = ""},
    {.rule = "R9", .name = "NothingWritten",
     .spoil = {Opcode::kWrite, "", Times::kOnce, body<wire::WriteOut>([](wire::WriteOut& out) { out.size = 0; })},
     .calls = R"(
open f /a rw,creat 0644 -> ok
write f hello -> EIO
)", .reported = ""},

    {.rule = "R9", .name = "LessWrittenBack",
     .spoil = {Opcode::kWrite, "", Times::kOnce, body<wire::WriteOut>([](wire::WriteOut& out) { out.size = 3; })},
     .calls = R"([want:writeback][short:write]
open f /a rw,creat 0644 -> ok
write f hello -> = 5
fsync f -> ok
close f -> ok
stat /a -> mode=100644 nlink=1 uid=0 gid=0 size=5
drop_caches -> ok
stat /a -> mode=100644 nlink=1 uid=0 gid=0 size=3
)", .reported = "R9"},

    {.rule = "R10", .name = "ShortRead",
     .spoil = {Opcode::kRead, "", Times::kOnce, resized(-6)},
     .calls = R"(
open f /a rw,creat 0644 -> ok
write f 0123456789 -> = 10
close f -> ok
open f /a rw -> ok
fstat f -> mode=100644
pread f 100 0 -> 4 '0123'
pread f 100 0 -> 4 '0123'
stat /a -> mode=100644 nlink=1 uid=0 gid=0 size=10
)", .reported = ""},
    {.rule = "R10", .name = "ShortDirectRead",
     .spoil = {Opcode::kRead, "", Times::kOnce, resized(-6)},
     .calls = R"([open:direct_io]
open f /a rw,creat 0644 -> ok
write f 0123456789 -> = 10
pread f 10 0 -> 4 '0123'
pread f 10 0 -> 10 '0123456789'
)", .reported = ""},

    {.rule = "R11", .name = "SlashInAName",
     .spoil = {Opcode::kReaddir, "", Times::kOnce, renamed(DirentKind::kPlain, "b", '/')},
     .calls = R"([refuse:readdirplus,readdirplus_auto]
mkdir /a 0755 -> ok
mkdir /b 0755 -> ok
open d / r,dir -> ok
getdents d -> 3:
getdents d -> 1: b
)", .reported = "R11"},
    {.rule = "R11", .name = "SlashInTheFirstName",
     .spoil = {Opcode::kReaddir, "", Times::kOnce, renamed(DirentKind::kPlain, ".", '/')},
     .calls = R"([refuse:readdirplus,readdirplus_auto]
mkdir /a 0755 -> ok
open d / r,dir -> ok
getdents d -> EIO
getdents d -> 3:
)", .reported = "R11"},
    {.rule = "R11", .name = "EmptyName",
     .spoil = {Opcode::kReaddir, "", Times::kOnce,
               record<wire::Dirent>(DirentKind::kPlain, ".", [](wire::Dirent& out) { out.namelen = 0; })},
     .calls = R"([refuse:readdirplus,readdirplus_auto]
open d / r,dir -> ok
getdents d -> EIO
)", .reported = "R11"},
    {.rule = "R11", .name = "OffsetZeroRewinds",
     .spoil = {Opcode::kReaddir, "", Times::kOnce,
               record<wire::Dirent>(DirentKind::kPlain, "a", [](wire::Dirent& out) { out.off = 0; })},
     .calls = R"([refuse:readdirplus,readdirplus_auto]
mkdir /a 0755 -> ok
open d / r,dir -> ok
getdents d -> 3:
getdents d -> 3:
getdents d -> the end
)", .reported = "R11"},
    {.rule = "R11", .name = "TwoOfOneOffset",
     .spoil = {Opcode::kReaddir, "", Times::kOnce,
               record<wire::Dirent>(DirentKind::kPlain, "a", [](wire::Dirent& out) { ++out.off; })},
     .calls = R"([refuse:readdirplus,readdirplus_auto]
mkdir /a 0755 -> ok
mkdir /b 0755 -> ok
open d / r,dir -> ok
getdents d 72 -> 3:
getdents d 72 -> the end
)", .reported = "R11"},
    {.rule = "R11", .name = "LastRecordCutShort",
     .spoil = {Opcode::kReaddir, "", Times::kOnce, resized(-8)},
     .calls = R"([refuse:readdirplus,readdirplus_auto]
mkdir /a 0755 -> ok
mkdir /b 0755 -> ok
open d / r,dir -> ok
getdents d -> 3:
getdents d -> 1: b
)", .reported = "R11"},
    {.rule = "R11", .name = "OnlyRecordCutShort",
     .spoil = {Opcode::kReaddir, "", Times::kOnce, [](SpoiltReply& reply) {
       reply.bytes.resize(sizeof(wire::OutHeader) + 24);
       return reply.send();
     }},
     .calls = R"([refuse:readdirplus,readdirplus_auto]
mkdir /a 0755 -> ok
open d / r,dir -> ok
getdents d -> the end
)", .reported = "R11"},

    {.rule = "R12", .name = "CountedButCutShort",
     .spoil = {Opcode::kReaddirplus, "", Times::kOnce, resized(-8)},
     .calls = R"(
mkdir /a 0755 -> ok
mkdir /b 0755 -> ok
drop_caches -> ok
open d / r,dir -> ok
getdents d -> 3:
close d -> ok
)", .left = "3:1", .reported = "R12"},
    {.rule = "R12", .name = "CountedBehindABadName",
     .spoil = {Opcode::kReaddirplus, "", Times::kOnce, renamed(DirentKind::kPlus, "a", '/')},
     .calls = R"(
mkdir /a 0755 -> ok
mkdir /b 0755 -> ok
drop_caches -> ok
open d / r,dir -> ok
getdents d -> 2:
close d -> ok
)", .left = "2:1 3:1", .reported = "R11"},
    {.rule = "R12", .name = "NoNodeGiven",
     .spoil = {Opcode::kReaddirplus, "", Times::kOnce, record<wire::EntryOut>(DirentKind::kPlus, "a", no_nodeid)},
     .calls = R"(
mkdir /a 0755 -> ok
drop_caches -> ok
open d / r,dir -> ok
getdents d -> 3:
close d -> ok
)", .left = "2:1", .reported = ""},

    {.rule = "R13", .name = "ListWithoutItsLastNul",
     .spoil = {Opcode::kListxattr, "", Times::kOnce, resized(-1)},
     .calls = R"(
mkdir /a 0755 -> ok
setxattr /a user.b c -> ok
listxattr /a -> EIO
listxattr /a -> 7 'user.b\0'
)", .reported = "R13"},
    {.rule = "R13", .name = "EmptyNameInTheList",
     .spoil = {Opcode::kListxattr, "", Times::kOnce, resized(1)},
     .calls = R"(
mkdir /a 0755 -> ok
setxattr /a user.b c -> ok
listxattr /a -> EIO
)", .reported = "R13"},

    {.rule = "R14", .name = "LockOfNoType",
     .spoil = {Opcode::kGetlk, "", Times::kOnce, body<wire::LkOut>([](wire::LkOut& out) { out.lk.type = 7; })},
     .calls = R"([locks]
open f /a rw,creat 0644 -> ok
getlk f w 0 10 -> EIO
getlk f w 0 10 -> free
)", .reported = "R14"},
    {.rule = "R14", .name = "LockThatEndsBeforeItStarts",
     .spoil = {Opcode::kGetlk, "", Times::kOnce, body<wire::LkOut>([](wire::LkOut& out) {
       out.lk = {.start = 10, .end = 9, .type = F_WRLCK, .pid = 1};
     })},
     .calls = R"([locks]
open f /a rw,creat 0644 -> ok
getlk f w 0 10 -> EIO
)", .reported = "R14"},
    {.rule = "R14", .name = "LockBeyondAllFiles",
     .spoil = {Opcode::kGetlk, "", Times::kOnce, body<wire::LkOut>([](wire::LkOut& out) {
       out.lk = {.start = 0, .end = kTooLarge, .type = F_RDLCK, .pid = 1};
     })},
     .calls = R"([locks]
open f /a rw,creat 0644 -> ok
getlk f w 0 10 -> EIO
)", .reported = "R14"},
    {.rule = "R14", .name = "NoLockWhateverItsRange",
     .spoil = {Opcode::kGetlk, "", Times::kOnce, body<wire::LkOut>([](wire::LkOut& out) {
       out.lk = {.start = 10, .end = 9, .type = F_UNLCK, .pid = 1};
     })},
     .calls = R"([locks]
open f /a rw,creat 0644 -> ok
getlk f w 0 10 -> free
)", .reported = ""},

    {.rule = "R15", .name = "OpenPassthroughUnasked",
     .spoil = {Opcode::kOpen, "", Times::kOnce, other_flags(0, kFopenPassthrough)},
     .calls = R"(
mknod /a 0100644 -> ok
open f /a r -> EIO
open f /a r -> ok
)", .reported = "R15"},
    {.rule = "R15", .name = "CreatePassthroughUnasked",
     .spoil = {Opcode::kCreate, "", Times::kOnce, other_flags(sizeof(wire::EntryOut), kFopenPassthrough)},
     .calls = R"(
open f /a rw,creat 0644 -> EIO
stat /a -> mode=100644
)", .reported = "R15"},
    {.rule = "R15", .name = "OpenPassthroughAndDirect",
     .spoil = {Opcode::kOpen, "", Times::kOnce, other_flags(0, kFopenPassthrough | kFopenDirectIo)},
     .calls = R"(
mknod /a 0100644 -> ok
open f /a r -> EIO
)", .reported = "R15"},

    {.rule = "R16", .name = "InvalEntryInsideItsOwnDirectory",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce, after_notification("notify inval_entry 1 b")},
     .calls = R"(
mkdir /a 0755 -> hangs
)", .written = "ENOENT ENOENT", .reported = "", .where = Where::kDeadlock},
    {.rule = "R16", .name = "InvalInodeInsideItsOwnRead",
     .spoil = {Opcode::kRead, "", Times::kOnce, after_notification("notify inval_inode 2 0 0")},
     .calls = R"(
open f /a rw,creat 0644 -> ok
write f hello -> = 5
close f -> ok
open f /a r -> ok
pread f 5 0 -> hangs
)", .written = "ok ENOENT", .left = "2:1 handles:1", .reported = "", .where = Where::kDeadlock},
    {.rule = "R16", .name = "AttributesFromAnywhere",
     .spoil = {Opcode::kMkdir, "a", Times::kOnce, after_notification("notify inval_inode 1 -1 0")},
     .calls = R"(
mkdir /a 0755 -> ok
)", .written = "ok ok", .reported = ""},

    {.rule = "R17", .name = "OtherMajor",
     .spoil = {Opcode::kInit, "", Times::kOnce, body<wire::InitOut>([](wire::InitOut& out) { out.major = 8; })},
     .calls = R"(
stat /a -> ECONNREFUSED
)", .reported = "R17"},
    {.rule = "R17", .name = "InitFails",
     .spoil = {Opcode::kInit, "", Times::kOnce, [](SpoiltReply& reply) {
       reply.bytes.resize(sizeof(wire::OutHeader));
       reply.header([](wire::OutHeader& header) { header.error = -EPERM; });
       return reply.send();
     }},
     .calls = R"(
stat /a -> ECONNREFUSED
)", .reported = "R17"},
    {.rule = "R17", .name = "TinyWritesAreRaised",
     .spoil = {Opcode::kInit, "", Times::kOnce,
               body<wire::InitOut>([](wire::InitOut& out) { out.max_write = 512; })},
     .calls = R"(
open f /a rw,creat 0644 -> ok
write f *10000 -> = 10000
)", .reported = "R17"},
    {.rule = "R17", .name = "FlagNotOffered",
     .spoil = {Opcode::kInit, "", Times::kOnce,
               body<wire::InitOut>([](wire::InitOut& out) { out.flags2 |= 1U << 30; })},
     .calls = R"(
mkdir /a 0755 -> ok
)", .reported = "R17"},

    {.rule = "R18", .name = "TheRootIsAFile",
     .spoil = {Opcode::kGetattr, "", Times::kOnce, attributes(attributes_of_type<S_IFREG>)},
     .calls = R"([uncached]
stat / -> EIO
stat / -> EIO
stat /a -> EIO
mkdir /a 0755 -> EIO
)", .reported = "R18"},

    {.rule = "R19", .name = "ItsOwnAncestor",
     .spoil = {Opcode::kLookup, "b", Times::kOnce, entry([](wire::EntryOut& out) { out.nodeid = 2; })},
     .calls = R"(
mkdir /a 0755 -> ok
mkdir /a/b 0755 -> ok
drop_caches -> ok
stat /a/b -> ELOOP
stat /a/b -> mode=40755
)", .left = "2:-1 3:1", .reported = ""},
    {.rule = "R19", .name = "InTwoPlaces",
     .spoil = {Opcode::kLookup, "b", Times::kOnce, entry([](wire::EntryOut& out) { out.nodeid = 2; })},
     .calls = R"(
mkdir /a 0755 -> ok
mkdir /a/c 0755 -> ok
mkdir /b 0755 -> ok
drop_caches -> ok
open d /a r,dir -> ok
stat /b/c -> mode=40755
stat /a -> mode=40755
)", .left = "2:-1 4:1", .reported = ""},
  };
  return rules;
}
// clang-format on

}  // namespace

std::span<const BrokenRule> broken_rules() {
  return all();
}

}  // namespace fusereplay::testing

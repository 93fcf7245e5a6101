#include "core/protocol/opcode.h"

namespace fusereplay {
namespace {

constexpr std::array kOpcodes = {
    Opcode::kLookup,          Opcode::kForget,        Opcode::kGetattr,  Opcode::kSetattr,     Opcode::kReadlink,
    Opcode::kSymlink,         Opcode::kMknod,         Opcode::kMkdir,    Opcode::kUnlink,      Opcode::kRmdir,
    Opcode::kRename,          Opcode::kLink,          Opcode::kOpen,     Opcode::kRead,        Opcode::kWrite,
    Opcode::kStatfs,          Opcode::kRelease,       Opcode::kFsync,    Opcode::kSetxattr,    Opcode::kGetxattr,
    Opcode::kListxattr,       Opcode::kRemovexattr,   Opcode::kFlush,    Opcode::kInit,        Opcode::kOpendir,
    Opcode::kReaddir,         Opcode::kReleasedir,    Opcode::kFsyncdir, Opcode::kGetlk,       Opcode::kSetlk,
    Opcode::kSetlkw,          Opcode::kAccess,        Opcode::kCreate,   Opcode::kInterrupt,   Opcode::kBmap,
    Opcode::kDestroy,         Opcode::kIoctl,         Opcode::kPoll,     Opcode::kNotifyReply, Opcode::kBatchForget,
    Opcode::kFallocate,       Opcode::kReaddirplus,   Opcode::kRename2,  Opcode::kLseek,       Opcode::kCopyFileRange,
    Opcode::kSetupmapping,    Opcode::kRemovemapping, Opcode::kSyncfs,   Opcode::kTmpfile,     Opcode::kStatx,
    Opcode::kCopyFileRange64, Opcode::kCuseInit,
};

constexpr std::array kNotifyCodes = {
    NotifyCode::kPoll,   NotifyCode::kInvalInode, NotifyCode::kInvalEntry, NotifyCode::kStore, NotifyCode::kRetrieve,
    NotifyCode::kDelete, NotifyCode::kResend,     NotifyCode::kIncEpoch,   NotifyCode::kPrune,
};

}  // namespace

std::string_view opcode_name(Opcode opcode) noexcept {
  switch (opcode) {
    case Opcode::kLookup:
      return "LOOKUP";
    case Opcode::kForget:
      return "FORGET";
    case Opcode::kGetattr:
      return "GETATTR";
    case Opcode::kSetattr:
      return "SETATTR";
    case Opcode::kReadlink:
      return "READLINK";
    case Opcode::kSymlink:
      return "SYMLINK";
    case Opcode::kMknod:
      return "MKNOD";
    case Opcode::kMkdir:
      return "MKDIR";
    case Opcode::kUnlink:
      return "UNLINK";
    case Opcode::kRmdir:
      return "RMDIR";
    case Opcode::kRename:
      return "RENAME";
    case Opcode::kLink:
      return "LINK";
    case Opcode::kOpen:
      return "OPEN";
    case Opcode::kRead:
      return "READ";
    case Opcode::kWrite:
      return "WRITE";
    case Opcode::kStatfs:
      return "STATFS";
    case Opcode::kRelease:
      return "RELEASE";
    case Opcode::kFsync:
      return "FSYNC";
    case Opcode::kSetxattr:
      return "SETXATTR";
    case Opcode::kGetxattr:
      return "GETXATTR";
    case Opcode::kListxattr:
      return "LISTXATTR";
    case Opcode::kRemovexattr:
      return "REMOVEXATTR";
    case Opcode::kFlush:
      return "FLUSH";
    case Opcode::kInit:
      return "INIT";
    case Opcode::kOpendir:
      return "OPENDIR";
    case Opcode::kReaddir:
      return "READDIR";
    case Opcode::kReleasedir:
      return "RELEASEDIR";
    case Opcode::kFsyncdir:
      return "FSYNCDIR";
    case Opcode::kGetlk:
      return "GETLK";
    case Opcode::kSetlk:
      return "SETLK";
    case Opcode::kSetlkw:
      return "SETLKW";
    case Opcode::kAccess:
      return "ACCESS";
    case Opcode::kCreate:
      return "CREATE";
    case Opcode::kInterrupt:
      return "INTERRUPT";
    case Opcode::kBmap:
      return "BMAP";
    case Opcode::kDestroy:
      return "DESTROY";
    case Opcode::kIoctl:
      return "IOCTL";
    case Opcode::kPoll:
      return "POLL";
    case Opcode::kNotifyReply:
      return "NOTIFY_REPLY";
    case Opcode::kBatchForget:
      return "BATCH_FORGET";
    case Opcode::kFallocate:
      return "FALLOCATE";
    case Opcode::kReaddirplus:
      return "READDIRPLUS";
    case Opcode::kRename2:
      return "RENAME2";
    case Opcode::kLseek:
      return "LSEEK";
    case Opcode::kCopyFileRange:
      return "COPY_FILE_RANGE";
    case Opcode::kSetupmapping:
      return "SETUPMAPPING";
    case Opcode::kRemovemapping:
      return "REMOVEMAPPING";
    case Opcode::kSyncfs:
      return "SYNCFS";
    case Opcode::kTmpfile:
      return "TMPFILE";
    case Opcode::kStatx:
      return "STATX";
    case Opcode::kCopyFileRange64:
      return "COPY_FILE_RANGE_64";
    case Opcode::kCuseInit:
      return "CUSE_INIT";
  }
  return {};
}

std::string_view notify_name(NotifyCode code) noexcept {
  switch (code) {
    case NotifyCode::kPoll:
      return "NOTIFY_POLL";
    case NotifyCode::kInvalInode:
      return "NOTIFY_INVAL_INODE";
    case NotifyCode::kInvalEntry:
      return "NOTIFY_INVAL_ENTRY";
    case NotifyCode::kStore:
      return "NOTIFY_STORE";
    case NotifyCode::kRetrieve:
      return "NOTIFY_RETRIEVE";
    case NotifyCode::kDelete:
      return "NOTIFY_DELETE";
    case NotifyCode::kResend:
      return "NOTIFY_RESEND";
    case NotifyCode::kIncEpoch:
      return "NOTIFY_INC_EPOCH";
    case NotifyCode::kPrune:
      return "NOTIFY_PRUNE";
  }
  return {};
}

std::span<const Opcode> all_opcodes() noexcept {
  return kOpcodes;
}

std::span<const NotifyCode> all_notify_codes() noexcept {
  return kNotifyCodes;
}

bool answers_with_entry(Opcode opcode) noexcept {
  switch (opcode) {
    case Opcode::kLookup:
    case Opcode::kMknod:
    case Opcode::kMkdir:
    case Opcode::kSymlink:
    case Opcode::kLink:
    case Opcode::kCreate:
    case Opcode::kTmpfile:
      return true;
    default:
      return false;
  }
}

bool creates_open(Opcode opcode) noexcept {
  return opcode == Opcode::kCreate || opcode == Opcode::kTmpfile;
}

std::size_t entry_name_count(Opcode opcode) noexcept {
  switch (opcode) {
    case Opcode::kLookup:
    case Opcode::kSymlink:
    case Opcode::kMknod:
    case Opcode::kMkdir:
    case Opcode::kUnlink:
    case Opcode::kRmdir:
    case Opcode::kLink:
    case Opcode::kCreate:
      return 1;
    case Opcode::kRename:
    case Opcode::kRename2:
      return 2;
    default:
      return 0;
  }
}

}  // namespace fusereplay

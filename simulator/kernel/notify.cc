// What the server says without being asked (fs/fuse/dev.c fuse_notify, notify.c from 7.x on; reference section 4).
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "core/protocol/view.h"
#include "simulator/kernel/filesystem.h"

namespace fusereplay::kernel {
namespace {

bool knows(NotifyCode code, std::uint32_t minor) noexcept {
  switch (code) {
    case NotifyCode::kResend:
      return minor >= 40;
    case NotifyCode::kIncEpoch:
      return minor >= 44;
    case NotifyCode::kPrune:
      return minor >= 45;
    default:
      return true;
  }
}

}  // namespace

int Filesystem::on_notification(const Message& message) {
  const auto view = NotificationView::parse(message);
  if (!view || !knows(view->code(), profile_.minor)) return -EINVAL;
  switch (view->code()) {
    case NotifyCode::kPoll:
      wake_pollers(view->fixed<wire::NotifyPollOut>().kh);
      return 0;
    case NotifyCode::kInvalInode:
      return invalidate_inode(view->fixed<wire::NotifyInvalInodeOut>());
    case NotifyCode::kInvalEntry: {
      const auto out = view->fixed<wire::NotifyInvalEntryOut>();
      if (out.namelen > connection_.name_max) return -ENAMETOOLONG;
      return invalidate_name(out.parent, 0, view->name(0), out.flags);
    }
    case NotifyCode::kDelete: {
      const auto out = view->fixed<wire::NotifyDeleteOut>();
      if (out.namelen > connection_.name_max) return -ENAMETOOLONG;
      return invalidate_name(out.parent, out.child, view->name(0), 0);
    }
    case NotifyCode::kStore:
      return store(view->fixed<wire::NotifyStoreOut>(), view->tail());
    case NotifyCode::kRetrieve:
      return retrieve(view->fixed<wire::NotifyRetrieveOut>());
    case NotifyCode::kResend:
      queue_.resend();
      return 0;
    case NotifyCode::kIncEpoch:
      ++connection_.epoch;
      return 0;
    case NotifyCode::kPrune:
      return prune(view->fixed<wire::NotifyPruneOut>().count, view->tail());
  }
  return -EINVAL;
}

// fuse_reverse_inval_inode: whatever becomes of the pages, the answer is 0. But what waits for a page that the same
// handler was to bring never gets there.
int Filesystem::invalidate_inode(const wire::NotifyInvalInodeOut& out) {
  const InodeRef inode(inodes_.find(out.ino));
  if (inode == nullptr) return -ENOENT;
  inode->attr_version = ++connection_.attr_version;
  invalidate_attributes(*inode);
  if (out.off >= 0) {
    const auto first = static_cast<std::uint64_t>(out.off) / kPageSize;
    const std::uint64_t last =
        out.len <= 0 ? UINT64_MAX
                     : (static_cast<std::uint64_t>(out.off) + static_cast<std::uint64_t>(out.len) - 1) / kPageSize;
    if (!invalidate_pages(*inode, first, last)) return -EDEADLK;
  }
  return 0;
}

// fuse_reverse_inval_entry: EXPIRE_ONLY takes the lock as well.
int Filesystem::invalidate_name(std::uint64_t parent_id, std::uint64_t child_id, std::string_view name,
                                std::uint32_t flags) {
  const InodeRef parent(inodes_.find(parent_id));
  if (parent == nullptr) return -ENOENT;
  const InodeLock held = lock(*parent, LockMode::kExclusive);
  if (!held.held()) return -EDEADLK;
  if (!parent->is_directory()) return -ENOTDIR;
  const DentryRef directory(parent->nodeid == kRootNodeId ? root_.get() : parent->directory_dentry);
  if (directory == nullptr) return -ENOENT;
  const DentryRef entry(find_child(*directory, name));
  if (entry == nullptr) return -ENOENT;
  directory_changed(*parent);
  if ((flags & kExpireOnly) == 0) invalidate(*entry);
  entry->expires = 0;
  if (child_id == 0 || entry->negative()) return 0;

  const InodeRef child = entry->inode;
  const InodeLock child_held = lock(*child, LockMode::kExclusive);
  if (!child_held.held()) return -EDEADLK;
  if (child->nodeid != child_id) return -ENOENT;
  if (child->is_directory()) {
    shrink(*entry);
    bool empty = true;
    entry->children.for_each([&](const Dentry& below) { empty = empty && below.negative(); });
    if (!empty) return -ENOTEMPTY;
    child->dead = true;
  }
  child->nlink = 0;
  delete_entry(*entry, 1);
  return 0;
}

// fuse_notify_store.
int Filesystem::store(const wire::NotifyStoreOut& out, Bytes data) {
  if (data.size() != out.size) return -EINVAL;
  const InodeRef inode(inodes_.find(out.nodeid));
  if (inode == nullptr) return -ENOENT;
  if (!inode->is_regular()) return -EINVAL;
  const std::uint64_t end = out.offset + out.size;
  if (end > inode->size) content_changed(*inode, end, out.size);
  for (std::size_t done = 0; done < data.size();) {
    const auto [index, within, size] = first_part(out.offset + done, data.size() - done);
    if (!wait_for_pages(*inode, index, index)) return -EDEADLK;
    Page& page = inode->pages.get(index);
    page.write(within, data.subspan(done, size));
    done += size;
    if (!page.uptodate && within == 0 && (size == kPageSize || out.offset + done == inode->size)) {
      std::memset(page.bytes.data() + size, 0, kPageSize - size);
      page.uptodate = true;
    }
  }
  return 0;
}

// fuse_retrieve: as many cached pages as follow each other, in a NOTIFY_REPLY of the server's own number.
int Filesystem::retrieve(const wire::NotifyRetrieveOut& out) {
  const InodeRef inode(inodes_.find(out.nodeid));
  if (inode == nullptr) return -ENOENT;
  std::uint64_t left = std::min<std::uint64_t>(out.size, connection_.max_write);
  left = out.offset > inode->size ? 0 : std::min<std::uint64_t>(left, inode->size - out.offset);
  auto request = queue_.make(Opcode::kNotifyReply, out.nodeid, {});
  wire::NotifyRetrieveIn in{};
  in.offset = out.offset;
  std::vector<std::byte> data;
  for (std::uint64_t at = out.offset; left > 0;) {
    const auto [index, within, size] = first_part(at, left);
    const Page* const page = inode->pages.find(index);
    if (page == nullptr) break;
    data.insert(data.end(), page->bytes.data() + within, page->bytes.data() + within + size);
    at += size;
    left -= size;
  }
  in.size = static_cast<std::uint32_t>(data.size());
  request->add(in).bytes(data);
  queue_.send_numbered(std::move(request), out.notify_unique);
  return 0;
}

// fuse_file_poll.
std::uint32_t Filesystem::poll(OpenFile& file, std::uint32_t events, bool waits, const Process& task) {
  constexpr std::uint32_t kDefault = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;  // DEFAULT_POLLMASK
  if (!file.inode->is_regular() || connection_.no_poll) return kDefault;
  wire::PollIn in{};
  in.fh = file.handle;
  in.kh = file.kernel_handle;
  in.events = events;
  if (waits) {
    in.flags |= kPollScheduleNotify;
    polled_[file.kernel_handle] = &file;
  }
  const auto request = make(Opcode::kPoll, file.inode->nodeid, task);
  request->add(in);
  const Result<void> answer = call(*request);
  if (answer) return request->out<wire::PollOut>().revents;
  if (answer.error() != Errno(ENOSYS)) return POLLERR;
  connection_.no_poll = true;
  return kDefault;
}

// fuse_notify_poll_wakeup.
void Filesystem::wake_pollers(std::uint64_t kernel_handle) noexcept {
  if (const auto polled = polled_.find(kernel_handle); polled != polled_.end()) ++polled->second->poll_wakeups;
}

/// Somebody who waits for NOTIFY_POLL.
struct Filesystem::PollWait final : WaitReason {
  explicit PollWait(const OpenFile& what) noexcept : file(what) {}
  std::string describe() const override {
    return "NOTIFY_POLL of nodeid " + std::to_string(file.inode->nodeid) + " never comes";
  }
  const OpenFile& file;
};

Result<bool> Filesystem::wait_for_poll(const OpenFile& file, std::uint64_t seen, std::int64_t deadline) {
  const Task& task = scheduler_.current();
  const auto late = [&] { return deadline >= 0 && now() >= deadline; };
  const bool came = scheduler_.wait_until(
      [&] { return file.poll_wakeups != seen || late() || task.signal() != Signal::kNone; }, PollWait(file));
  if (!came) return Errno(EDEADLK);
  if (file.poll_wakeups == seen && !late()) return Errno(EINTR);
  return file.poll_wakeups != seen;
}

// fuse_notify_prune: names of these inodes that nobody uses go (d_prune_aliases).
int Filesystem::prune(std::uint32_t count, Bytes nodeids) {
  if (nodeids.size() != count * sizeof(std::uint64_t)) return -EINVAL;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint64_t nodeid = 0;
    std::memcpy(&nodeid, nodeids.data() + i * sizeof(nodeid), sizeof(nodeid));
    for (const DentryRef& name : names_of(*root_, nodeid)) {
      if (name->unused(1)) unhash(*name);
    }
  }
  return 0;
}

}  // namespace fusereplay::kernel

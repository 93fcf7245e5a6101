#include "core/session/ring_queue.h"

#include <liburing.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/protocol/reply_check.h"
#include "core/protocol/wire.h"
#include "core/session/read_buffers.h"
#include "core/unique_fd.h"

namespace fusereplay {
namespace {

// include/uapi/linux/fuse.h, 7.42 and later.
constexpr std::uint32_t kRegister = 1;
constexpr std::uint32_t kCommitAndFetch = 2;
constexpr std::size_t kHeaderArea = 128;
struct EntryInOut {
  std::uint64_t flags;
  std::uint64_t commit_id;
  std::uint32_t payload_size;
  std::uint32_t padding;
  std::uint64_t reserved;
};
struct EntryHeaders {
  std::array<std::byte, kHeaderArea> in_out;  // the header of the request, then of the reply
  std::array<std::byte, kHeaderArea> op_in;   // the struct of the opcode
  EntryInOut about;
};
static_assert(sizeof(EntryHeaders) == 288);
struct CommandArea {
  std::uint64_t flags;
  std::uint64_t commit_id;
  std::uint16_t queue;
  std::array<std::uint8_t, 6> padding;
};
static_assert(sizeof(CommandArea) == 24);

constexpr unsigned kRingFlags = IORING_SETUP_SQE128 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
constexpr std::size_t kLargestHead = sizeof(wire::InHeader) + kHeaderArea;

/// The ring belongs to the thread that makes it.
Result<void> make_ring(io_uring& ring, unsigned entries) {
  io_uring_params parameters{};
  parameters.flags = kRingFlags;
  const int made = io_uring_queue_init_params(entries, &ring, &parameters);
  if (made < 0) return Errno(-made);
  return {};
}

/// Address space for the payloads; memory comes where it is used.
class Payloads {
 public:
  explicit Payloads(std::size_t size)
      : size_(size),
        memory_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    FUSEREPLAY_CHECK(memory_ != MAP_FAILED, describe(Errno::last()));
  }
  Payloads(const Payloads&) = delete;
  Payloads& operator=(const Payloads&) = delete;
  ~Payloads() { ::munmap(memory_, size_); }
  std::byte* at(std::size_t offset) const noexcept { return static_cast<std::byte*>(memory_) + offset; }

 private:
  const std::size_t size_;
  void* const memory_;
};

}  // namespace

class RingQueue::Ring {
 public:
  Ring(int device, const Setup& setup, EventSource& events, ReplyChannel& notifications)
      : device_(device),
        setup_(setup),
        events_(events),
        notifications_(notifications),
        wake_(::eventfd(0, EFD_CLOEXEC)),
        payloads_(setup.depth * setup.payload),
        buffers_(kLargestHead + setup.payload),
        entries_(setup.depth) {
    FUSEREPLAY_CHECK(wake_.valid(), "no descriptor left for the session");
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      entries_[i].buffers[0] = {.iov_base = &entries_[i].headers, .iov_len = sizeof(EntryHeaders)};
      entries_[i].buffers[1] = {.iov_base = payloads_.at(i * setup.payload), .iov_len = setup.payload};
    }
  }

  Result<void> serve(const Handle& handle);
  std::int64_t send(const Message& message);
  Result<std::vector<std::uint32_t>> groups_of(std::uint32_t pid) const { return notifications_.groups_of(pid); }
  void stop();

 private:
  /// A place for one request, known to the kernel by its buffers.
  struct Entry {
    EntryHeaders headers{};
    std::array<iovec, 2> buffers{};
    std::uint64_t unique = 0;  // of the request that waits for its reply; guarded by mutex_; 0: none
    std::byte* payload() const noexcept { return static_cast<std::byte*>(buffers[1].iov_base); }
  };

  void bind_to_cpu() const noexcept;
  io_uring_sqe& next_sqe();
  io_uring_sqe& command(std::uint32_t operation, Entry& entry, std::uint64_t commit_id);
  void await_wake();
  void wake() const noexcept;
  bool submit_replies();
  bool reap(const Handle& handle);
  void take(Entry& entry, const Handle& handle);
  std::int64_t reply(const wire::OutHeader& header, const Message& message);

  const int device_;
  const Setup setup_;
  EventSource& events_;
  ReplyChannel& notifications_;
  const UniqueFd wake_;
  std::uint64_t wake_value_ = 0;  // where the ring reads it to
  const Payloads payloads_;
  ReadBuffers buffers_;
  std::vector<Entry> entries_;  // never resized: the kernel has its addresses
  io_uring ring_{};             // the queue's thread only

  std::mutex mutex_;              // guards all below and Entry::unique; innermost
  std::vector<Entry*> answered_;  // to be given back
  bool awake_ = true;             // the thread will look at answered_ before it waits
  bool ended_ = false;
};

/// The kernel wakes the thread where the caller runs. Where we may not run there it works as well, only slower.
void RingQueue::Ring::bind_to_cpu() const noexcept {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || !CPU_ISSET(setup_.cpu, &allowed)) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(setup_.cpu, &one);
  ::sched_setaffinity(0, sizeof(one), &one);
}

io_uring_sqe& RingQueue::Ring::next_sqe() {
  io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
  FUSEREPLAY_CHECK(sqe != nullptr, "the ring has room for every entry and the eventfd");
  std::memset(sqe, 0, 2 * sizeof(*sqe));  // SQE128
  return *sqe;
}

io_uring_sqe& RingQueue::Ring::command(std::uint32_t operation, Entry& entry, std::uint64_t commit_id) {
  io_uring_sqe& sqe = next_sqe();
  sqe.opcode = IORING_OP_URING_CMD;
  sqe.fd = device_;
  sqe.cmd_op = operation;
  const CommandArea area{.flags = 0, .commit_id = commit_id, .queue = setup_.cpu, .padding = {}};
  std::memcpy(sqe.cmd, &area, sizeof(area));
  io_uring_sqe_set_data(&sqe, &entry);
  return sqe;
}

void RingQueue::Ring::await_wake() {
  io_uring_sqe& sqe = next_sqe();
  io_uring_prep_read(&sqe, wake_.get(), &wake_value_, sizeof(wake_value_), 0);
  io_uring_sqe_set_data(&sqe, nullptr);
}

Result<void> RingQueue::Ring::serve(const Handle& handle) {
  if (const Result<void> made = make_ring(ring_, 2 * setup_.depth); !made) return made;
  struct Close {
    io_uring& ring;
    ~Close() { io_uring_queue_exit(&ring); }
  } const close{ring_};
  bind_to_cpu();
  for (Entry& entry : entries_) {
    io_uring_sqe& sqe = command(kRegister, entry, 0);
    sqe.addr = reinterpret_cast<std::uintptr_t>(entry.buffers.data());
    sqe.len = static_cast<std::uint32_t>(entry.buffers.size());
  }
  await_wake();
  for (;;) {
    if (!submit_replies()) break;
    const int waited = io_uring_submit_and_wait(&ring_, 1);
    if (waited < 0 && waited != -EINTR && waited != -EAGAIN) return Errno(-waited);
    if (!reap(handle)) break;
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  return {};
}

void RingQueue::Ring::stop() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake();
}

void RingQueue::Ring::wake() const noexcept {
  const std::uint64_t one = 1;
  FUSEREPLAY_CHECK(::write(wake_.get(), &one, sizeof(one)) == sizeof(one), "an eventfd that is read takes values");
}

/// False: the connection has ended.
bool RingQueue::Ring::submit_replies() {
  const std::lock_guard lock(mutex_);
  for (Entry* entry : answered_) command(kCommitAndFetch, *entry, entry->headers.about.commit_id);
  answered_.clear();
  awake_ = false;
  return !ended_;
}

/// False: the connection has ended.
bool RingQueue::Ring::reap(const Handle& handle) {
  {
    const std::lock_guard lock(mutex_);
    awake_ = true;
  }
  bool connected = true;
  io_uring_cqe* cqe = nullptr;
  while (connected && io_uring_peek_cqe(&ring_, &cqe) == 0) {
    auto* const entry = static_cast<Entry*>(io_uring_cqe_get_data(cqe));
    const int result = cqe->res;
    io_uring_cqe_seen(&ring_, cqe);
    if (entry == nullptr) {
      await_wake();
    } else if (result == 0) {
      take(*entry, handle);
    } else {
      connected = result == -ENOENT || result == -EIO;  // that entry is lost, the others are not
    }
  }
  return connected;
}

/// What lies in three places becomes one message.
void RingQueue::Ring::take(Entry& entry, const Handle& handle) {
  const EntryHeaders& headers = entry.headers;
  wire::InHeader header{};
  std::memcpy(&header, headers.in_out.data(), sizeof(header));
  const std::size_t payload = headers.about.payload_size;
  FUSEREPLAY_CHECK(header.len >= sizeof(header) + payload && payload <= setup_.payload,
                   "the ring gives whole messages");
  const std::size_t structs = header.len - sizeof(header) - payload;
  FUSEREPLAY_CHECK(structs <= kHeaderArea, "the struct of an opcode fits its area");

  IncomingRequest request;
  request.buffer = header.len <= ReadBuffers::kSmallMessage ? buffers_.small() : buffers_.large();
  std::byte* const bytes = request.buffer->data();
  std::memcpy(bytes, &header, sizeof(header));
  std::memcpy(bytes + sizeof(header), headers.op_in.data(), structs);
  std::memcpy(bytes + sizeof(header) + structs, entry.payload(), payload);
  request.bytes = Bytes(bytes, header.len);
  {
    const std::lock_guard lock(mutex_);
    entry.unique = header.unique;
  }
  events_.announce(request, setup_.channel);
  handle(std::move(request));
}

std::int64_t RingQueue::Ring::send(const Message& message) {
  wire::OutHeader header{};
  if (message.head.size() < sizeof(header)) return -EINVAL;
  std::memcpy(&header, message.head.data(), sizeof(header));
  if (header.unique == 0) return notifications_.send(message);
  return events_.pass_on(message, setup_.channel, [&] { return reply(header, message); });
}

std::int64_t RingQueue::Ring::reply(const wire::OutHeader& header, const Message& message) {
  const std::size_t payload = message.size() - sizeof(header);
  if (!has_sound_header(header, message) || payload > setup_.payload) return -EINVAL;
  bool asleep = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.unique == header.unique; });
    if (ended_ || found == entries_.end()) return -ENOENT;
    found->unique = 0;
    std::memcpy(found->headers.in_out.data(), &header, sizeof(header));
    const Bytes rest = message.head.subspan(sizeof(header));
    std::copy(rest.begin(), rest.end(), found->payload());
    std::copy(message.tail.begin(), message.tail.end(), found->payload() + rest.size());
    found->headers.about.payload_size = static_cast<std::uint32_t>(payload);
    answered_.push_back(&*found);
    asleep = !std::exchange(awake_, true);
  }
  if (asleep) wake();
  return static_cast<std::int64_t>(message.size());
}

RingQueue::RingQueue(int device, const Setup& setup, EventSource& events, ReplyChannel& notifications)
    : ring_(std::make_unique<Ring>(device, setup, events, notifications)) {}
RingQueue::~RingQueue() = default;

Result<void> RingQueue::serve(const Handle& handle) {
  return ring_->serve(handle);
}
std::int64_t RingQueue::send(const Message& message) {
  return ring_->send(message);
}

Result<std::vector<std::uint32_t>> RingQueue::groups_of(std::uint32_t pid) const {
  return ring_->groups_of(pid);
}

void RingQueue::stop() {
  ring_->stop();
}

std::string ring_obstacle() {
  std::ifstream setting("/sys/module/fuse/parameters/enable_uring");
  if (!setting) return "this kernel has no FUSE over io_uring (Linux 6.14 and later have)";
  if (setting.get() != 'Y') {
    return "FUSE over io_uring is switched off (echo Y > /sys/module/fuse/parameters/enable_uring)";
  }
  io_uring ring{};
  if (const Result<void> made = make_ring(ring, 1); !made) {
    return "io_uring cannot be used (" + describe(made.error()) + "); see sysctl kernel.io_uring_disabled";
  }
  io_uring_queue_exit(&ring);
  return {};
}

std::uint16_t ring_queues() {
  std::ifstream list("/sys/devices/system/cpu/possible");  // "0-3,8-11"
  unsigned count = 0;
  for (unsigned first = 0; list >> first; list.ignore(1, ',')) {
    unsigned last = first;
    if (list.peek() == '-') list.ignore() >> last;
    count += last - first + 1;
  }
  FUSEREPLAY_CHECK(count > 0, "sysfs tells which CPUs are possible");
  return static_cast<std::uint16_t>(count);
}

}  // namespace fusereplay

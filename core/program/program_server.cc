#include "core/program/program_server.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/event/synthetic.h"
#include "core/protocol/builder.h"
#include "core/protocol/dirent.h"
#include "core/protocol/flags.h"
#include "core/protocol/opcode.h"
#include "core/result.h"

namespace fusereplay {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kNeedsADevice =
    kInitSpliceRead | kInitSpliceWrite | kInitSpliceMove | kInitOverIoUring | kInitPassthrough;
constexpr std::size_t kPage = 4096;
constexpr std::uint16_t kDefaultPages = 32;  // FUSE_DEFAULT_MAX_PAGES_PER_REQ

}  // namespace

tl::expected<std::unique_ptr<ProgramServer>, std::string> ProgramServer::start(const ProgramSetup& setup) {
  auto program = Program::start(setup);
  if (!program) return tl::unexpected(program.error());
  return std::unique_ptr<ProgramServer>(new ProgramServer(std::move(*program), setup));
}

ProgramServer::ProgramServer(Program program, const ProgramSetup& setup)
    : program_(std::move(program)),
      patience_(setup.patience),
      end_patience_(setup.end_patience),
      space_(program_.socket_buffer()) {}

ProgramServer::~ProgramServer() = default;

void ProgramServer::handle(IncomingRequest request, ReplyChannel& replies) {
  replies_ = &replies;
  look_for_end();
  if (gone_) return;
  const auto header = read_in_header(request.bytes);
  FUSEREPLAY_CHECK(header.has_value(), "clients send whole requests");
  const auto opcode = static_cast<Opcode>(header->opcode);
  if (expects_reply(opcode)) {
    Awaited awaited;
    awaited.opcode = opcode;
    awaited.nodeid = header->nodeid;
    if (const auto view = RequestView::parse(request.bytes)) {
      awaited.asks_size = asks_size(*view);
      if (opcode == Opcode::kOpen || opcode == Opcode::kOpendir) {
        awaited.open_flags = view->fixed<wire::OpenIn>().flags;
      } else if (creates_open(opcode)) {
        awaited.open_flags = view->fixed<wire::CreateIn>().flags;
      }
    }
    awaited_[header->unique] = awaited;
    ++waited_for_;
  }
  if (opcode == Opcode::kInit) {
    Packet packet(request.bytes.begin(), request.bytes.end());
    wire::InitIn init{};
    const std::size_t size = std::min(sizeof(init), packet.size() - sizeof(*header));
    std::memcpy(&init, packet.data() + sizeof(*header), size);
    init.flags &= ~static_cast<std::uint32_t>(kNeedsADevice);
    init.flags2 &= ~static_cast<std::uint32_t>(kNeedsADevice >> 32);
    std::memcpy(packet.data() + sizeof(*header), &init, size);
    send_packet(packet);
  } else if (!send_packet(request.bytes) && !gone_ && awaited_.erase(header->unique) != 0) {
    // As a device does whose reader's buffer is too small: fs/fuse/dev.c fuse_dev_do_read.
    --waited_for_;
    MessageBuilder builder;
    replies.send({.head = builder.start_reply(header->unique, opcode == Opcode::kSetxattr ? -E2BIG : -EIO).finish(),
                  .tail = {}});
  }
}

/// Whoever else has the device may answer, but could not be ended.
void ProgramServer::look_for_end() {
  pollfd process{.fd = program_.process(), .events = POLLIN, .revents = 0};
  if (gone_ || ::poll(&process, 1, 0) <= 0) return;
  while (auto packet = receive()) inbox_.push_back(std::move(*packet));
  if (!gone_) set_gone("left its device to another process: it must stay in the foreground");
}

/// False where the message is too large for the socket, or the program is gone.
bool ProgramServer::send_packet(Bytes bytes) {
  const auto deadline = Clock::now() + patience_;
  while (!gone_) {
    if (::send(program_.device(), bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0) return true;
    if (errno == EMSGSIZE) return false;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != ENOBUFS) {
      set_gone_with_its_device();
      break;
    }
    // It may itself wait for us to take a reply.
    while (auto packet = receive()) inbox_.push_back(std::move(*packet));
    if (!gone_ && !wait(POLLIN | POLLOUT, deadline))
      set_gone("has read no request for " + std::to_string(patience_.count()) + " ms");
  }
  return false;
}

std::optional<ProgramServer::Packet> ProgramServer::receive() {
  ssize_t size = 0;
  do {
    size = ::recv(program_.device(), space_.data(), space_.size(), 0);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return std::nullopt;
  if (size <= 0) {
    set_gone_with_its_device();
    return std::nullopt;
  }
  Packet packet(space_.begin(), space_.begin() + size);
  const auto header = read_out_header({.head = packet, .tail = {}});
  if (!header || header->len != packet.size()) {
    set_gone("sent a packet of " + std::to_string(packet.size()) + " bytes that is not one message" +
             (header ? " of " + std::to_string(header->len) : ""));
    return std::nullopt;
  }
  return packet;
}

bool ProgramServer::wait(short events, Clock::time_point deadline) {
  while (true) {
    std::array<pollfd, 2> watched = {{{.fd = program_.device(), .events = events, .revents = 0},
                                      {.fd = program_.process(), .events = POLLIN, .revents = 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    if (watched[0].revents == 0) look_for_end();
    return true;
  }
}

ServerProgress ProgramServer::run_one() {
  const auto deadline = Clock::now() + patience_;
  while (true) {
    if (!inbox_.empty()) {
      Packet packet = std::move(inbox_.front());
      inbox_.pop_front();
      deliver(std::move(packet));
      return ServerProgress::kDone;
    }
    if (gone_) return ServerProgress::kGone;
    if (auto packet = receive()) {
      inbox_.push_back(std::move(*packet));
    } else if (!gone_) {
      if (waited_for_ == 0) return ServerProgress::kIdle;
      if (!wait(POLLIN, deadline)) {
        give_up();
        return ServerProgress::kIdle;
      }
    }
  }
}

void ProgramServer::deliver(Packet packet) {
  const wire::OutHeader header = *read_out_header({.head = packet, .tail = {}});
  const auto found = awaited_.find(header.unique);
  if (found == awaited_.end()) {  // a notification, the reply to an INTERRUPT, or one that nobody asked for
    replies_->send({.head = packet, .tail = {}});
    return;
  }
  const Awaited request = found->second;
  if (request.opcode == Opcode::kInit && header.error == 0) settle_init(packet);
  const std::int64_t result = request.ours ? 0 : replies_->send(Message{.head = packet, .tail = {}});
  const bool out_of_range = header.error > 0 || header.error <= -512;  // then the request goes on (reference 3.1)
  if (result == -EINVAL && out_of_range) return;
  if (!request.given_up) --waited_for_;
  awaited_.erase(header.unique);
  if (result < 0 && header.error == 0) take_back(request, {.head = packet, .tail = {}});
}

void ProgramServer::settle_init(Packet& packet) const {
  wire::InitOut init{};
  const std::size_t size = std::min(sizeof(init), packet.size() - sizeof(wire::OutHeader));
  std::memcpy(&init, packet.data() + sizeof(wire::OutHeader), size);
  // A page for the headers beside the data, as fuse_dev_do_read's callers reckon.
  const std::size_t pages = (program_.message_capacity() - kPage) / kPage;
  if ((init.flags & kInitMaxPages) != 0) {
    init.max_pages = static_cast<std::uint16_t>(std::min<std::size_t>(init.max_pages, pages));
  }
  const std::size_t settled = (init.flags & kInitMaxPages) != 0 ? init.max_pages : kDefaultPages;
  init.max_write = static_cast<std::uint32_t>(std::min<std::size_t>(init.max_write, settled * kPage));
  std::memcpy(packet.data() + sizeof(wire::OutHeader), &init, size);
}

void ProgramServer::take_back(const Awaited& request, const Message& reply) {
  const auto body = ReplyView::parse(reply, request.opcode, request.asks_size);
  if (!body) return;
  std::uint64_t nodeid = request.nodeid;
  if (answers_with_entry(request.opcode)) nodeid = body->fixed<wire::EntryOut>().nodeid;
  switch (request.opcode) {
    case Opcode::kOpen:
    case Opcode::kCreate:
    case Opcode::kTmpfile:
      send_release(Opcode::kRelease, nodeid, body->fixed<wire::OpenOut>().fh, request.open_flags);
      break;
    case Opcode::kOpendir:
      send_release(Opcode::kReleasedir, nodeid, body->fixed<wire::OpenOut>().fh, request.open_flags);
      break;
    case Opcode::kReaddirplus:
      for (DirentReader records(DirentKind::kPlus, body->tail()); const auto record = records.next();) {
        if (!is_dot_name(record->name)) send_forget(record->entry.nodeid);
      }
      break;
    default:
      break;
  }
  if (answers_with_entry(request.opcode)) send_forget(nodeid);
}

void ProgramServer::send_release(Opcode opcode, std::uint64_t nodeid, std::uint64_t handle, std::uint32_t flags) {
  wire::InHeader header{};
  header.unique = kUniqueSyntheticBit | (own_uniques_ += 2);
  header.nodeid = nodeid;
  wire::ReleaseIn release{};
  release.fh = handle;
  release.flags = flags;
  Awaited awaited;
  awaited.opcode = opcode;
  awaited.ours = true;
  awaited_[header.unique] = awaited;
  ++waited_for_;
  MessageBuilder builder;
  send_packet(builder.start_request(opcode, header).add(release).finish());
}

void ProgramServer::send_forget(std::uint64_t nodeid) {
  if (nodeid == 0) return;
  wire::InHeader header{};
  header.unique = kUniqueSyntheticBit | (own_uniques_ += 2);
  header.nodeid = nodeid;
  MessageBuilder builder;
  send_packet(builder.start_request(Opcode::kForget, header).add(wire::ForgetIn{.nlookup = 1}).finish());
}

void ProgramServer::give_up() {
  for (auto& [unique, awaited] : awaited_) awaited.given_up = true;
  waited_for_ = 0;
  obstacle_ = "the program has not answered for " + std::to_string(patience_.count()) + " ms" + last_words();
}

/// A process that ends needs a moment from closing its descriptors to its end.
void ProgramServer::set_gone_with_its_device() {
  pollfd process{.fd = program_.process(), .events = POLLIN, .revents = 0};
  ::poll(&process, 1, 1000);
  set_gone("has closed its device");
}

void ProgramServer::set_gone(std::string reason) {
  gone_ = true;
  const auto end = program_.end();
  obstacle_ = "the program " + (end ? describe(*end) + "; it " : std::string()) + std::move(reason) + last_words();
}

std::string ProgramServer::last_words() const {
  std::string said = program_.output();
  while (!said.empty() && said.back() == '\n') said.pop_back();
  if (said.empty()) return {};
  const auto line = said.rfind('\n');
  return "; the last it said: " + said.substr(line == std::string::npos ? 0 : line + 1);
}

void ProgramServer::disconnect() {
  program_.stop(end_patience_);
}

}  // namespace fusereplay

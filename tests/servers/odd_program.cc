// odd_program MODE /dev/fd/N: serves a root directory that answers GETATTR, and misbehaves as MODE says.
//   pieces      sends the reply to its first GETATTR in two packets, as splice(2) would
//   notifies    makes the attributes of the root invalid before each reply to GETATTR
//   lingers     ignores SIGTERM
//   background  goes on in another process
//   vmsplice    says on stderr what vmsplice(2) gives, and ends
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/protocol/builder.h"
#include "core/protocol/view.h"

using namespace fusereplay;

namespace {

void try_vmsplice() {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) return;
  char byte = 'x';
  const iovec piece{.iov_base = &byte, .iov_len = 1};
  const auto size = ::vmsplice(pipe[1], &piece, 1, 0);
  std::fprintf(stderr, "vmsplice: %s\n", size < 0 ? std::strerror(errno) : "done");
}

void answer(int device, const wire::InHeader& request, std::string_view mode) {
  MessageBuilder builder;
  const auto opcode = static_cast<Opcode>(request.opcode);
  if (mode == "notifies" && opcode == Opcode::kGetattr) {
    const Bytes notification = builder.start_notification(NotifyCode::kInvalInode)
                                   .add(wire::NotifyInvalInodeOut{.ino = 1, .off = -1, .len = 0})
                                   .finish();
    ::send(device, notification.data(), notification.size(), 0);
  }
  builder.start_reply(request.unique, 0);
  if (opcode == Opcode::kInit) {
    wire::InitOut init{};
    init.major = 7;
    init.minor = 38;
    init.max_write = 1 << 20;
    builder.add(init);
  } else if (opcode == Opcode::kGetattr) {
    wire::AttrOut attributes{};
    attributes.attr.mode = S_IFDIR | 0755;
    attributes.attr.nlink = 2;
    builder.add(attributes);
  } else {
    builder.start_reply(request.unique, -ENOSYS);
  }
  Bytes reply = builder.finish();
  if (mode == "pieces" && opcode == Opcode::kGetattr) {
    ::send(device, reply.data(), sizeof(wire::OutHeader), 0);
    reply = reply.subspan(sizeof(wire::OutHeader));
  }
  ::send(device, reply.data(), reply.size(), 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view mode = argv[1];
  const int device = std::atoi(argv[2] + std::strlen("/dev/fd/"));
  if (mode == "lingers") std::signal(SIGTERM, SIG_IGN);
  if (mode == "background" && ::fork() != 0) return 0;
  if (mode == "vmsplice") {
    try_vmsplice();
    return 5;
  }
  alignas(8) static std::array<std::byte, (2 << 20)> space;
  while (true) {
    const auto size = ::recv(device, space.data(), space.size(), 0);
    if (size <= 0) return 0;
    const auto header = read_in_header(Bytes(space.data(), static_cast<std::size_t>(size)));
    if (header && expects_reply(static_cast<Opcode>(header->opcode))) answer(device, *header, mode);
  }
}

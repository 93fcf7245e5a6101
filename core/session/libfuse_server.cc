#define FUSE_USE_VERSION 314

#include "core/session/libfuse_server.h"

#include <fuse.h>
#include <fuse_lowlevel.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <utility>

#include "core/result.h"

namespace fusereplay {
namespace {

/// Arguments as libfuse wants them; argv[0] is the program's name.
class Arguments {
 public:
  explicit Arguments(const std::vector<std::string>& arguments) {
    fuse_opt_add_arg(&args_, "fusereplay");
    for (const std::string& argument : arguments) fuse_opt_add_arg(&args_, argument.c_str());
  }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  ~Arguments() { fuse_opt_free_args(&args_); }
  fuse_args* get() noexcept { return &args_; }

 private:
  fuse_args args_ = FUSE_ARGS_INIT(0, nullptr);
};

/// One message of several pieces, in one.
class Gathered {
 public:
  explicit Gathered(std::span<const iovec> pieces) {
    for (const iovec& piece : pieces) size_ += piece.iov_len;
    std::byte* at = small_.data();
    if (size_ > small_.size()) {
      large_ = BufferRef::allocate(size_);
      at = large_->data();
    }
    message_.head = Bytes(at, size_);
    for (const iovec& piece : pieces) {
      std::memcpy(at, piece.iov_base, piece.iov_len);
      at += piece.iov_len;
    }
    if (large_) message_.owner = &large_;
  }
  Gathered(const Gathered&) = delete;  // the message points into it
  Gathered& operator=(const Gathered&) = delete;
  const Message& message() const noexcept { return message_; }

 private:
  alignas(8) std::array<std::byte, 4096> small_;
  std::size_t size_ = 0;
  BufferRef large_;
  Message message_;
};

}  // namespace

class LibfuseServer::Impl {
 public:
  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { end(); }

  /// A server over the session, which belongs to `filesystem` where that is not null. It is ended either way.
  static Made make(fuse_session* session, fuse* filesystem);
  void handle(const IncomingRequest& request, ReplyChannel& replies);
  void end() noexcept;

 private:
  tl::expected<void, std::string> adopt(fuse_session* session, fuse* filesystem);
  static ssize_t write_hook(int fd, iovec* pieces, int count, void* userdata) noexcept;
  static ssize_t read_hook(int, void*, std::size_t, void*) noexcept {
    errno = ENODEV;
    return -1;
  }
  std::int64_t pass_on(const Message& message);

  /// libfuse tells the hook nothing but the session's descriptor and the filesystem's own user data.
  class Directory {
   public:
    void add(int fd, Impl* impl) {
      const std::unique_lock lock(mutex_);
      servers_[fd] = impl;
    }
    void remove(int fd) noexcept {
      const std::unique_lock lock(mutex_);
      servers_.erase(fd);
    }
    Impl* find(int fd) {
      const std::shared_lock lock(mutex_);
      const auto found = servers_.find(fd);
      return found == servers_.end() ? nullptr : found->second;
    }

   private:
    std::shared_mutex mutex_;  // guards servers_; innermost
    std::map<int, Impl*> servers_;
  };
  static Directory& directory() {
    static Directory all;
    return all;
  }

  fuse_session* session_ = nullptr;
  fuse* filesystem_ = nullptr;
  int fd_ = -1;              // the session closes it
  std::shared_mutex mutex_;  // guards replies_ for as long as a message is on its way; outermost
  ReplyChannel* replies_ = nullptr;
};

LibfuseServer::Made LibfuseServer::Impl::make(fuse_session* session, fuse* filesystem) {
  auto impl = std::make_unique<Impl>();
  if (auto adopted = impl->adopt(session, filesystem); !adopted) return tl::unexpected(adopted.error());
  return std::unique_ptr<LibfuseServer>(new LibfuseServer(std::move(impl)));
}

tl::expected<void, std::string> LibfuseServer::Impl::adopt(fuse_session* session, fuse* filesystem) {
  session_ = session;
  filesystem_ = filesystem;
  const int fd = ::eventfd(0, EFD_CLOEXEC);
  if (fd < 0) return tl::unexpected("eventfd: " + describe(Errno::last()));
  const fuse_custom_io io{.writev = &write_hook, .read = &read_hook, .splice_receive = nullptr, .splice_send = nullptr};
  if (fuse_session_custom_io(session, &io, fd) != 0) {
    ::close(fd);
    return tl::unexpected(std::string("fuse_session_custom_io failed"));
  }
  fd_ = fd;
  directory().add(fd, this);
  return {};
}

ssize_t LibfuseServer::Impl::write_hook(int fd, iovec* pieces, int count, void*) noexcept {
  Impl* const self = directory().find(fd);
  const std::int64_t result =
      self == nullptr ? -ENOENT : self->pass_on(Gathered({pieces, static_cast<std::size_t>(count)}).message());
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

std::int64_t LibfuseServer::Impl::pass_on(const Message& message) {
  const std::shared_lock lock(mutex_);
  return replies_ == nullptr ? -ENOENT : replies_->send(message);
}

void LibfuseServer::Impl::handle(const IncomingRequest& request, ReplyChannel& replies) {
  if (replies_ == nullptr) {  // INIT: alone
    const std::unique_lock lock(mutex_);
    replies_ = &replies;
  }
  // libfuse clears FATTR_FH in a SETATTR where it stands, and the request is not ours to write to. What is larger is
  // the data of a WRITE, or a long list.
  alignas(8) std::array<std::byte, 4096> copy;
  fuse_buf buffer{};
  buffer.size = request.bytes.size();
  buffer.mem = const_cast<std::byte*>(request.bytes.data());
  if (request.bytes.size() <= copy.size()) {
    std::memcpy(copy.data(), request.bytes.data(), request.bytes.size());
    buffer.mem = copy.data();
  }
  fuse_session_process_buf(session_, &buffer);
}

void LibfuseServer::Impl::end() noexcept {
  {
    const std::unique_lock lock(mutex_);
    replies_ = nullptr;
  }
  // The descriptor's number may be another's as soon as the session has closed it.
  if (const int fd = std::exchange(fd_, -1); fd >= 0) directory().remove(fd);
  fuse_session* const session = std::exchange(session_, nullptr);
  if (fuse* const filesystem = std::exchange(filesystem_, nullptr)) {
    fuse_destroy(filesystem);
  } else if (session != nullptr) {
    fuse_session_destroy(session);
  }
}

LibfuseServer::LibfuseServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LibfuseServer::~LibfuseServer() = default;

LibfuseServer::Made LibfuseServer::low_level(const fuse_lowlevel_ops* operations, std::size_t operations_size,
                                             void* userdata, const std::vector<std::string>& arguments) {
  Arguments args(arguments);
  fuse_session* const session = fuse_session_new(args.get(), operations, operations_size, userdata);
  if (session == nullptr) return tl::unexpected(std::string("fuse_session_new failed"));
  return Impl::make(session, nullptr);
}

LibfuseServer::Made LibfuseServer::high_level(const fuse_operations* operations, std::size_t operations_size,
                                              void* private_data, const std::vector<std::string>& arguments) {
  Arguments args(arguments);
  fuse* const filesystem = fuse_new(args.get(), operations, operations_size, private_data);
  if (filesystem == nullptr) return tl::unexpected(std::string("fuse_new failed"));
  return Impl::make(fuse_get_session(filesystem), filesystem);
}

void LibfuseServer::handle(IncomingRequest request, ReplyChannel& replies) {
  impl_->handle(request, replies);
}

void LibfuseServer::disconnect() {
  impl_->end();
}

}  // namespace fusereplay

#include "core/operations/backing_files.h"

#include <mutex>

#include "core/server/server.h"

namespace fusereplay {

namespace internal {

/// The way to the kernel, for as long as there is one.
struct BackingLink {
  std::mutex mutex;                 // guards channel, and is held while it is used; innermost
  ReplyChannel* channel = nullptr;  // null: INIT is not answered, or the connection has ended
};

}  // namespace internal

BackingFile::~BackingFile() {
  if (link_ == nullptr) return;
  const std::lock_guard lock(link_->mutex);
  if (link_->channel != nullptr) link_->channel->close_backing(id_);
}

BackingFiles::BackingFiles() : link_(std::make_shared<internal::BackingLink>()) {}

Result<BackingFile> BackingFiles::open(int fd) {
  const std::lock_guard lock(link_->mutex);
  if (link_->channel == nullptr) return Errno(ENOTCONN);
  const Result<std::int32_t> id = link_->channel->open_backing(fd);
  if (!id) return id.error();
  return BackingFile(link_, *id);
}

void BackingFiles::connect(ReplyChannel& channel) noexcept {
  const std::lock_guard lock(link_->mutex);
  link_->channel = &channel;
}

void BackingFiles::disconnect() noexcept {
  const std::lock_guard lock(link_->mutex);
  link_->channel = nullptr;
}

}  // namespace fusereplay

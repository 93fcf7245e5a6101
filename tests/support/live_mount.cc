#include "tests/support/live_mount.h"

#include <stdexcept>
#include <utility>

namespace fusereplay::testing {
namespace {

SessionOptions session_options(LiveMountOptions& options) {
  return SessionOptions{.mountpoint = LiveEnvironment::make_directory("mount"),
                        .mount = std::move(options.mount),
                        .threads = options.threads,
                        .transport = options.transport,
                        .observers = std::move(options.observers)};
}

}  // namespace

LiveMount::LiveMount(Server& server, LiveMountOptions options) : session_(server, session_options(options)) {
  if (const auto started = session_.start(); !started) throw std::runtime_error(started.error().message);
  if (auto control = ConnectionControl::open(session_.mount().connection())) control_ = std::move(*control);
  watchdog_.emplace(options.deadline, [this] {
    if (control_) static_cast<void>(control_->abort());
  });
}

std::string LiveMount::path(const std::string& below) const {
  const std::string& top = session_.mount().mountpoint();
  return below.empty() ? top : top + "/" + below;
}

ChildResult LiveMount::run(const std::string& command, std::chrono::seconds timeout) {
  return start(command).wait(timeout);
}

ChildProcess LiveMount::start(const std::string& command) {
  return ChildProcess({"sh", "-c", command}, path());
}

EndReason LiveMount::unmount() {
  if (const auto unmounted = session_.unmount(); !unmounted) {
    throw std::runtime_error("cannot unmount " + path() + ": " + describe(unmounted.error()));
  }
  return session_.wait();
}

}  // namespace fusereplay::testing

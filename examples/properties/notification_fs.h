// PROPERTY: what changes behind the kernel's back, the kernel is told.
//
// With long timeouts and kept pages the kernel asks once and then believes what it knows, for an hour here. That is
// what makes a filesystem fast, and wrong as soon as its contents change by another way than through the mount. The
// notifier ends the belief: inval_inode() of attributes and data, inval_entry() of a name, also of one that was known
// not to exist, delete_entry() of one that is gone for good (core/operations/notifier.h; reference section 4).
//
// A handler tells by co_await, whatever its own caller holds: the kernel hears of it behind the reply. Any other thread
// tells by now(), and knows then that nobody sees the old contents any more.
#pragma once

#include <span>
#include <string>

#include "core/operations/attributes.h"
#include "core/operations/operations.h"

namespace fusereplay {

/// /news is what was published last; what is written to /inbox is. /scoop comes and goes. All may be believed for an
/// hour.
class NotificationFs final : public Operations {
 public:
  enum class Scoop { kThere, kGone };

  // From outside, while no handler runs. They tell nobody.
  void publish(std::string news) { news_ = std::move(news); }
  void set_scoop(Scoop scoop) noexcept { scoop_ = scoop; }

  // Not on a thread that runs handlers.
  Notified tell_of_news() { return notifier_->inval_inode(kNews).now(); }
  Notified tell_of_scoop() {
    return scoop_ == Scoop::kThere ? notifier_->inval_entry(kRoot, "scoop").now()
                                   : notifier_->delete_entry(kRoot, kScoop, "scoop").now();
  }

  Async<void> init(Connection& connection) override {
    notifier_ = &connection.notifier();
    return Result<void>();
  }
  Async<Entry> lookup(const Request&, NodeId, std::string_view name) override {
    if (name == "news") return entry(kNews);
    if (name == "inbox") return entry(kInbox);
    if (name != "scoop") return Errno(ENOENT);
    return scoop_ == Scoop::kThere ? entry(kScoop) : Entry{.node = {}, .entry_timeout = kHour};
  }
  Async<AttributesReply> getattr(const Request&, NodeId node, std::optional<FileHandle>) override {
    return AttributesReply{.attributes = attributes(node), .timeout = kHour};
  }
  Async<Opened> open(const Request&, NodeId, std::uint32_t) override { return Opened{.flags = kFopenKeepCache}; }
  Async<void> read(const Request&, NodeId node, FileHandle, Offset offset, DataWriter& out) override {
    if (node == kNews && offset < news_.size()) {
      out.append(std::as_bytes(std::span(news_).subspan(offset)));
    }
    return Result<void>();
  }

  Async<std::uint32_t> write(const Request&, NodeId node, FileHandle, Offset, Bytes data, std::uint32_t) override {
    if (node != kInbox) co_return Errno(EACCES);
    news_.assign(reinterpret_cast<const char*>(data.data()), data.size());
    scoop_ = Scoop::kThere;
    co_await notifier_->inval_inode(kNews);
    co_await notifier_->inval_inode(kInbox);  // whose lock the writer holds
    co_await notifier_->inval_entry(kRoot, "scoop");
    co_return static_cast<std::uint32_t>(data.size());
  }
  Async<void> unlink(const Request&, NodeId parent, std::string_view name) override {
    if (name != "scoop") co_return Errno(EACCES);
    scoop_ = Scoop::kGone;
    news_ = "a denial";
    co_await notifier_->inval_entry(parent, name);  // a directory whose lock the caller holds
    co_await notifier_->inval_inode(kNews);
    co_return {};
  }

 private:
  static constexpr NodeId kNews{2};
  static constexpr NodeId kInbox{3};
  static constexpr NodeId kScoop{4};
  static constexpr Timeout kHour = Timeout::seconds(3600);

  Attributes attributes(NodeId node) const {
    if (node == kRoot) return directory_attributes(raw(node), 0755);
    return file_attributes(raw(node), 0644, node == kNews ? news_.size() : 0);
  }
  // Nothing here is ever freed, so there is nothing to count: forget() keeps its default.
  Entry entry(NodeId node) const {
    return Entry{.node = node, .attributes = attributes(node), .entry_timeout = kHour, .attribute_timeout = kHour};
  }

  Notifier* notifier_ = nullptr;
  std::string news_ = "nothing new";
  Scoop scoop_ = Scoop::kGone;
};

}  // namespace fusereplay

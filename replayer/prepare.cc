#include "replayer/prepare.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <unordered_map>
#include <vector>

#include "core/client/client.h"

namespace fusereplay {

namespace {

constexpr std::size_t kPiece = 128 * 1024;  // bytes a WRITE: what every kernel sends

class Builder {
 public:
  Builder(Server& server, ManualExecutor& executor) : client_(server, &executor) {}

  tl::expected<void, std::string> build(const PresumedNode& root) {
    std::vector<Made> order = {{&root, kRoot, ""}};
    for (std::size_t at = 0; at < order.size(); ++at) {
      // By value: the list grows.
      const Made directory = order[at];
      for (const auto& [name, child] : directory.node->entries) {
        const std::string path = directory.path + "/" + name;
        if (const auto again = made_.find(child.get()); again != made_.end()) {
          use_time(*child);
          const auto linked = client_.link(again->second.node, directory.live, name).get();
          if (!linked) return failed("LINK", path, linked.error());
          ++again->second.count;
          continue;
        }
        const auto live = make(*child, directory.live, name, path);
        if (!live) return tl::unexpected(live.error());
        order.push_back({child.get(), *live, path});
      }
    }
    // Children before their directory, whose times they change.
    for (auto made = order.rbegin(); made != order.rend(); ++made) {
      if (auto done = finish(*made); !done) return done;
    }
    for (const auto& [node, counted] : made_) client_.forget(counted.node, counted.count);
    return {};
  }

 private:
  struct Made {
    const PresumedNode* node;
    NodeId live;
    std::string path;
  };
  struct Counted {
    NodeId node;
    std::uint64_t count;
  };

  static tl::unexpected<std::string> failed(std::string_view request, const std::string& path, Errno error) {
    return tl::unexpected<std::string>("cannot prepare '" + path + "': " + std::string(request) + " says " +
                                       to_string(error));
  }
  void use_time(const PresumedNode& node) {
    client_.set_time(node.attributes.ctime.seconds * 1'000'000'000 + node.attributes.ctime.nanoseconds);
  }

  tl::expected<NodeId, std::string> make(const PresumedNode& node, NodeId parent, const std::string& name,
                                         const std::string& path) {
    use_time(node);
    const std::uint32_t mode = node.attributes.mode;
    Result<Entry> entry = Errno(EINVAL);
    std::string_view request = "MKNOD";
    if (S_ISDIR(mode)) {
      request = "MKDIR";
      entry = client_.mkdir(parent, name, 0700).get();
    } else if (S_ISLNK(mode)) {
      request = "SYMLINK";
      // A target that was never read still has its length.
      const std::size_t length = std::clamp<std::uint64_t>(node.attributes.size, 1, 4095);
      entry = client_.symlink(parent, name, node.target.empty() ? std::string(length, '?') : node.target).get();
    } else {
      const std::uint32_t type = (mode & S_IFMT) == 0 ? S_IFREG : mode & S_IFMT;
      entry = client_.mknod(parent, name, type | 0600, node.attributes.rdev).get();
    }
    if (!entry) return failed(request, path, entry.error());
    made_.emplace(&node, Counted{entry->node, 1});
    if (const auto filled = fill(node, entry->node, path); !filled) return tl::unexpected(filled.error());
    return entry->node;
  }

  tl::expected<void, std::string> fill(const PresumedNode& node, NodeId live, const std::string& path) {
    if (!node.data.empty()) {
      const auto opened = client_.open(live, O_RDWR).get();
      if (!opened && opened.error() != Errno(ENOSYS)) return failed("OPEN", path, opened.error());
      const FileHandle handle = opened ? opened->handle : FileHandle{};
      for (const auto& [offset, bytes] : node.data) {
        for (std::size_t done = 0; done < bytes.size(); done += kPiece) {
          const Bytes piece = Bytes(bytes).subspan(done, std::min(kPiece, bytes.size() - done));
          const auto written = client_.write(live, handle, offset + done, piece).get();
          if (!written) return failed("WRITE", path, written.error());
          if (*written != piece.size()) {
            return tl::unexpected<std::string>("cannot prepare '" + path + "': WRITE took " + std::to_string(*written) +
                                               " of " + std::to_string(piece.size()) + " bytes");
          }
        }
      }
      if (opened) static_cast<void>(client_.release(live, handle).get());
    }
    for (const auto& [name, value] : node.xattrs) {
      const SetXattr attribute{.value = value};
      if (const auto set = client_.setxattr(live, name, attribute).get(); !set)
        return failed("SETXATTR of " + name, path, set.error());
    }
    return {};
  }

  tl::expected<void, std::string> finish(const Made& made) {
    const Attributes& from = made.node->attributes;
    if (!made.node->seen) return {};
    use_time(*made.node);
    SetAttributes changes;
    changes.valid = kSetattrUid | kSetattrGid;
    changes.uid = from.uid;
    changes.gid = from.gid;
    if (!S_ISLNK(from.mode)) changes.valid |= kSetattrMode;
    changes.mode = from.mode;
    if (S_ISREG(from.mode)) changes.valid |= kSetattrSize;
    changes.size = from.size;
    if (auto done = change(made, changes); !done) return done;
    changes = {};
    changes.valid = kSetattrAtime | kSetattrMtime | kSetattrCtime;  // last: all else may touch them
    changes.atime = from.atime;
    changes.mtime = from.mtime;
    changes.ctime = from.ctime;
    return change(made, changes);
  }

  tl::expected<void, std::string> change(const Made& made, const SetAttributes& changes) {
    if (const auto set = client_.setattr(made.live, changes).get(); !set)
      return failed("SETATTR", made.path.empty() ? "/" : made.path, set.error());
    return {};
  }

  Client client_;
  std::unordered_map<const PresumedNode*, Counted> made_;
};

}  // namespace

tl::expected<void, std::string> prepare(const PresumedTree& tree, Server& server, ManualExecutor& executor) {
  return Builder(server, executor).build(tree.root());
}

}  // namespace fusereplay

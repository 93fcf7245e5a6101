// What must hold in a memfs at any time, as code.
#include <map>
#include <set>
#include <sstream>

#include "examples/memfs/memfs.h"

namespace fusereplay {
namespace {

/// Walks a tree and collects what is wrong with it.
class Examination {
 public:
  explicit Examination(memfs::Inodes& nodes) : nodes_(nodes) {}

  void directory(const memfs::Node& directory) {
    std::uint32_t subdirectories = 0;
    std::uint64_t last_cookie = raw(memfs::Directory::kDotDot);
    for (const auto& [cookie, child] : directory->directory().children()) {
      const memfs::Node* by_name = directory->directory().find(child.name);
      expect(by_name != nullptr && *by_name == child.node, directory, "finds another node by the name " + child.name);
      expect(cookie > last_cookie, directory, "has a cookie that does not rise at " + child.name);
      last_cookie = cookie;
      expect(child.node->attributes.ino == raw(child.node.id()), child.node, "has another inode number than nodeid");
      if (child.node->is_directory()) {
        ++subdirectories;
        expect(child.node->directory().parent() == directory.id(), child.node, "has another parent than its place");
        expect(seen_.insert(raw(child.node.id())).second, child.node, "is a directory with two names");
        this->directory(child.node);
      } else if (names_[raw(child.node.id())]++ == 0) {
        others_.push_back(child.node);
      }
    }
    expect(directory->attributes.nlink == subdirectories + 2, directory, "has a wrong link count");
  }

  /// After the tree: what has names, and what only open files hold.
  void others(const std::vector<memfs::Node>& open) {
    for (const memfs::Node& node : others_) {
      expect(node->attributes.nlink == names_[raw(node.id())], node, "has a wrong link count");
      if (node->is_file()) pages_ += node->data().pages();
    }
    for (const memfs::Node& node : open) {
      if (node->attributes.nlink != 0 || !seen_.insert(raw(node.id())).second) continue;
      if (node->is_file()) pages_ += node->data().pages();
      if (node->is_directory()) expect(node->directory().empty(), node, "was removed with entries in it");
    }
  }

  void usage(const memfs::Space& space) {
    if (space.inodes.used() != nodes_.size()) out_ << "inodes taken are not the inodes alive\n";
    if (space.pages.used() < pages_) out_ << "fewer pages are taken than files hold\n";
  }

  std::string result() const { return out_.str(); }

 private:
  void expect(bool holds, const memfs::Node& node, const std::string& what) {
    if (!holds) out_ << "node " << raw(node.id()) << ' ' << what << '\n';
  }

  memfs::Inodes& nodes_;
  std::ostringstream out_;
  std::set<std::uint64_t> seen_;
  std::map<std::uint64_t, std::uint32_t> names_;  // of what is no directory, by nodeid
  std::vector<memfs::Node> others_;
  std::uint64_t pages_ = 0;
};

}  // namespace

std::string Memfs::check_invariants() {
  const std::shared_lock lock(mutex_);
  Examination examination(nodes_);
  examination.directory(nodes_.root());
  std::vector<Node> open;
  for (const auto& file : open_) open.push_back(file.second.node);
  examination.others(open);
  examination.usage(space_);
  return examination.result();
}

}  // namespace fusereplay

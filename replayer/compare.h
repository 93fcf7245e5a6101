// Compares a live reply with the recorded one, field by field, binding ids on the way.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/protocol/dirent.h"
#include "core/protocol/message.h"
#include "replayer/bindings.h"
#include "replayer/kept_data.h"
#include "replayer/plan.h"
#include "replayer/slot.h"
#include "replayer/tolerances.h"
#include "replayer/unseen_changes.h"

namespace fusereplay {

/// What was under way while a request was outstanding.
class Overlap {
 public:
  void clear() noexcept {
    touches_.clear();
    usage_ = false;
  }
  /// `touch` must outlive the comparison.
  void add(const Touch& touch) { touches_.push_back(&touch); }
  void add_usage() noexcept { usage_ = true; }

  bool explains(const PlanField& field, std::uint64_t node) const noexcept;
  bool changes_usage() const noexcept { return usage_; }

 private:
  std::vector<const Touch*> touches_;
  bool usage_ = false;
};

enum class DifferenceKind : std::uint8_t {
  kError,
  kForm,       // sizes that do not fit the layout: recorded and live are bytes
  kField,      // of a struct
  kEntryName,  // of a directory record
  kEntryEnd,   // one listing ends before the other
  kDataSize,
  kDataByte,
  kNoReply,
  kUnexpectedReply,
  kListing,  // of a whole directory: a name that one side alone has, or its type
  kUnbound,  // not delivered: nothing live stands for a node or handle that the request names
};

/// The first place where two replies differ. Views into them.
struct Difference {
  DifferenceKind kind = DifferenceKind::kError;
  const Field* field = nullptr;
  std::int64_t entry = -1;  // which directory record; -1: none
  std::uint64_t index = 0;  // which byte of the data
  std::uint64_t recorded = 0;
  std::uint64_t live = 0;
  std::string_view recorded_name = {};
  std::string_view live_name = {};
  std::uint64_t node = 0;  // recorded; whose attribute differs, 0 if what differs is none
};

struct Comparison {
  bool same = true;
  Difference difference;  // if not the same
  std::uint32_t tolerated_attributes = 0;
  std::uint32_t tolerated_usage = 0;
  std::uint32_t tolerated_ignored = 0;
  std::uint32_t tolerated_unseen = 0;
  bool opened_past = false;  // the recorded kernel was to read and write the file by itself
  bool by_size = false;      // data that could only be compared by its size, see KeptData
};

/// How far to go.
enum class CompareMode : std::uint8_t {
  kToFirstDifference,  // for an attempt that may be refused
  kToEnd,              // binds what can be bound after a difference, too
};

/// One a replay.
class Comparer {
 public:
  /// `payload`: what the trace keeps of the data of files.
  Comparer(Bindings& bindings, const Tolerances& tolerances, PayloadPolicy payload) noexcept
      : bindings_(bindings), tolerances_(tolerances), plans_(Plans::get()), kept_(payload) {}

  /// `recorded` is contiguous. `overlap`: what may explain differences; null for none. accept() or refuse() must
  /// follow.
  Comparison compare(const Slot& slot, const Message& recorded, const Message& live, const Overlap* overlap,
                     CompareMode mode);
  /// An entry that a listing showed, recorded, and a LOOKUP of the same name, live. accept() must follow.
  Comparison compare_entry(const Slot& slot, const wire::EntryOut& recorded, const wire::EntryOut& live);
  /// A change that both sides made: what it does to the times that a caller set is followed. Before its reply is
  /// compared.
  void follow_times(const Slot& slot);
  void forgotten(std::uint64_t recorded_node) noexcept {
    set_times_.erase(recorded_node);
    unseen_.forgotten(recorded_node);
  }

  /// Binds for good what the replies bind.
  void accept();
  /// Takes back every binding of the last comparison.
  void refuse() noexcept;

 private:
  struct Body {
    Bytes fixed;
    Bytes tail;
  };
  enum class DataChange : std::uint8_t {
    kNone,
    kEmptied,
    kOther,
  };
  struct Opened {
    std::uint64_t node;
    std::uint64_t recorded;
    std::uint64_t live;
  };

  static bool split(const MessageLayout& layout, const Message& message, Body& body) noexcept;
  void compare_bodies(const MessageLayout& layout, const Body& recorded, const Body& live);
  void compare_open(const std::byte* recorded, const std::byte* live);
  void compare_struct(StructId id, const std::byte* recorded, const std::byte* live, std::int64_t entry);
  void compare_ids(const StructPlan& plan, const std::byte* recorded, const std::byte* live, std::int64_t entry);
  void compare_id(const PlanField& id, std::uint64_t recorded, std::uint64_t live, std::int64_t entry);
  void compare_fields(const StructPlan& plan, const std::byte* recorded, const std::byte* live, std::int64_t entry);
  void compare_entries(DirentKind kind, Bytes recorded, Bytes live);
  bool same_outcome(const Message& live, std::int32_t was, std::int32_t is);
  void match_entries(Bytes recorded, Bytes live);
  bool chosen(const PlanField& field, const StructPlan& plan, const std::byte* recorded) const noexcept;
  void compare_names(Bytes recorded, Bytes live);
  void compare_entry(DirentKind kind, const DirentRecord& recorded, const DirentRecord& live, std::int64_t index);
  void compare_data(Bytes recorded, Bytes live);
  void compare_kept(Bytes recorded, Bytes live);
  void note_changed_data(const Slot& slot, const Message& live);
  void accept_changed_data();
  void differs_at(std::size_t index, Bytes recorded, Bytes live);
  void note_last_link(StructId id, const std::byte* recorded);
  bool tolerated(const PlanField& field, std::uint64_t recorded, std::uint64_t live);
  void begin(const Slot& slot, const Overlap* overlap, CompareMode mode);
  void differs(const Difference& difference);
  bool done() const noexcept { return !result_.same && mode_ == CompareMode::kToFirstDifference; }

  Bindings& bindings_;
  const Tolerances& tolerances_;
  const Plans& plans_;
  KeptData kept_;
  UnseenChanges unseen_;

  // Of the comparison under way.
  const Slot* slot_ = nullptr;
  const Overlap* overlap_ = nullptr;
  CompareMode mode_ = CompareMode::kToEnd;
  std::uint64_t node_ = 0;  // recorded: whose fields are being compared
  bool counts_ = true;      // an entry is counted: not so for "." and ".."
  Comparison result_;
  std::vector<Opened> opened_;              // handles to bind on accept()
  std::vector<Opened> cookies_;             // the same for cookies
  std::size_t wrote_ = 0;                   // bytes of a WRITE that take effect on accept()
  DataChange changed_ = DataChange::kNone;  // the same of what else changes the data of files
  FlatMap<std::uint64_t, bool> set_times_;  // nodes whose mtime is what a SETATTR said
};

}  // namespace fusereplay

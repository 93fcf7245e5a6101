#include "cli/story.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/event/conversation.h"
#include "core/protocol/view.h"
#include "core/text/message_text.h"
#include "replayer/causes.h"
#include "traces/reader.h"

namespace fusereplay {

namespace {

constexpr std::size_t kLongestLine = 200;
/// A wanted message that is farther away than this, in messages, is sought by the index and not read up to.
constexpr std::uint64_t kFar = 20'000;

struct Exchange {
  std::uint64_t request = 0;  // sequences
  std::uint64_t reply = 0;    // 0: none yet
};

/// The names of directory entries in a request, as keys.
template <class Visit>
void for_each_name(const RequestView& request, Visit&& visit) {
  const std::size_t count = entry_name_count(request.opcode());
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t parent = request.nodeid();
    if (i > 0) {
      std::memcpy(&parent, request.fixed_bytes().data(), sizeof(parent));  // newdir, in RENAME and RENAME2
    }
    visit(name_key(parent, request.name(i)));
  }
}

/// Finds the exchanges, in one pass.
class Finder {
 public:
  Finder(const std::vector<RootCause>& causes, std::size_t most) : most_(most), stories_(causes.size()) {
    for (std::uint32_t i = 0; i < causes.size(); ++i) {
      const Divergence& divergence = causes[i].divergence;
      stories_[i].request = divergence.request_sequence;
      stories_[i].reply = divergence.sequence;
      last_ = std::max(last_, divergence.sequence);
      for (const std::uint64_t node : divergence.nodes) nodes_[node].push_back(i);
      for (const std::uint64_t name : divergence.names) names_[name].push_back(i);
    }
  }

  /// Before the last cause.
  bool wants(const Event& event) const noexcept { return event.sequence < last_; }

  void follow(const Event& event, const Negotiated& negotiated) {
    if (event.request == nullptr) return;
    concerned_.clear();
    for_each_node(event, negotiated, [this](std::uint64_t node) { concern(nodes_, node); });
    if (event.kind == EventKind::kRequest) {
      if (event.request->known) for_each_name(event.request->view, [this](std::uint64_t key) { concern(names_, key); });
      for (const std::uint32_t story : concerned_) add(stories_[story], {event.sequence, 0});
    } else if (event.kind == EventKind::kReply) {
      adopt(event, negotiated);
      for (Story& story : stories_) answer(story, event);
      for (const std::uint32_t story : concerned_) {
        const bool there = std::any_of(stories_[story].exchanges.begin(), stories_[story].exchanges.end(),
                                       [&](const Exchange& one) { return one.request == event.request->sequence; });
        if (!there) add(stories_[story], {event.request->sequence, event.sequence});
      }
    }
  }

  std::vector<std::uint64_t> sequences() const {
    std::vector<std::uint64_t> all;
    for (const Story& story : stories_) {
      const auto one = of(story);
      all.insert(all.end(), one.begin(), one.end());
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }
  std::vector<std::uint64_t> sequences_of(std::size_t cause) const { return of(stories_[cause]); }

 private:
  struct Story {
    std::uint64_t request = 0;  // sequences of the exchange that differed
    std::uint64_t reply = 0;
    std::vector<Exchange> exchanges;  // the last ones
  };
  using Index = std::unordered_map<std::uint64_t, std::vector<std::uint32_t>>;

  void concern(const Index& index, std::uint64_t key) {
    const auto found = index.find(key);
    if (found == index.end()) return;
    for (const std::uint32_t story : found->second) {
      if (std::find(concerned_.begin(), concerned_.end(), story) == concerned_.end()) concerned_.push_back(story);
    }
  }

  /// The node behind a name that a story is about: the story is about that node too.
  void adopt(const Event& event, const Negotiated& negotiated) {
    if (!event.request->known) return;
    std::vector<std::uint32_t> named;
    std::swap(named, concerned_);
    for_each_name(event.request->view, [this](std::uint64_t key) { concern(names_, key); });
    std::swap(named, concerned_);
    if (named.empty()) return;
    for_each_node(event, negotiated, [&](std::uint64_t node) {
      std::vector<std::uint32_t>& stories = nodes_[node];
      for (const std::uint32_t story : named) {
        if (std::find(stories.begin(), stories.end(), story) == stories.end()) stories.push_back(story);
      }
    });
  }

  void add(Story& story, Exchange exchange) const {
    if (exchange.request >= story.request || exchange.reply >= story.reply) return;
    if (story.exchanges.size() == most_) story.exchanges.erase(story.exchanges.begin());
    story.exchanges.push_back(exchange);
  }

  static void answer(Story& story, const Event& event) noexcept {
    if (event.sequence >= story.reply) return;
    for (Exchange& exchange : story.exchanges) {
      if (exchange.request == event.request->sequence) exchange.reply = event.sequence;
    }
  }

  static std::vector<std::uint64_t> of(const Story& story) {
    std::vector<std::uint64_t> all;
    for (const Exchange& exchange : story.exchanges) {
      all.push_back(exchange.request);
      if (exchange.reply != 0) all.push_back(exchange.reply);
    }
    return all;
  }

  const std::size_t most_;
  std::uint64_t last_ = 0;
  std::vector<Story> stories_;  // by cause
  Index nodes_;
  Index names_;
  std::vector<std::uint32_t> concerned_;  // by the event under way
};

/// The text of the messages of these numbers, which ascend.
std::map<std::uint64_t, std::string> render(const std::filesystem::path& trace,
                                            const std::vector<std::uint64_t>& wanted, std::int64_t start,
                                            const Negotiated& negotiated) {
  std::map<std::uint64_t, std::string> texts;
  auto reader = TraceReader::open(trace);
  if (!reader) return texts;
  std::optional<Conversation> conversation(std::in_place);
  Event event;
  for (std::size_t at = 0, sought = wanted.size(); at < wanted.size();) {
    if ((*reader)->next(event) != ReadOutcome::kEvent) break;
    if (at != sought && wanted[at] > event.sequence + kFar) {
      (*reader)->seek_sequence(wanted[at]);
      conversation.emplace();
      sought = at;
      continue;
    }
    conversation->follow(event);
    while (at < wanted.size() && wanted[at] < event.sequence) ++at;
    if (at == wanted.size() || wanted[at] != event.sequence) continue;
    std::string text = event_text(event, start, negotiated, DataShown::kStart);
    if (text.size() > kLongestLine) text.replace(kLongestLine, std::string::npos, "...");
    texts.emplace(event.sequence, std::move(text));
    ++at;
  }
  return texts;
}

}  // namespace

std::vector<std::vector<std::string>> tell_stories(const std::filesystem::path& trace,
                                                   const std::vector<RootCause>& causes, std::size_t most) {
  std::vector<std::vector<std::string>> stories(causes.size());
  auto reader = TraceReader::open(trace);
  if (!reader || most == 0 || causes.empty()) return stories;
  Finder finder(causes, most);
  Conversation conversation;
  std::optional<std::int64_t> start;
  Event event;
  while ((*reader)->next(event) == ReadOutcome::kEvent && finder.wants(event)) {
    if (!start) start = event.begin;
    conversation.follow(event);
    finder.follow(event, conversation.negotiated());
  }
  const auto texts = render(trace, finder.sequences(), start.value_or(0), conversation.negotiated());
  for (std::size_t i = 0; i < causes.size(); ++i) {
    std::vector<std::uint64_t> sequences = finder.sequences_of(i);
    std::sort(sequences.begin(), sequences.end());
    for (const std::uint64_t sequence : sequences) {
      if (const auto text = texts.find(sequence); text != texts.end()) stories[i].push_back(text->second);
    }
  }
  return stories;
}

}  // namespace fusereplay

// least_connections: the backend with the fewest requests and sessions under way for its weight, of
// all workers. Equal backends take turns by weight, so that an idle cluster is used evenly and not
// from the top.
#include <algorithm>

#include "base/random.h"
#include "upstream/balancers/exclusions.h"

namespace weir {
namespace {

class LeastConnections final : public Balancer {
 public:
  explicit LeastConnections(uint64_t seed) : random_(seed) {}

  void rebuild(std::span<const Host> eligible) override {
    entries_.clear();
    for (BackendIndex i = 0; i < eligible.size(); ++i) {
      DCHECK(eligible[i].weight > 0);
      entries_.push_back({eligible[i].active, eligible[i].weight, i, 0});
    }
    exclusions_.resize(eligible.size());
    if (entries_.empty()) return;
    // Begin somewhere in the cycle: otherwise all workers would start with the same host, and
    // rebuilds in quick succession would favour some.
    const auto shift = static_cast<std::ptrdiff_t>(random_.below(entries_.size()));
    std::rotate(entries_.begin(), entries_.begin() + shift, entries_.end());
    for (uint64_t i = random_.below(kMaxHeadStart); i > 0; --i) {
      take_turn([](const Entry&) { return true; });
    }
  }

  BackendIndex pick(const PickHints& hints) override {
    exclusions_.set(hints.excluded);
    const Entry* least = nullptr;
    for (Entry& entry : entries_) {
      if (exclusions_.has(entry.host)) continue;
      entry.seen = entry.active->load(std::memory_order_relaxed);
      if (!least || compare(entry, *least) < 0) least = &entry;
    }
    if (!least) return kNoBackend;
    const Entry bar = *least;
    return take_turn([&](const Entry& entry) {
      return !exclusions_.has(entry.host) && compare(entry, bar) == 0;
    });
  }

 private:
  static constexpr uint64_t kMaxHeadStart = 64;  // turns that a rebuild skips at most

  struct Entry {
    const std::atomic<int64_t>* active;
    uint32_t weight;
    BackendIndex host;
    int64_t credit;    // as in round_robin, among equal entries
    int64_t seen = 0;  // `active` when this pick began: other workers change it meanwhile
  };

  // Sessions per weight, without dividing.
  static int compare(const Entry& a, const Entry& b) {
    const int64_t left = a.seen * b.weight;
    const int64_t right = b.seen * a.weight;
    return left < right ? -1 : left > right;
  }

  // The next in turn of the entries that `tied` accepts, of which there is at least one.
  template <typename Tied>
  BackendIndex take_turn(Tied tied) {
    Entry* richest = nullptr;
    int64_t earned = 0;
    for (Entry& entry : entries_) {
      if (!tied(entry)) continue;
      entry.credit += entry.weight;
      earned += entry.weight;
      if (!richest || entry.credit > richest->credit) richest = &entry;
    }
    richest->credit -= earned;
    return richest->host;
  }

  Random random_;
  std::vector<Entry> entries_;
  Exclusions exclusions_;
};

}  // namespace

std::unique_ptr<Balancer> make_least_connections(uint64_t seed, std::shared_ptr<const HashTable>) {
  return std::make_unique<LeastConnections>(seed);
}

}  // namespace weir

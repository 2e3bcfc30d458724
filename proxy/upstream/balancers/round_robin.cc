// round_robin: each backend in turn, by weight, spread smoothly.
//
// Backends of one weight form a group and take turns within it; the groups are interleaved by
// credit: in each pick the credit of every group grows by its weight; the group with the largest
// credit is chosen, and its credit is reduced by the sum. So the cost of a pick is the number of
// different weights, and 5:1:1 gives a b a a a c a: runs are as short as possible.
#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "upstream/balancers/exclusions.h"

namespace weir {
namespace {

class RoundRobin final : public Balancer {
 public:
  explicit RoundRobin(uint64_t seed) : random_(seed) {}

  void rebuild(std::span<const Host> eligible) override;
  BackendIndex pick(const PickHints& hints) override;

 private:
  struct Group {
    int64_t weight;  // of one host
    uint32_t begin;  // its hosts in order_
    uint32_t size;
    uint32_t next = 0;      // next in turn, from begin
    uint32_t excluded = 0;  // of its hosts, in this pick
    int64_t credit = 0;
  };

  // How many picks a rebuild skips at most, see there.
  static constexpr uint64_t kMaxHeadStart = 256;

  BackendIndex take_turn(Group& group);

  Random random_;
  std::vector<BackendIndex> order_;  // sorted by weight: the groups side by side
  std::vector<Group> groups_;
  std::vector<uint32_t> group_of_;  // by host
  Exclusions exclusions_;
};

void RoundRobin::rebuild(std::span<const Host> eligible) {
  order_.resize(eligible.size());
  std::iota(order_.begin(), order_.end(), 0u);
  std::stable_sort(order_.begin(), order_.end(), [&](BackendIndex a, BackendIndex b) {
    return eligible[a].weight > eligible[b].weight;
  });
  groups_.clear();
  group_of_.resize(eligible.size());
  for (uint32_t i = 0; i < order_.size(); ++i) {
    const int64_t weight = eligible[order_[i]].weight;
    DCHECK(weight > 0);
    if (groups_.empty() || groups_.back().weight != weight) groups_.push_back({weight, i, 0});
    ++groups_.back().size;
    group_of_[order_[i]] = static_cast<uint32_t>(groups_.size() - 1);
  }
  exclusions_.resize(eligible.size());
  // Begin somewhere in the cycle: otherwise all workers would start with the same host, and
  // rebuilds in quick succession would favour the first ones.
  for (Group& group : groups_) group.next = static_cast<uint32_t>(random_.below(group.size));
  if (groups_.size() < 2) return;
  for (uint64_t i = random_.below(kMaxHeadStart); i > 0; --i) pick({});
}

BackendIndex RoundRobin::pick(const PickHints& hints) {
  exclusions_.set({});
  for (Group& group : groups_) group.excluded = 0;
  for (BackendIndex host : hints.excluded) {
    if (exclusions_.add(host)) ++groups_[group_of_[host]].excluded;
  }
  Group* richest = nullptr;
  int64_t earned = 0;
  for (Group& group : groups_) {
    if (group.excluded == group.size) continue;
    const int64_t earns = group.weight * (group.size - group.excluded);
    group.credit += earns;
    earned += earns;
    if (!richest || group.credit > richest->credit) richest = &group;
  }
  if (!richest) return kNoBackend;
  richest->credit -= earned;
  return take_turn(*richest);
}

BackendIndex RoundRobin::take_turn(Group& group) {
  for (;;) {
    const BackendIndex host = order_[group.begin + group.next];
    if (++group.next == group.size) group.next = 0;
    if (!exclusions_.has(host)) return host;
  }
}

}  // namespace

std::unique_ptr<Balancer> make_round_robin(uint64_t seed, std::shared_ptr<const HashTable>) {
  return std::make_unique<RoundRobin>(seed);
}

}  // namespace weir

// random_two: two different backends drawn by weight; the one with fewer sessions for its weight
// is chosen. The loads are almost as even as with least_connections, in constant time, and workers
// do not choose the same backend together.
#include "upstream/balancers/weighted_draw.h"

namespace weir {
namespace {

class RandomTwo final : public Balancer {
 public:
  explicit RandomTwo(uint64_t seed) : random_(seed) {}

  void rebuild(std::span<const Host> eligible) override {
    hosts_.assign(eligible.begin(), eligible.end());
    draw_.rebuild(eligible);
    exclusions_.resize(eligible.size());
  }

  BackendIndex pick(const PickHints& hints) override {
    const uint32_t excluded = exclusions_.set(hints.excluded);
    const BackendIndex first = draw_.draw(random_, exclusions_);
    if (first == kNoBackend || hosts_.size() - excluded < 2) return first;
    exclusions_.add(first);
    const BackendIndex second = draw_.draw(random_, exclusions_);
    return less_loaded(second, first) ? second : first;  // a tie goes to the first: by weight alone
  }

 private:
  bool less_loaded(BackendIndex a, BackendIndex b) const {
    return *hosts_[a].active * hosts_[b].weight < *hosts_[b].active * hosts_[a].weight;
  }

  Random random_;
  std::vector<Host> hosts_;
  WeightedDraw draw_;
  Exclusions exclusions_;
};

}  // namespace

std::unique_ptr<Balancer> make_random_two(uint64_t seed, std::shared_ptr<const HashTable>) {
  return std::make_unique<RandomTwo>(seed);
}

}  // namespace weir

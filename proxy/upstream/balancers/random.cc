// random: a backend drawn by weight. Without state the shares are right from the first session on.
#include "upstream/balancers/weighted_draw.h"

namespace weir {
namespace {

class RandomDraw final : public Balancer {
 public:
  explicit RandomDraw(uint64_t seed) : random_(seed) {}

  void rebuild(std::span<const Host> eligible) override {
    draw_.rebuild(eligible);
    exclusions_.resize(eligible.size());
  }

  BackendIndex pick(const PickHints& hints) override {
    exclusions_.set(hints.excluded);
    return draw_.draw(random_, exclusions_);
  }

 private:
  Random random_;
  WeightedDraw draw_;
  Exclusions exclusions_;
};

}  // namespace

std::unique_ptr<Balancer> make_random(uint64_t seed, std::shared_ptr<const HashTable>) {
  return std::make_unique<RandomDraw>(seed);
}

}  // namespace weir

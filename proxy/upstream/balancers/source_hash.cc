// source_hash: by the client's address, consistently: weighted rendezvous hashing.
//
// Each backend draws a number from the hash of (its name, the client); the lowest for its weight
// wins. So a backend that leaves loses its own clients and no others move; one that comes takes its
// share from all evenly; an excluded one's clients go exactly where they would go without it. No
// table that would have to be rebuilt, and the same answer on every worker, after every restart and
// for any order of the backends.
#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "upstream/backend.h"
#include "upstream/balancers/exclusions.h"

namespace weir {
namespace {

class SourceHash final : public Balancer {
 public:
  void rebuild(std::span<const Host> eligible) override {
    entries_.clear();
    for (HostIndex i = 0; i < eligible.size(); ++i) {
      DCHECK(eligible[i].weight > 0);
      entries_.push_back(
          {hash_bytes(eligible[i].backend->name(), eligible[i].salt), eligible[i].weight, i});
    }
    // By weight: hosts of one weight side by side compare their draws as they are. Then by name, so
    // that not even a tie depends on the order in the file.
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return a.weight != b.weight ? a.weight < b.weight : a.name < b.name;
    });
    exclusions_.resize(eligible.size());
  }

  HostIndex pick(const PickHints& hints) override {
    exclusions_.set(hints.excluded);
    const uint64_t client = mix(hints.hash + kGolden);
    HostIndex winner = kNoHost;
    double lowest = HUGE_VAL;
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const uint32_t weight = entry->weight;
      uint64_t best = 0;
      HostIndex host = kNoHost;
      for (; entry != entries_.end() && entry->weight == weight; ++entry) {
        if (exclusions_.has(entry->host)) continue;
        const uint64_t draw = mix(client ^ entry->name);
        if (host == kNoHost || draw > best) best = draw, host = entry->host;
      }
      if (host == kNoHost) continue;
      const double time = waiting_time(best, weight);
      if (time < lowest) lowest = time, winner = host;
    }
    return winner;
  }

 private:
  static constexpr uint64_t kGolden = 0x9e3779b97f4a7c15u;

  struct Entry {
    uint64_t name;
    uint32_t weight;
    HostIndex host;
  };

  // Exponentially distributed with rate `weight`: of several such, the lowest is each one's with a
  // probability in proportion to its rate.
  static double waiting_time(uint64_t draw, uint32_t weight) {
    const double unit = (static_cast<double>(draw >> 11) + 0.5) * 0x1.0p-53;  // in (0, 1)
    return -std::log(unit) / weight;
  }

  std::vector<Entry> entries_;
  Exclusions exclusions_;
};

}  // namespace

// Takes no seed: all workers must agree.
std::unique_ptr<Balancer> make_source_hash(uint64_t) {
  return std::make_unique<SourceHash>();
}

}  // namespace weir

// source_hash: by the client's address: weighted rendezvous hashing.
//
// Each backend has a number from the hash of (its name, the client); the lowest number for its
// weight is chosen. When a backend leaves, only its own clients move; a new backend takes its share
// from all others evenly; the clients of an excluded backend are distributed as if it did not
// exist. There is no table, and the result is the same on every worker, after every restart and for
// any order of the backends.
//
// Where the host name of a backend has several addresses, the backend draws with the weight of all
// of them, and they share its clients by further draws. So a name whose address changes keeps its
// clients, and so does a name that gets more addresses.
#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/hash.h"
#include "upstream/backend.h"
#include "upstream/balancers/exclusions.h"

namespace weir {
namespace {

class SourceHash final : public Balancer {
 public:
  void rebuild(std::span<const Host> eligible) override {
    entries_.clear();
    for (BackendIndex i = 0; i < eligible.size(); ++i) {
      DCHECK(eligible[i].weight > 0);
      entries_.push_back(
          {hash_bytes(eligible[i].backend->name(), 0), eligible[i].salt, eligible[i].weight, i});
    }
    add_weights();
    // By weight: draws of one weight are compared directly. Then by name, which groups the
    // addresses of a backend. A tie does not depend on the order in the file.
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return std::tie(a.weight, a.name, a.salt) < std::tie(b.weight, b.name, b.salt);
    });
    exclusions_.resize(eligible.size());
  }

  BackendIndex pick(const PickHints& hints) override {
    exclusions_.set(hints.excluded);
    const uint64_t client = mix(hints.hash + kGolden);
    BackendIndex winner = kNoBackend;
    double lowest = HUGE_VAL;
    for (auto entry = entries_.cbegin(); entry != entries_.cend();) {
      const uint32_t weight = entry->weight;
      uint64_t best = 0;
      BackendIndex host = kNoBackend;
      while (entry != entries_.end() && entry->weight == weight) {
        const uint64_t name = entry->name;
        const BackendIndex address = pick_address(entry, client);
        if (address == kNoBackend) continue;
        const uint64_t draw = mix(client ^ name);
        if (host == kNoBackend || draw > best) best = draw, host = address;
      }
      if (host == kNoBackend) continue;
      const double time = waiting_time(best, weight);
      if (time < lowest) lowest = time, winner = host;
    }
    return winner;
  }

 private:
  static constexpr uint64_t kGolden = 0x9e3779b97f4a7c15u;

  struct Entry {
    uint64_t name;
    uint64_t salt;
    uint32_t weight;  // of the backend: that of all its addresses
    BackendIndex host;
  };

  void add_weights() {
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
    for (auto first = entries_.begin(); first != entries_.end();) {
      uint32_t sum = 0;
      auto end = first;
      for (; end != entries_.end() && end->name == first->name; ++end) sum += end->weight;
      for (; first != end; ++first) first->weight = sum;
    }
  }

  // One address of the backend that begins at `entry`; kNoBackend: all are excluded. Moves `entry`
  // after its last address.
  BackendIndex pick_address(std::vector<Entry>::const_iterator& entry, uint64_t client) const {
    const Entry& first = *entry;
    const Entry* found = nullptr;
    for (; entry != entries_.end() && entry->name == first.name; ++entry) {
      if (exclusions_.has(entry->host)) continue;
      if (found == nullptr || mix(client ^ entry->salt) > mix(client ^ found->salt))
        found = &*entry;
    }
    return found == nullptr ? kNoBackend : found->host;
  }

  // Exponentially distributed with rate `weight`: the probability that a draw is the lowest of
  // several is proportional to its rate.
  static double waiting_time(uint64_t draw, uint32_t weight) {
    const double unit = (static_cast<double>(draw >> 11) + 0.5) * 0x1.0p-53;  // in (0, 1)
    return -std::log(unit) / weight;
  }

  std::vector<Entry> entries_;
  Exclusions exclusions_;
};

}  // namespace

// Takes no seed: all workers must agree.
std::unique_ptr<Balancer> make_source_hash(uint64_t, std::shared_ptr<const HashTable>) {
  return std::make_unique<SourceHash>();
}

}  // namespace weir

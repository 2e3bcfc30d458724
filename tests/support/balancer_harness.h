// BalancerHarness: a balancer with hosts and session counts for tests. Hosts are called h0, h1, …
// and identified by that number, not by their place in the balancer's list.
#pragma once

#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "upstream/backend.h"
#include "upstream/balancer.h"
#include "upstream/hash_table.h"

namespace weir::test {

inline constexpr int kNoNumber = -1;

class BalancerHarness {
 public:
  BalancerHarness(config::Balance policy, std::vector<uint32_t> weights, uint64_t seed = 1)
      : policy_(policy), seed_(seed), balancer_(make_balancer(policy, seed)) {
    std::vector<std::pair<int, uint32_t>> hosts;
    for (int i = 0; i < static_cast<int>(weights.size()); ++i) {
      hosts.emplace_back(i, weights[static_cast<size_t>(i)]);
    }
    use(hosts);
  }
  static std::vector<uint32_t> equal(size_t count) { return std::vector<uint32_t>(count, 1); }

  // Replaces the hosts, all of which are eligible: number and weight, in the order given.
  void use(const std::vector<std::pair<int, uint32_t>>& hosts) {
    use_table_of(hosts);
    rebuild(hosts, {});
  }
  // The same hosts, but for these, which have become unusable.
  void rebuild(const std::vector<std::pair<int, uint32_t>>& hosts, const std::set<int>& unusable) {
    numbers_.clear();
    std::vector<Host> eligible;
    BackendIndex place = 0;
    for (auto [number, weight] : hosts) {
      const BackendIndex index = place++;
      if (unusable.contains(number)) continue;
      auto& entry = known_[number];
      if (!entry.backend) {
        const std::string name = name_of(number);
        entry.backend = std::make_unique<Backend>("cluster", name, name, Address::loopback(80));
      }
      eligible.push_back({entry.backend.get(), weight, &entry.active, 0, index});
      numbers_.push_back(number);
    }
    balancer_->rebuild(eligible);
  }

  // Numbers in, number out; kNoNumber for none.
  int pick(uint64_t client = 0, const std::vector<int>& excluded = {}) {
    std::vector<BackendIndex> indexes;
    for (int number : excluded) indexes.push_back(index_of(number));
    const BackendIndex index = balancer_->pick({hash_bytes(std::to_string(client)), indexes});
    return index == kNoBackend ? kNoNumber : numbers_.at(index);
  }
  std::vector<int> picks(size_t count, const std::vector<int>& excluded = {}) {
    std::vector<int> result(count);
    uint64_t client = 0;
    for (int& number : result) number = pick(client++, excluded);
    return result;
  }
  // How often each host was picked, by number, for clients 0, 1, 2, …
  std::map<int, uint64_t> counts(size_t count, const std::vector<int>& excluded = {}) {
    std::map<int, uint64_t> result;
    for (int number : picks(count, excluded)) ++result[number];
    return result;
  }
  std::atomic<int64_t>& active(int number) { return known_.at(number).active; }
  Balancer& balancer() { return *balancer_; }

 private:
  struct Known {
    std::unique_ptr<Backend> backend;
    std::atomic<int64_t> active{0};
  };

  static std::string name_of(int number) { return "h" + std::to_string(number); }
  // As ClusterSpec does.
  void use_table_of(const std::vector<std::pair<int, uint32_t>>& hosts) {
    if (!HashTable::used_by(policy_)) return;
    std::vector<HashTable::Member> members;
    for (auto [number, weight] : hosts)
      members.push_back({name_of(number), weight, static_cast<BackendIndex>(members.size()), 1});
    if (table_ && table_->is_of(policy_, members)) return;
    table_ = std::make_shared<const HashTable>(policy_, members);
    balancer_ = make_balancer(policy_, seed_, table_);
  }
  BackendIndex index_of(int number) const {
    for (BackendIndex i = 0; i < numbers_.size(); ++i) {
      if (numbers_[i] == number) return i;
    }
    CHECK_UNREACHABLE();
  }

  const config::Balance policy_;
  const uint64_t seed_;
  std::shared_ptr<const HashTable> table_;
  std::unique_ptr<Balancer> balancer_;
  std::map<int, Known> known_;
  std::vector<int> numbers_;  // by index
};

// Pearson's statistic of the counts against the weights, over its degrees of freedom: about 1 for
// draws that follow the weights, far above 2 for ones that do not, far below for ones that are
// smoother.
inline double chi_square(const std::map<int, uint64_t>& counts,
                         const std::vector<uint32_t>& weights) {
  double total = 0, weight = 0, sum = 0;
  for (auto [number, count] : counts) total += static_cast<double>(count);
  for (uint32_t w : weights) weight += w;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double expected = total * weights[i] / weight;
    const auto found = counts.find(static_cast<int>(i));
    const double actual = found == counts.end() ? 0 : static_cast<double>(found->second);
    sum += (actual - expected) * (actual - expected) / expected;
  }
  return sum / static_cast<double>(weights.size() - 1);
}

// Of 20 degrees of freedom and more, one run in a million is above; of 2, one in a million is
// above 14.
inline double chi_square_limit(size_t hosts) {
  return hosts > 20 ? 3.5 : 14;
}

}  // namespace weir::test

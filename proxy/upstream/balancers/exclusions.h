// The hosts that one pick must skip, as marks: a query is O(1), setting is O(excluded), and nothing
// is cleared. A member of a balancer; set at the beginning of each pick.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "upstream/balancer.h"

namespace weir {

class Exclusions {
 public:
  void resize(size_t hosts) {
    marks_.assign(hosts, 0);
    pick_ = 0;
  }
  // Returns how many different hosts are excluded.
  uint32_t set(std::span<const BackendIndex> excluded) {
    ++pick_;
    uint32_t count = 0;
    for (BackendIndex host : excluded) count += add(host);
    return count;
  }
  // True: the host was not excluded before.
  bool add(BackendIndex host) {
    DCHECK(host < marks_.size());
    return std::exchange(marks_[host], pick_) != pick_;
  }
  bool has(BackendIndex host) const { return marks_[host] == pick_; }

 private:
  std::vector<uint64_t> marks_;  // the number of the pick that last excluded the host
  uint64_t pick_ = 0;
};

}  // namespace weir

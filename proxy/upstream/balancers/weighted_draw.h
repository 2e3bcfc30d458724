// Draws hosts at random by weight in constant time (Vose's alias method, in integers and so without
// bias). Rebuilt with the balancer that owns it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "upstream/balancer.h"
#include "upstream/balancers/exclusions.h"

namespace weir {

class WeightedDraw {
 public:
  void rebuild(std::span<const Host> hosts);
  size_t size() const { return columns_.size(); }
  // Any host, of which there is at least one.
  BackendIndex draw(Random& random) const {
    const auto index = static_cast<BackendIndex>(random.below(columns_.size()));
    const Column& column = columns_[index];
    return random.below(total_) < column.own ? index : column.other;
  }
  // A host that is not excluded; kNoBackend if all are.
  BackendIndex draw(Random& random, const Exclusions& exclusions) const;

 private:
  struct Column {  // one host wide and total_ high: the lower part is its own, the rest the other's
    uint64_t own;
    BackendIndex other;
    uint32_t weight;
  };
  std::vector<Column> columns_;
  uint64_t total_ = 0;
};

}  // namespace weir

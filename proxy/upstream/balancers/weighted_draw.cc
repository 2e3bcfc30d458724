#include "upstream/balancers/weighted_draw.h"

namespace weir {

void WeightedDraw::rebuild(std::span<const Host> hosts) {
  columns_.clear();
  total_ = 0;
  for (const Host& host : hosts) {
    DCHECK(host.weight > 0);
    total_ += host.weight;
    columns_.push_back({uint64_t{host.weight} * hosts.size(), kNoBackend, host.weight});
  }
  // A column that its own host cannot fill is filled up by a host with a larger share.
  std::vector<BackendIndex> low, high;
  for (BackendIndex i = 0; i < columns_.size(); ++i)
    (columns_[i].own < total_ ? low : high).push_back(i);
  while (!low.empty() && !high.empty()) {
    Column& column = columns_[low.back()];
    low.pop_back();
    column.other = high.back();
    Column& giver = columns_[column.other];
    giver.own -= total_ - column.own;
    if (giver.own < total_) {
      low.push_back(column.other);
      high.pop_back();
    }
  }
}

BackendIndex WeightedDraw::draw(Random& random, const Exclusions& exclusions) const {
  if (columns_.empty()) return kNoBackend;
  // Rejecting a draw keeps the shares of the others; after a few rejections, counting is cheaper.
  constexpr int kRejections = 8;
  for (int i = 0; i < kRejections; ++i) {
    const BackendIndex host = draw(random);
    if (!exclusions.has(host)) return host;
  }
  uint64_t left = 0;
  for (BackendIndex i = 0; i < columns_.size(); ++i) {
    if (!exclusions.has(i)) left += columns_[i].weight;
  }
  if (left == 0) return kNoBackend;
  uint64_t point = random.below(left);
  for (BackendIndex i = 0; i < columns_.size(); ++i) {
    if (exclusions.has(i)) continue;
    if (point < columns_[i].weight) return i;
    point -= columns_[i].weight;
  }
  CHECK_UNREACHABLE();
}

}  // namespace weir

#include "upstream/pools.h"

#include <algorithm>

namespace weir {
namespace {

constexpr size_t kSmallestSweep = 64;

// Removes expired entries when the map has doubled since the last removal: an amortized constant
// cost for each entry.
template <typename Map>
void sweep(Map& map, size_t& at) {
  if (map.size() < std::max(at, kSmallestSweep)) return;
  std::erase_if(map, [](const auto& entry) { return entry.second.expired(); });
  at = 2 * map.size();
}

}  // namespace

std::shared_ptr<ClusterQueue> Pools::queue(const std::string& cluster, ClusterCells& cells,
                                           const std::shared_ptr<ClusterShared>& shared) {
  sweep(queues_, sweep_queues_at_);
  std::weak_ptr<ClusterQueue>& known = queues_[cluster];
  std::shared_ptr<ClusterQueue> queue = known.lock();
  if (!queue) known = queue = std::make_shared<ClusterQueue>(loop_, cells, shared);
  return queue;
}

void Pools::begin_drain(bool at_once) {
  draining_ = true;
  for (const auto& [backend, known] : pools_)
    if (const std::shared_ptr<Pool> pool = known.lock()) pool->begin_drain(at_once);
}

void Pools::wake_waiters(std::string_view cluster) {
  if (!cluster.empty()) {
    const auto known = queues_.find(std::string(cluster));
    const std::shared_ptr<ClusterQueue> queue =
        known == queues_.end() ? nullptr : known->second.lock();
    if (queue) queue->look();
    return;
  }
  for (auto it = queues_.begin(); it != queues_.end();) {
    const std::shared_ptr<ClusterQueue> queue = it->second.lock();
    if (queue) queue->look();
    it = queue ? std::next(it) : queues_.erase(it);
  }
}

std::shared_ptr<const PoolLimits> Pools::limits(const ClusterSpec& spec) {
  auto limits = std::make_shared<PoolLimits>();
  limits->number = ++last_limits_;
  limits->max_idle = static_cast<uint32_t>(spec.pool.max_idle);
  limits->max_requests = static_cast<uint32_t>(spec.pool.max_requests);
  limits->max_age = spec.pool.max_age.value;
  limits->idle = spec.pool_idle_timeout;
  limits->idle_place = spec.pool_idle_place;
  limits->max_streams = spec.pool.max_streams;
  limits->shares = spec.may_share();
  return limits;
}

std::shared_ptr<Pool> Pools::pool(const std::shared_ptr<Backend>& backend, BackendCells& cells,
                                  const std::shared_ptr<ClusterQueue>& queue,
                                  const std::shared_ptr<TlsClient>& tls,
                                  const std::shared_ptr<const PoolLimits>& limits) {
  sweep(pools_, sweep_pools_at_);
  std::weak_ptr<Pool>& known = pools_[{backend.get(), tls.get()}];
  std::shared_ptr<Pool> pool = known.lock();
  if (pool) return pool;
  known = pool = std::make_shared<Pool>(loop_, backend, cells, queue, tls, limits, pipes_);
  if (draining_) pool->begin_drain();
  return pool;
}

}  // namespace weir

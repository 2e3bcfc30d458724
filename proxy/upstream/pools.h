// Pools: finds the pools and queues that the clusters of a worker share, so that the next
// configuration goes on with those of the last one. Owner: the worker. pool(), queue() and limits()
// take amortized constant time: expired entries are removed when a map has doubled.
#pragma once

#include <string>
#include <unordered_map>

#include "base/hash.h"
#include "base/random.h"
#include "upstream/pool.h"

namespace weir {

class Pools {
 public:
  // `pipes`: for shared connections; null: there are none.
  explicit Pools(EventLoop& loop, PipeResources* pipes = nullptr) : loop_(loop), pipes_(pipes) {}
  // See Pool. For all pools, those that are made later included.
  void begin_drain(bool at_once = false);
  // Backends or limits of `cluster` have changed, empty: of any: requests that wait try again.
  void wake_waiters(std::string_view cluster = {});
  std::shared_ptr<ClusterQueue> queue(const std::string& cluster, ClusterCells& cells,
                                      const std::shared_ptr<ClusterShared>& shared);
  // What the configuration allows.
  std::shared_ptr<const PoolLimits> limits(const ClusterSpec& spec);
  std::shared_ptr<Pool> pool(const std::shared_ptr<Backend>& backend, BackendCells& cells,
                             const std::shared_ptr<ClusterQueue>& queue,
                             const std::shared_ptr<TlsClient>& tls,
                             const std::shared_ptr<const PoolLimits>& limits);
  // Entries of both maps, expired ones included.
  size_t entries() const { return queues_.size() + pools_.size(); }

 private:
  using Key = std::pair<const Backend*, const TlsClient*>;  // other TLS: other connections
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return static_cast<size_t>(mix(reinterpret_cast<uintptr_t>(key.first)) ^
                                 reinterpret_cast<uintptr_t>(key.second));
    }
  };

  EventLoop& loop_;
  PipeResources* const pipes_;
  std::unordered_map<std::string, std::weak_ptr<ClusterQueue>> queues_;
  std::unordered_map<Key, std::weak_ptr<Pool>, KeyHash> pools_;
  size_t sweep_queues_at_ = 0;  // sizes of the maps; 0: the smallest there is
  size_t sweep_pools_at_ = 0;
  uint64_t last_limits_ = 0;
  bool draining_ = false;
};

}  // namespace weir

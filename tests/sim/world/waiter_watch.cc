#include "world/waiter_watch.h"

#include <fmt/format.h>

namespace weir::sim {
namespace {

// The name of a backend that could take a request at once; empty: there is none. A pool that has
// not been made yet has room.
std::string free_backend(const Cluster& cluster, TimePoint now) {
  const std::vector<HostSpec>& hosts = cluster.spec().hosts;
  for (HostIndex i = 0; i < hosts.size(); ++i) {
    const bool usable = hosts[i].state == config::BackendState::active &&
                        hosts[i].backend->health() != Health::down && !cluster.left_alone(i, now);
    const Pool* const pool = cluster.pool_if_used(i);
    if (usable && (pool == nullptr || pool->has_room())) return hosts[i].backend->name();
  }
  return {};
}

}  // namespace

void WaiterWatch::look(Worker& worker, TimePoint now, std::vector<std::string>& failures) {
  const SnapshotRef& current = static_cast<const SessionOwner&>(worker).current();
  if (!current) return;
  for (size_t i = 0; i < current->snapshot().clusters.size(); ++i) {
    const Cluster* const cluster = current->cluster_if_used(i);
    const std::string& name = current->snapshot().clusters[i].name;
    const bool waits = cluster != nullptr && cluster->queue().length() > 0;
    waited_ += waits;
    const std::string room = waits ? free_backend(*cluster, now) : "";
    if (room.empty()) {
      since_.erase(name);
      continue;
    }
    const TimePoint since = since_.try_emplace(name, now).first->second;
    if (now - since <= kSoon) continue;
    failures.push_back(fmt::format("{} requests of {} wait, and {} has had room for {:.3f} s",
                                   cluster->queue().length(), name, room, seconds(now - since)));
    since_.erase(name);
  }
}

}  // namespace weir::sim

#include "world/waiter_watch.h"

#include <fmt/format.h>

namespace weir::sim {
namespace {

// By the limit of the current configuration, not by that of the pool. A pool that does not exist
// yet has capacity.
bool has_room(const Cluster& cluster, BackendIndex host) {
  const Pool* const pool = cluster.pool_if_used(host);
  const uint64_t most = cluster.spec().pool.max_connections;
  return pool == nullptr || most == 0 || pool->idle() > 0 || pool->open_connections() < most;
}

bool could_serve(const HostSpec& host) {
  return host.state == config::BackendState::active && host.backend->health() != Health::down;
}

// No waiter has failed at this backend before, or has got a status for which it is sent again.
bool flawless(Cluster& cluster, BackendIndex host) {
  const BackendCells& cells = cluster.cells_of(host);
  return cells.connect_errors.sum() == 0 && cells.request_errors.sum() == 0 &&
         cells.requests[CodeClass::server_error].value == 0;
}

// A backend that could take a request at once, a flawless one if there is one; kNoBackend: none.
BackendIndex free_backend(Cluster& cluster, TimePoint now) {
  const std::vector<HostSpec>& hosts = cluster.spec().hosts;
  BackendIndex found = kNoBackend;
  for (BackendIndex i = 0; i < hosts.size(); ++i) {
    if (!could_serve(hosts[i]) || cluster.is_avoided(i, now) || !has_room(cluster, i)) continue;
    if (flawless(cluster, i)) return i;
    found = i;
  }
  return found;
}

bool any_left_alone(const Cluster& cluster, TimePoint now) {
  for (BackendIndex i = 0; i < cluster.spec().hosts.size(); ++i)
    if (cluster.is_avoided(i, now)) return true;
  return false;
}

}  // namespace

void WaiterWatch::look(Worker& worker, TimePoint now, std::vector<std::string>& failures) {
  const SnapshotRef& current = static_cast<const SessionOwner&>(worker).current();
  if (!current) return;
  for (size_t i = 0; i < current->snapshot().clusters.size(); ++i) {
    const bool used = current->cluster_if_used(i) != nullptr;
    Cluster* const cluster = used ? &current->cluster(i) : nullptr;
    const std::string& name = current->snapshot().clusters[i].name;
    const bool waits = cluster != nullptr && cluster->queue().length() > 0;
    waited_ += waits;
    if (waits && any_left_alone(*cluster, now)) left_alone_[name] = now;
    const BackendIndex room = waits ? free_backend(*cluster, now) : kNoBackend;
    if (room == kNoBackend) {
      since_.erase(name);
      continue;
    }
    const TimePoint since = since_.try_emplace(name, now).first->second;
    const auto lately = left_alone_.find(name);
    const bool at_once = flawless(*cluster, room) &&
                         (lately == left_alone_.end() || since - lately->second > kByTheQueue);
    if (now - since <= (at_once ? kSoon : kByTheQueue)) continue;
    failures.push_back(fmt::format(
        "{} requests of {} wait, and {} has had room for {:.3f} s", cluster->queue().length(), name,
        cluster->spec().hosts[room].backend->name(), seconds(now - since)));
    since_.erase(name);
  }
}

}  // namespace weir::sim

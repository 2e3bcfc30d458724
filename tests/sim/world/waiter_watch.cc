#include "world/waiter_watch.h"

#include <fmt/format.h>

namespace weir::sim {
namespace {

// A pool that does not exist yet has capacity.
bool has_room(Cluster& cluster, BackendIndex host) {
  const Backend& backend = *cluster.spec().hosts[host].backend;
  if (backend.requests().full()) return false;
  if (cluster.pool_if_used(host) == nullptr) return !backend.connections().full();
  Pool& pool = cluster.pool(host);
  if (pool.idle() > 0 || pool.shared().has_place()) return true;
  // Backends may allow no streams for a while: another connection would not help.
  return !backend.connections().full() && !pool.shared().refuses_streams();
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

// Backups are for when no other backend is usable, not for when the others are full.
bool needs_backups(const Cluster& cluster, TimePoint now) {
  const std::vector<HostSpec>& hosts = cluster.spec().hosts;
  for (BackendIndex i = 0; i < hosts.size(); ++i)
    if (!hosts[i].backup && could_serve(hosts[i]) && !cluster.is_avoided(i, now)) return false;
  return true;
}

// A backend that could take a request at once, a flawless one if there is one; kNoBackend: none.
BackendIndex free_backend(Cluster& cluster, TimePoint now) {
  const std::vector<HostSpec>& hosts = cluster.spec().hosts;
  BackendIndex found = kNoBackend;
  const bool backups = needs_backups(cluster, now);
  for (BackendIndex i = 0; i < hosts.size(); ++i) {
    if (hosts[i].backup && !backups) continue;
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
    const bool at_once = flawless(*cluster, room) && !cluster->spec().may_share() &&
                         (lately == left_alone_.end() || since - lately->second > kByTheQueue);
    if (now - since <= (at_once ? kSoon : kByTheQueue)) continue;
    failures.push_back(fmt::format(
        "{} requests of {} wait, and {} has had room for {:.3f} s", cluster->queue().length(), name,
        cluster->spec().hosts[room].backend->name(), seconds(now - since)));
    since_.erase(name);
  }
}

}  // namespace weir::sim

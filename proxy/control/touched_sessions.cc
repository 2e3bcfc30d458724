#include "control/touched_sessions.h"

#include <algorithm>
#include <unordered_map>

namespace weir {
namespace {

using Open = std::unordered_map<uint32_t, int64_t>;  // by series

template <typename Key>
uint64_t find(const std::map<Key, int64_t>& open, const Key& key) {
  const auto found = open.find(key);
  return found == open.end() ? 0 : static_cast<uint64_t>(std::max<int64_t>(found->second, 0));
}

}  // namespace

TouchedSessions::TouchedSessions(const Snapshot& current, const WorkerReports& reports) {
  Open listeners, backends;
  for (const auto& report : reports) {
    for (const auto& entry : report->listeners) listeners[entry.id] += entry.cells.active.sum();
    for (const auto& entry : report->backends) backends[entry.id] += entry.cells.load;
  }
  for (const ListenerSpec& listener : current.listeners)
    if (const auto open = listeners.find(listener.series); open != listeners.end())
      listeners_[listener.name] += open->second;
  for (const ClusterSpec& cluster : current.clusters)
    for (const HostSpec& host : cluster.hosts) {
      const auto open = backends.find(host.series);
      if (open == backends.end() || open->second == 0) continue;
      backends_[{cluster.name, host.backend->name()}] += open->second;
      backends_[{cluster.name, ""}] += open->second;
    }
}

uint64_t TouchedSessions::of(const config::Change& change) const {
  if (!change.listener.empty()) return find(listeners_, std::string_view(change.listener));
  return find(backends_, Names(change.cluster, change.backend));
}

}  // namespace weir

#include "server/touched_sessions.h"

#include <algorithm>

namespace weir {
namespace {

// Over all workers, of the series with these numbers.
template <typename Entries, typename Active>
uint64_t sum(Workers::Reports reports, Entries entries, const std::vector<uint32_t>& series,
             Active active) {
  int64_t open = 0;
  for (const WorkerReport& report : reports)
    for (const auto& entry : report.*entries)
      if (std::find(series.begin(), series.end(), entry.id) != series.end())
        open += active(entry.cells);
  return static_cast<uint64_t>(std::max<int64_t>(open, 0));
}

uint64_t on_backends(const config::Change& change, const Snapshot& current,
                     Workers::Reports reports) {
  std::vector<uint32_t> series;
  for (const ClusterSpec& cluster : current.clusters) {
    if (cluster.name != change.cluster) continue;
    for (const HostSpec& host : cluster.hosts)
      if (change.backend.empty() || host.backend->name() == change.backend)
        series.push_back(host.series);
  }
  return sum(reports, &WorkerReport::backends, series,
             [](const BackendCells& cells) { return cells.active.value; });
}

uint64_t on_listener(const config::Change& change, const Snapshot& current,
                     Workers::Reports reports) {
  std::vector<uint32_t> series;
  for (const ListenerSpec& listener : current.listeners)
    if (listener.name == change.listener) series.push_back(listener.series);
  return sum(reports, &WorkerReport::listeners, series,
             [](const ListenerCells& cells) { return cells.active.sum(); });
}

}  // namespace

uint64_t touched_sessions(const config::Change& change, const Snapshot& current,
                          Workers::Reports reports) {
  if (!change.listener.empty()) return on_listener(change, current, reports);
  if (!change.cluster.empty()) return on_backends(change, current, reports);
  return 0;
}

}  // namespace weir

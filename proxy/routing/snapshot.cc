#include "routing/snapshot.h"

#include "base/hash.h"

namespace weir {

std::string Snapshot::cluster_names(const ListenerSpec& listener) const {
  std::string names;
  for (size_t cluster : listener.clusters)
    names += (names.empty() ? "" : ", ") + clusters[cluster].name;
  return names;
}

SnapshotView::SnapshotView(std::shared_ptr<const Snapshot> snapshot, WorkerMetrics& metrics,
                           uint64_t seed, Pools& pools)
    : snapshot_(std::move(snapshot)) {
  for (const ClusterSpec& spec : snapshot_->clusters) {
    clusters_.push_back(
        std::make_unique<Cluster>(spec, metrics, mix(seed += spec.series + 1), &pools));
    by_series_.emplace(spec.series, clusters_.back().get());
  }
  for (const ListenerSpec& listener : snapshot_->listeners)
    for (uint32_t series : listener.route_series) route_cells_.push_back(&metrics.route(series));
}

Cluster* SnapshotView::cluster_of_series(uint32_t series) {
  const auto found = by_series_.find(series);
  return found != by_series_.end() ? found->second : nullptr;
}

void SnapshotView::rebuild_clusters() {
  for (auto& cluster : clusters_) cluster->rebuild();
}

}  // namespace weir

#include "routing/snapshot.h"

#include "base/hash.h"

namespace weir {

std::string Snapshot::cluster_names(const ListenerSpec& listener) const {
  std::string names;
  for (size_t cluster : listener.clusters)
    names += (names.empty() ? "" : ", ") + clusters[cluster].name;
  return names;
}

void Snapshot::index(const Snapshot* before) {
  listener_places.clear();
  cluster_places.clear();
  clusters_before.clear();
  for (size_t i = 0; i < listeners.size(); ++i) listener_places.emplace(listeners[i].name, i);
  for (size_t i = 0; i < clusters.size(); ++i) {
    const std::string_view name = clusters[i].name;
    cluster_places.emplace(name, i);
    size_t place = kNoCluster;
    if (before != nullptr) {
      const auto found = before->cluster_places.find(name);
      if (found != before->cluster_places.end()) place = found->second;
    }
    clusters_before.push_back(place);
  }
}

const ClusterSpec* Snapshot::cluster(std::string_view name) const {
  const auto found = cluster_places.find(name);
  return found == cluster_places.end() ? nullptr : &clusters[found->second];
}

const ListenerSpec* Snapshot::listener(std::string_view name) const {
  const auto found = listener_places.find(name);
  return found == listener_places.end() ? nullptr : &listeners[found->second];
}

const HostSpec* Snapshot::host_of(const Backend& backend) const {
  const ClusterSpec* spec = cluster(backend.cluster());
  const BackendIndex index = spec == nullptr ? kNoBackend : spec->index_of(backend);
  return index == kNoBackend ? nullptr : &spec->hosts[index];
}

SnapshotView::SnapshotView(std::shared_ptr<const Snapshot> snapshot, WorkerMetrics& metrics,
                           uint64_t seed, Pools& pools, const SnapshotView* before)
    : snapshot_(std::move(snapshot)),
      metrics_(metrics),
      pools_(pools),
      seed_(seed),
      clusters_(snapshot_->clusters.size()) {
  if (before == nullptr) return;
  for (size_t i = 0; i < clusters_.size(); ++i) {
    const size_t place = snapshot_->clusters_before[i];
    if (place == kNoCluster) continue;
    const Slot& slot = before->clusters_[place];
    const bool same = snapshot_->clusters.shared(i) == before->snapshot_->clusters.shared(place);
    if (same && slot.cluster) {
      clusters_[i].cluster = slot.cluster;
      continue;
    }
    clusters_[i].before = slot.cluster ? slot.cluster : slot.before;
  }
}

Cluster& SnapshotView::make(size_t i) {
  Slot& slot = clusters_[i];
  const ClusterSpecs::Shared& spec = snapshot_->clusters.shared(i);
  // Later views may keep the cluster longer than this view keeps the snapshot.
  slot.cluster = std::shared_ptr<Cluster>(
      new Cluster(*spec, metrics_, mix(seed_ ^ mix(spec->series + 1)), &pools_, slot.before.get()),
      [spec](const Cluster* cluster) { delete cluster; });
  slot.before.reset();
  return *slot.cluster;
}

Cluster* SnapshotView::same_cluster(const ClusterSpec& spec) {
  const auto found = snapshot_->cluster_places.find(spec.name);
  return found == snapshot_->cluster_places.end() ? nullptr : &cluster(found->second);
}

// By name: a reload asks for each connection, and a configuration may have thousands of listeners.
const ListenerSpec* SnapshotView::same_listener(const ListenerSpec& spec) const {
  const ListenerSpec* const found = snapshot_->listener(spec.name);
  const bool same =
      found != nullptr && found->series == spec.series && found->protocol == spec.protocol;
  return same ? found : nullptr;
}

bool SnapshotView::renew(size_t hosts) {
  for (size_t looked_at = 0; renewed_ < clusters_.size(); ++renewed_) {
    if (!clusters_[renewed_].before) continue;
    if (looked_at >= hosts) return false;
    looked_at += 1 + snapshot_->clusters[renewed_].hosts.size();
    make(renewed_);
  }
  return true;
}

void SnapshotView::health_changed(std::string_view cluster) {
  if (cluster.empty()) {
    for (const Slot& slot : clusters_)
      if (slot.cluster) slot.cluster->health_changed();
    return;
  }
  const auto found = snapshot_->cluster_places.find(cluster);
  if (found == snapshot_->cluster_places.end()) return;
  const Slot& slot = clusters_[found->second];
  if (slot.cluster) slot.cluster->health_changed();
}

}  // namespace weir

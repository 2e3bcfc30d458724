#include "server/snapshot_store.h"

#include <algorithm>

namespace weir {
namespace {

// Descriptors that are not for sessions: listeners, admin, logs, checks, the kernel pipes of bulk
// transfers.
constexpr uint64_t kOwnDescriptors = 256;

}  // namespace

SnapshotStore::SnapshotStore(uint32_t workers, uint64_t descriptor_limit)
    : most_connections_(std::max<uint64_t>(
          1, (descriptor_limit > 2 * kOwnDescriptors ? descriptor_limit - kOwnDescriptors
                                                     : descriptor_limit / 2) /
                 2)),
      sockets_(workers) {}

std::shared_ptr<Backend> SnapshotStore::backend(const std::string& cluster,
                                                const config::Backend& spec,
                                                const Address& address) {
  std::weak_ptr<Backend>& known = backends_[{cluster, spec.name, spec.address}];
  std::shared_ptr<Backend> backend = known.lock();
  // A name that now leads elsewhere is another backend: its health says nothing about this one's.
  if (!backend || !backend->is(cluster, spec.name, address))
    known = backend = std::make_shared<Backend>(cluster, spec.name, spec.address, address);
  return backend;
}

ClusterSpec SnapshotStore::compile(const config::Cluster& cluster,
                                   const ResolvedAddresses& addresses, SeriesIds& ids) {
  ClusterSpec spec;
  spec.name = cluster.name;
  spec.balance = cluster.balance;
  spec.connect_timeout = cluster.timeouts.connect;
  spec.backoff = cluster.backoff;
  spec.connect_attempts = cluster.connect_attempts;
  spec.panic_threshold = cluster.panic_threshold;
  spec.congestion_control = cluster.congestion_control;
  spec.series = series_.cluster(cluster.name);
  ids.clusters.push_back(spec.series);
  for (const config::Backend& host : cluster.backends) {
    spec.hosts.push_back({backend(cluster.name, host, addresses.at(host.address)), host.weight,
                          host.backup, host.state, series_.backend(cluster.name, host.name)});
    ids.backends.push_back(spec.hosts.back().series);
  }
  return spec;
}

ListenerSpec SnapshotStore::compile(const config::Listener& listener, const config::Model& model,
                                    SeriesIds& ids) {
  ListenerSpec spec;
  spec.name = listener.name;
  const auto cluster =
      std::find_if(model.clusters.begin(), model.clusters.end(),
                   [&](const config::Cluster& c) { return c.name == listener.cluster; });
  CHECK(cluster != model.clusters.end());  // validated
  spec.cluster = static_cast<size_t>(cluster - model.clusters.begin());
  spec.timeouts = listener.timeouts;
  spec.max_connections = listener.limits.max_connections;
  std::weak_ptr<ConnectionCount>& known = counts_[listener.name];
  spec.count = known.lock();
  if (!spec.count) known = spec.count = std::make_shared<ConnectionCount>();
  spec.series = series_.listener(listener.name);
  ids.listeners.push_back(spec.series);
  return spec;
}

Result<SnapshotStore::Prepared> SnapshotStore::prepare(const Candidate& candidate) {
  std::erase_if(backends_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(counts_, [](const auto& entry) { return entry.second.expired(); });
  const config::Model& model = candidate.loaded.model;
  Result<Sockets::Prepared> sockets = sockets_.prepare(model);
  if (!sockets) return sockets.error();
  Prepared prepared;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = current_ ? current_->generation + 1 : 1;
  snapshot->model = model;
  snapshot->hash = candidate.loaded.hash;
  snapshot->max_connections =
      model.global.max_connections != 0 ? model.global.max_connections : most_connections_;
  snapshot->count = count_;
  for (const config::Cluster& cluster : model.clusters)
    snapshot->clusters.push_back(compile(cluster, candidate.addresses, prepared.series));
  for (const config::Listener& listener : model.listeners)
    snapshot->listeners.push_back(compile(listener, model, prepared.series));
  prepared.snapshot = std::move(snapshot);
  prepared.sockets = std::move(*sockets);
  return prepared;
}

std::vector<WorkerUpdate> SnapshotStore::commit(Prepared prepared, TimePoint now) {
  current_ = std::move(prepared.snapshot);
  series_.keep_only(prepared.series, now);
  std::erase_if(published_, [](const Published& p) { return p.snapshot.expired(); });
  published_.push_back({current_, std::move(prepared.series)});
  std::vector<WorkerUpdate> updates;
  for (std::vector<SocketAssignment>& sockets : sockets_.commit(std::move(prepared.sockets)))
    updates.push_back({current_, std::move(sockets)});
  return updates;
}

SeriesIds SnapshotStore::series_in_use() {
  std::erase_if(published_, [](const Published& p) { return p.snapshot.expired(); });
  SeriesIds all;
  for (const auto& [snapshot, ids] : published_) {
    all.listeners.insert(all.listeners.end(), ids.listeners.begin(), ids.listeners.end());
    all.clusters.insert(all.clusters.end(), ids.clusters.begin(), ids.clusters.end());
    all.backends.insert(all.backends.end(), ids.backends.begin(), ids.backends.end());
  }
  return all;
}

bool SnapshotStore::same_addresses(const Candidate& candidate) const {
  for (const ClusterSpec& cluster : current_->clusters) {
    for (const HostSpec& host : cluster.hosts) {
      const auto found = candidate.addresses.find(host.backend->text());
      if (found == candidate.addresses.end() || !(found->second == host.backend->address()))
        return false;
    }
  }
  return true;
}

std::vector<CheckTarget> SnapshotStore::check_targets() const {
  std::vector<CheckTarget> targets;
  for (size_t i = 0; i < current_->clusters.size(); ++i) {
    const std::optional<config::HealthCheck>& check = current_->model.clusters[i].health_check;
    if (!check) continue;
    for (const HostSpec& host : current_->clusters[i].hosts)
      if (host.state != config::BackendState::maintenance)
        targets.push_back({host.backend, *check});
  }
  return targets;
}

}  // namespace weir

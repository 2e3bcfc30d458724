#include "upstream/cluster.h"

#include <algorithm>

namespace weir {

Cluster::Cluster(const ClusterSpec& spec, WorkerMetrics& metrics, uint64_t seed)
    : spec_(spec),
      cells_(metrics.cluster(spec.series)),
      balancer_(make_balancer(spec.balance, seed)) {
  for (const HostSpec& host : spec.hosts) backend_cells_.push_back(&metrics.backend(host.series));
  eligible_.reserve(spec.hosts.size());
  excluded_.reserve(spec.hosts.size() + spec.connect_attempts);
  rebuild();
}

bool Cluster::usable(const HostSpec& host) const {
  return host.state == config::BackendState::active && host.backend->health() != Health::down;
}

bool Cluster::held_off(HostIndex eligible, TimePoint now) const {
  return spec_.hosts[eligible_[eligible]].backend->held_off(now);
}

void Cluster::select(bool backup, bool any_health) {
  for (HostIndex i = 0; i < spec_.hosts.size(); ++i) {
    const HostSpec& host = spec_.hosts[i];
    if (host.backup != backup || host.state != config::BackendState::active) continue;
    if (any_health || usable(host)) eligible_.push_back(i);
  }
}

void Cluster::rebuild() {
  eligible_.clear();
  select(/*backup=*/false, /*any_health=*/false);
  const auto active =
      std::count_if(spec_.hosts.begin(), spec_.hosts.end(), [](const HostSpec& host) {
        return !host.backup && host.state == config::BackendState::active;
      });
  const double share =
      active == 0 ? 1 : static_cast<double>(eligible_.size()) / static_cast<double>(active);
  const bool few = share < spec_.panic_threshold;
  if (eligible_.empty()) select(/*backup=*/true, /*any_health=*/false);
  // Backups that work are better than backends that do not.
  const bool panic = few && (eligible_.empty() || !spec_.hosts[eligible_.front()].backup);
  if (panic) {
    eligible_.clear();
    select(/*backup=*/false, /*any_health=*/true);
  }
  cells_.panic.set(panic);

  std::vector<Host> hosts;
  for (HostIndex i : eligible_) {
    const HostSpec& host = spec_.hosts[i];
    hosts.push_back({host.backend.get(), host.weight, &backend_cells_[i]->active.value});
  }
  balancer_->rebuild(hosts);
}

HostIndex Cluster::pick(TimePoint now, uint64_t client_hash, std::span<const HostIndex> tried) {
  excluded_.clear();
  for (HostIndex place : tried) {
    const auto found = std::find(eligible_.begin(), eligible_.end(), place);
    if (found != eligible_.end())
      excluded_.push_back(static_cast<HostIndex>(found - eligible_.begin()));
  }
  const HostIndex first = balancer_->pick({client_hash, excluded_});
  if (first == kNoHost) return kNoHost;
  if (!held_off(first, now)) return eligible_[first];
  for (HostIndex i = 0; i < eligible_.size(); ++i)
    if (held_off(i, now)) excluded_.push_back(i);
  const HostIndex other = balancer_->pick({client_hash, excluded_});
  // All that are left are held off: trying one of them is better than refusing for certain.
  return eligible_[other == kNoHost ? first : other];
}

}  // namespace weir

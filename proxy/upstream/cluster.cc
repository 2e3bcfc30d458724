#include "upstream/cluster.h"

#include <algorithm>

namespace weir {

Cluster::Cluster(const ClusterSpec& spec, WorkerMetrics& metrics, uint64_t seed)
    : spec_(spec), cells_(metrics.cluster(spec.series)) {
  for (const HostSpec& host : spec.hosts) backend_cells_.push_back(&metrics.backend(host.series));
  for (Tier* tier : {&serving_, &backups_}) {
    tier->balancer = make_balancer(spec.balance, seed);
    tier->places.reserve(spec.hosts.size());
  }
  excluded_.reserve(spec.hosts.size() + spec.connect_attempts);
  rebuild();
}

bool Cluster::usable(const HostSpec& host) const {
  return host.state == config::BackendState::active && host.backend->health() != Health::down;
}

bool Cluster::held_off(HostIndex place, TimePoint now) const {
  return spec_.hosts[place].backend->held_off(now);
}

void Cluster::select(Tier& tier, bool backup, bool any_health) {
  tier.places.clear();
  for (HostIndex i = 0; i < spec_.hosts.size(); ++i) {
    const HostSpec& host = spec_.hosts[i];
    if (host.backup != backup || host.state != config::BackendState::active) continue;
    if (any_health || usable(host)) tier.places.push_back(i);
  }
}

void Cluster::rebuild() {
  select(serving_, /*backup=*/false, /*any_health=*/false);
  select(backups_, /*backup=*/true, /*any_health=*/false);
  const auto active =
      std::count_if(spec_.hosts.begin(), spec_.hosts.end(), [](const HostSpec& host) {
        return !host.backup && host.state == config::BackendState::active;
      });
  const double share =
      active == 0 ? 1 : static_cast<double>(serving_.places.size()) / static_cast<double>(active);
  // Backups that work are better than backends that do not.
  const bool to_backups = serving_.places.empty() && !backups_.places.empty();
  const bool panic = share < spec_.panic_threshold && !to_backups;
  if (to_backups) serving_.places.swap(backups_.places);
  if (panic) select(serving_, /*backup=*/false, /*any_health=*/true);
  cells_.panic.set(panic);
  for (Tier* tier : {&serving_, &backups_}) {
    std::vector<Host> hosts;
    for (HostIndex place : tier->places) {
      const HostSpec& host = spec_.hosts[place];
      hosts.push_back({host.backend.get(), host.weight, &backend_cells_[place]->active.value});
    }
    tier->balancer->rebuild(hosts);
  }
}

HostIndex Cluster::pick(TimePoint now, uint64_t client_hash, std::span<const HostIndex> tried) {
  const Choice serving = choose(serving_, now, client_hash, tried);
  if (serving.ready || backups_.places.empty()) return serving.place;
  const Choice backup = choose(backups_, now, client_hash, tried);
  return backup.ready || serving.place == kNoHost ? backup.place : serving.place;
}

Cluster::Choice Cluster::choose(Tier& tier, TimePoint now, uint64_t client_hash,
                                std::span<const HostIndex> tried) {
  const std::vector<HostIndex>& places = tier.places;
  excluded_.clear();
  for (HostIndex place : tried) {
    const auto found = std::find(places.begin(), places.end(), place);
    if (found != places.end()) excluded_.push_back(static_cast<HostIndex>(found - places.begin()));
  }
  const HostIndex first = tier.balancer->pick({client_hash, excluded_});
  if (first == kNoHost) return {};
  if (!held_off(places[first], now)) return {places[first], true};
  for (HostIndex i = 0; i < places.size(); ++i)
    if (held_off(places[i], now)) excluded_.push_back(i);
  const HostIndex other = tier.balancer->pick({client_hash, excluded_});
  // All that are left are held off: trying one of them is better than refusing for certain.
  return other == kNoHost ? Choice{places[first], false} : Choice{places[other], true};
}

}  // namespace weir

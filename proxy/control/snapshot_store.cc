#include "control/snapshot_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <unordered_map>

#include "control/congestion_control.h"
#include "metrics/series_budget.h"

namespace weir {
namespace {

// Descriptors that sessions cannot use: listeners, admin, logs, the kernel pipes of bulk transfers,
// and checks.
constexpr uint64_t kOwnDescriptors = 256 - HealthChecks::kLeastRunning;

// A session has two descriptors: its client's and its backend's. Descriptors that checks cannot use
// are for sessions.
uint64_t connections_for(uint64_t limit, size_t checks) {
  const uint64_t own = kOwnDescriptors + std::clamp<uint64_t>(checks, HealthChecks::kLeastRunning,
                                                              HealthChecks::room_of(limit));
  const uint64_t left = limit > 2 * own ? limit - own : limit / 2;
  return std::max<uint64_t>(1, left / 2);
}

// "weir.yaml:12:7"; the path itself for a value that was not read from a file.
std::string place(const config::Loaded& loaded, const std::string& path) {
  const auto found = loaded.provenance.find(path);
  if (found == loaded.provenance.end()) return path;
  const std::string at = loaded.model.where(found->second.place.location);
  return at.empty() ? path : at;
}

Result<void> check_congestion_control(const config::Loaded& loaded, const std::string& path,
                                      const std::string& algorithm) {
  const int error = algorithm.empty() ? 0 : try_congestion_control(algorithm);
  if (error == 0) return {};
  const bool forbidden = error == EPERM;
  return Error{
      fmt::format(
          "congestion control '{}': {} (see net.ipv4.tcp_{}_congestion_control)", algorithm,
          forbidden ? "not allowed for the user that weir runs as" : "this kernel does not have it",
          forbidden ? "allowed" : "available"),
      place(loaded, path)};
}

template <typename Owners>
Result<void> check_all(const config::Loaded& loaded, const char* list, const Owners& owners) {
  for (size_t i = 0; i < owners.size(); ++i)
    if (Result<void> known =
            check_congestion_control(loaded, fmt::format("{}[{}].congestion_control", list, i),
                                     owners[i].congestion_control);
        !known)
      return known;
  return {};
}

// All clusters to which a listener may send, each once.
std::vector<size_t> targets(const ListenerSpec& listener) {
  std::vector<size_t> clusters;
  if (!listener.http) clusters.push_back(listener.cluster);
  if (listener.passthrough)
    for (const Passthrough::Rule& rule : listener.passthrough->rules())
      clusters.push_back(rule.cluster);
  if (listener.http)
    for (const Route& route : listener.http->routes.routes())
      for (const ClusterShare& share : route.clusters) clusters.push_back(share.cluster);
  std::sort(clusters.begin(), clusters.end());
  clusters.erase(std::unique(clusters.begin(), clusters.end()), clusters.end());
  return clusters;
}

// Unchanged contexts stay, with their sessions to resume and connections in pools. `before`: that
// of the object with the same name in the snapshot in force; null: there is none.
template <typename Loaded, typename Context>
Context same_or_new(const Loaded& loaded, const std::string& name, const Context& before) {
  const auto found = loaded.find(name);
  if (found == loaded.end()) return nullptr;
  return before && before->fingerprint() == found->second->fingerprint() ? before : found->second;
}

// The context of a cluster, which may be for its checks only.
std::shared_ptr<TlsClient> tls_of(const ClusterSpec& cluster) {
  return cluster.tls ? cluster.tls : cluster.check_tls;
}

// By cluster: whether an HTTP listener may send to it.
std::vector<bool> carry_http(const Snapshot& snapshot) {
  std::vector<bool> http(snapshot.clusters.size());
  for (const ListenerSpec& listener : snapshot.listeners)
    if (listener.http)
      for (size_t cluster : listener.clusters) http[cluster] = true;
  return http;
}

SeriesDemand series_demand(const Snapshot& snapshot, uint32_t workers,
                           const std::vector<bool>& clusters_of_http) {
  SeriesDemand demand{.workers = workers,
                      .listeners = snapshot.listeners.size(),
                      .clusters = snapshot.clusters.size()};
  for (size_t i = 0; i < snapshot.clusters.size(); ++i) {
    const size_t backends = snapshot.model.clusters[i].backends.size();
    demand.backends += backends;
    if (!clusters_of_http[i]) continue;
    ++demand.http_clusters;
    demand.http_backends += backends;
  }
  for (const ListenerSpec& listener : snapshot.listeners) {
    if (!listener.http) continue;
    ++demand.http_listeners;
    demand.routes += listener.http->routes.routes().size();
  }
  return demand;
}

// The object of that name, which lives as long as a snapshot has it.
template <typename T>
std::shared_ptr<T> same_or_made(std::map<std::string, std::weak_ptr<T>>& known,
                                const std::string& name) {
  std::weak_ptr<T>& last = known[name];
  std::shared_ptr<T> object = last.lock();
  if (!object) last = object = std::make_shared<T>();
  return object;
}

// With the older names of its keys.
config::ClusterQueue queue_of(const config::Cluster& cluster) {
  config::ClusterQueue queue = cluster.queue;
  if (cluster.pool.max_pending) queue.max = *cluster.pool.max_pending;
  if (cluster.pool.queue_timeout) queue.timeout = cluster.pool.queue_timeout;
  return queue;
}

// Of the clusters that have changed.
void apply_limits(const Snapshot& next, const Snapshot* before) {
  for (size_t i = 0; i < next.clusters.size(); ++i) {
    const ClusterSpec& cluster = next.clusters[i];
    if (before == nullptr || before->cluster(cluster.name) != &cluster) weir::apply_limits(cluster);
  }
}

std::shared_ptr<const TlsInForce> in_force(const Snapshot& snapshot, FileDigests digests) {
  auto tls = std::make_shared<TlsInForce>();
  for (const ListenerSpec& listener : snapshot.listeners)
    if (listener.tls) tls->listeners.emplace(listener.name, listener.tls);
  for (const ClusterSpec& cluster : snapshot.clusters)
    if (const auto client = tls_of(cluster)) tls->clusters.emplace(cluster.name, client);
  tls->digests = std::move(digests);
  return tls;
}

// "api.internal" of "api.internal:443", "10.0.0.1" of "10.0.0.1:80"; empty for a UNIX socket.
std::string host_named(const std::string& address) {
  const Result<HostPort> parts = split_host_port(address);
  return parts && !address.starts_with("unix:") ? parts->host : std::string();
}

bool same_addresses(std::span<const HostSpec> hosts, const std::vector<Address>& addresses) {
  if (addresses.empty()) return !hosts[0].backend->has_address();
  return std::equal(hosts.begin(), hosts.end(), addresses.begin(), addresses.end(),
                    [](const HostSpec& host, const Address& address) {
                      return host.backend->address() == address;
                    });
}

// A lookup without an address removes none.
void keep_last(const Snapshot& current, ResolvedAddresses& addresses) {
  for (const ClusterSpec& cluster : current.clusters) {
    for (size_t first = 0; first < cluster.hosts.size();) {
      const std::span<const HostSpec> hosts = cluster.addresses(first);
      first += hosts.size();
      BackendAddresses& found = addresses[hosts[0].backend->text()];
      if (!found.addresses.empty() || !hosts[0].backend->has_address()) continue;
      for (const HostSpec& host : hosts) found.addresses.push_back(host.backend->address());
    }
  }
}

std::string texts(std::span<const HostSpec> hosts) {
  std::string all;
  for (const HostSpec& host : hosts)
    all += (all.empty() ? "" : ", ") + host.backend->address().text();
  return all;
}

std::string texts(const std::vector<Address>& addresses) {
  if (addresses.empty()) return Address().text();
  std::string all;
  for (const Address& address : addresses) all += (all.empty() ? "" : ", ") + address.text();
  return all;
}

// For each setting that names one: a connection without its algorithm would use the default
// silently.
Result<void> check_congestion_control(const config::Loaded& loaded) {
  const config::Model& model = loaded.model;
  Result<void> known = check_all(loaded, "listeners", model.listeners);
  return known ? check_all(loaded, "clusters", model.clusters) : known;
}

std::vector<StickyKey> keys_of(const std::string& cluster, const TlsContexts& files,
                               InstanceKey& own) {
  const auto read = files.sticky_keys.find(cluster);
  return read != files.sticky_keys.end() ? read->second : std::vector{own.get()};
}

}  // namespace

SnapshotStore::SnapshotStore(uint32_t workers, uint64_t descriptor_limit)
    : descriptor_limit_(descriptor_limit),
      most_connections_(connections_for(descriptor_limit, 0)),
      sockets_(workers) {}

std::shared_ptr<Backend> SnapshotStore::backend(const std::string& cluster,
                                                const config::Backend& spec,
                                                const Address& address) {
  // A name with another address is another backend: the health of the old address says nothing.
  std::weak_ptr<Backend>& known = backends_[{cluster, spec.name, spec.address, address.text()}];
  std::shared_ptr<Backend> backend = known.lock();
  if (!backend)
    known = backend = std::make_shared<Backend>(cluster, spec.name, spec.address, address);
  return backend;
}

// Adds a host for each address; without an address, a host that gets no sessions.
void SnapshotStore::add_hosts(ClusterSpec& cluster, const config::Backend& configured,
                              const ResolvedAddresses& all, uint32_t series, uint32_t concurrency) {
  const BackendAddresses& found = all.at(configured.address);
  const auto add = [&](const Address& address) -> HostSpec& {
    cluster.hosts.push_back({backend(cluster.name, configured, address), configured.weight,
                             configured.backup, configured.state, series,
                             host_named(configured.address)});
    cluster.hosts.back().concurrency = configured.concurrency.value_or(concurrency);
    return cluster.hosts.back();
  };
  if (found.addresses.empty()) add(Address()).failure = found.failure;
  const bool named = !host_name_of(configured.address).empty();
  for (const Address& address : found.addresses)
    add(address).salt = named ? address.host_hash(1) : 0;
}

// Returns the previous spec if the cluster has not changed: workers keep their part of it.
ClusterSpecs::Shared SnapshotStore::compile(const config::Cluster& cluster,
                                            const Candidate& candidate, SeriesIds& ids) {
  const ClusterSpec* before = current_ ? current_->cluster(cluster.name) : nullptr;
  const auto shared = Bin::owner(bin_, new ClusterSpec);
  ClusterSpec& spec = *shared;
  spec.name = cluster.name;
  spec.balance = cluster.balance_in_force();
  if (config::hashes(spec.balance)) spec.hash_by = cluster.hash.by;
  if (cluster.sticky)
    spec.sticky = {*cluster.sticky, keys_of(cluster.name, candidate.tls, instance_key_), nullptr};
  spec.protocol = cluster.protocol;
  spec.connect_timeout = cluster.timeouts.connect;
  spec.response_header_timeout = cluster.timeouts.response_header;
  spec.response_idle_timeout = cluster.timeouts.response_idle;
  spec.pool_idle_timeout = cluster.timeouts.idle;
  spec.pool = cluster.pool;
  spec.limits = cluster.limits;
  spec.queue = queue_of(cluster);
  spec.shared = same_or_made(shared_, cluster.name);
  spec.outlier_detection = cluster.outlier_detection;
  spec.backoff = cluster.backoff;
  spec.connect_attempts = cluster.connect_attempts;
  spec.panic_threshold = cluster.panic_threshold;
  spec.congestion_control = cluster.congestion_control;
  spec.tcp_keepalive = cluster.tcp_keepalive;
  spec.proxy_protocol = cluster.proxy_protocol;
  spec.pool_idle_place = candidate.loaded.model.where(cluster.timeouts.idle.location);
  const std::shared_ptr<TlsClient> tls = same_or_new(candidate.tls.clusters, cluster.name,
                                                     before != nullptr ? tls_of(*before) : nullptr);
  if (cluster.tls) spec.tls = tls;
  if (cluster.checks_use_tls()) spec.check_tls = tls;
  spec.series = series_.cluster(cluster.name);
  ids.clusters.push_back(spec.series);
  for (const config::Backend& configured : cluster.backends) {
    add_hosts(spec, configured, candidate.addresses, series_.backend(cluster.name, configured.name),
              cluster.concurrency);
    ids.backends.push_back(spec.hosts.back().series);
  }
  spec.index(before);
  if (before != nullptr && spec == *before)
    return current_->clusters.shared(current_->cluster_places.at(cluster.name));
  return shared;
}

ListenerSpec SnapshotStore::compile(const config::Listener& listener, const ClusterPlaces& clusters,
                                    const Candidate& candidate, SeriesIds& ids) {
  ListenerSpec spec;
  spec.name = listener.name;
  spec.protocol = listener.protocol;
  spec.cluster = clusters.of(listener.cluster);
  if (listener.protocol == config::Protocol::http)
    spec.http = std::make_shared<const HttpSpec>(listener, clusters);
  else
    CHECK(spec.cluster != kNoCluster);  // validated
  if (!listener.passthrough.empty()) {
    std::vector<Passthrough::Rule> rules;
    for (const config::PassthroughRule& rule : listener.passthrough)
      rules.push_back({rule.hosts, rule.alpn, clusters.of(rule.cluster)});
    spec.passthrough = std::make_shared<const Passthrough>(std::move(rules));
  }
  spec.clusters = targets(spec);
  const ListenerSpec* const before = current_ ? current_->listener(listener.name) : nullptr;
  spec.tls = same_or_new(candidate.tls.listeners, listener.name,
                         before != nullptr ? before->tls : nullptr);
  if (listener.proxy_protocol) {
    Result<TrustedNetworks> networks = TrustedNetworks::parse(listener.proxy_protocol->accept);
    CHECK(networks);  // validated
    spec.proxies = std::make_shared<const TrustedNetworks>(std::move(*networks));
  }
  spec.max_handshakes = static_cast<uint32_t>(listener.limits.max_handshakes);
  spec.timeouts = listener.timeouts;
  spec.max_connections = listener.limits.max_connections;
  spec.count = same_or_made(counts_, listener.name);
  spec.series = series_.listener(listener.name, spec.http ? "http1" : "tcp");
  ids.listeners.push_back(spec.series);
  return spec;
}

// The first routes of the configuration have series of their own, up to the limit of series.
void SnapshotStore::number_routes(ListenerSpec& listener, size_t& own_series, SeriesIds& ids) {
  listener.route_series.push_back(series_.route(listener.name, kNoRoute));
  for (const Route& route : listener.http->routes.routes()) {
    const bool own = own_series > 0;
    if (own) --own_series;
    listener.route_series.push_back(series_.route(listener.name, own ? route.name : kOtherRoute));
  }
  ids.routes.insert(ids.routes.end(), listener.route_series.begin(), listener.route_series.end());
}

void SnapshotStore::note_http(const ClusterSpec& cluster) {
  series_.cluster_carries_http(cluster.series);
  for (const HostSpec& host : cluster.hosts) series_.backend_carries_http(host.series);
}

Result<SnapshotStore::Prepared> SnapshotStore::prepare(const Candidate& candidate) {
  std::erase_if(backends_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(counts_, [](const auto& entry) { return entry.second.expired(); });
  std::erase_if(shared_, [](const auto& entry) { return entry.second.expired(); });
  const config::Model& model = candidate.loaded.model;
  if (Result<void> known = check_congestion_control(candidate.loaded); !known) return known.error();
  Result<Sockets::Prepared> sockets = sockets_.prepare(model);
  if (!sockets) return sockets.error();
  Prepared prepared;
  const auto series = std::make_shared<SeriesIds>();
  const auto snapshot = Bin::owner(bin_, new Snapshot);
  snapshot->generation = current_ ? current_->generation + 1 : 1;
  snapshot->model = model;
  snapshot->hash = candidate.loaded.hash;
  snapshot->count = count_;
  for (const config::Cluster& cluster : model.clusters)
    snapshot->clusters.push_back(compile(cluster, candidate, *series));
  const ClusterPlaces places(model.clusters);
  for (const config::Listener& listener : model.listeners)
    snapshot->listeners.push_back(compile(listener, places, candidate, *series));
  snapshot->index(current_.get());
  for (const auto& [name, server] : candidate.tls.listeners) server->use_tickets(ticket_keys_);
  prepared.ticket_keys = candidate.tls.ticket_keys;
  prepared.digests = candidate.tls.digests;
  const std::vector<bool> clusters_of_http = carry_http(*snapshot);
  const SeriesDemand demand = series_demand(*snapshot, sockets_.workers(), clusters_of_http);
  size_t own_series = routes_with_series(demand, model.metrics.max_series);
  snapshot->folded_routes = demand.routes - own_series;
  for (ListenerSpec& listener : snapshot->listeners)
    if (listener.http) number_routes(listener, own_series, *series);
  for (size_t i = 0; i < snapshot->clusters.size(); ++i)
    if (clusters_of_http[i]) note_http(snapshot->clusters[i]);
  prepared.checks = check_targets(*snapshot);
  prepared.most_connections = connections_for(
      descriptor_limit_,
      static_cast<size_t>(std::ranges::count_if(prepared.checks, &CheckTarget::health)));
  snapshot->max_connections =
      model.global.max_connections != 0 ? model.global.max_connections : prepared.most_connections;
  prepared.series = series;
  prepared.snapshot = snapshot;
  prepared.sockets = std::move(*sockets);
  return prepared;
}

std::vector<WorkerUpdate> SnapshotStore::commit(Prepared prepared, TimePoint now) {
  settle_series(*prepared.series, now);
  return put_in_force(std::move(prepared));
}

std::vector<WorkerUpdate> SnapshotStore::put_in_force(Prepared prepared) {
  most_connections_ = prepared.most_connections;
  apply_limits(*prepared.snapshot, current_.get());
  current_ = std::move(prepared.snapshot);
  if (prepared.ticket_keys.empty())
    ticket_keys_.rotate_every(current_->model.global.tls_tickets.rotate);
  else
    ticket_keys_.use(std::move(prepared.ticket_keys));
  tls_ = in_force(*current_, std::move(prepared.digests));
  std::erase_if(published_, [](const Published& p) { return p.snapshot.expired(); });
  published_.push_back({current_, std::move(prepared.series)});
  std::vector<WorkerUpdate> updates;
  for (std::vector<SocketAssignment>& sockets : sockets_.commit(std::move(prepared.sockets)))
    updates.push_back({current_, std::move(sockets)});
  return updates;
}

// The series stay: only the background thread changes series, and no name is new.
ClusterSpecs::Shared SnapshotStore::readdressed(const ClusterSpec& before,
                                                const config::Cluster& configured,
                                                const ResolvedAddresses& addresses) {
  std::unordered_map<std::string_view, uint32_t> series;
  for (const HostSpec& host : before.hosts) series.emplace(host.backend->name(), host.series);
  const auto spec = Bin::owner(bin_, new ClusterSpec(before));
  spec->hosts.clear();
  for (const config::Backend& backend : configured.backends)
    add_hosts(*spec, backend, addresses, series.at(backend.name), configured.concurrency);
  spec->index(&before);
  return spec;
}

std::optional<SnapshotStore::Readdressed> SnapshotStore::readdress(ResolvedAddresses addresses) {
  keep_last(*current_, addresses);
  Readdressed result;
  result.changes = moved(*current_, current_->model, addresses);
  if (result.changes.empty()) return std::nullopt;
  std::erase_if(backends_, [](const auto& entry) { return entry.second.expired(); });
  const auto next = Bin::owner(bin_, new Snapshot(*current_));
  std::set<std::string_view> touched;
  for (const config::Change& change : result.changes) touched.insert(change.cluster);
  for (size_t i = 0; i < next->clusters.size(); ++i)
    if (touched.contains(next->clusters[i].name))
      next->clusters.replace(
          i, readdressed(current_->clusters[i], next->model.clusters[i], addresses));
  next->index(current_.get());
  apply_limits(*next, current_.get());
  const SharedIds series = published_.back().series;
  current_ = next;
  std::erase_if(published_, [](const Published& p) { return p.snapshot.expired(); });
  published_.push_back({current_, series});
  for (std::vector<SocketAssignment>& sockets : sockets_.assignments())
    result.updates.push_back({current_, std::move(sockets)});
  return result;
}

std::vector<SnapshotStore::SharedIds> SnapshotStore::series_of_snapshots() {
  std::erase_if(published_, [](const Published& p) { return p.snapshot.expired(); });
  std::vector<SharedIds> all;
  for (const Published& published : published_) all.push_back(published.series);
  return all;
}

std::vector<config::Change> SnapshotStore::moved_backends(const Snapshot& current,
                                                          const Candidate& candidate) {
  if (candidate.only_text) return {};
  return moved(current, candidate.loaded.model, candidate.addresses);
}

std::vector<config::Change> SnapshotStore::moved(const Snapshot& current,
                                                 const config::Model& model,
                                                 const ResolvedAddresses& addresses) {
  std::map<std::pair<std::string_view, std::string_view>, const config::Backend*> next;
  for (const config::Cluster& cluster : model.clusters)
    for (const config::Backend& backend : cluster.backends)
      next[{cluster.name, backend.name}] = &backend;
  std::vector<config::Change> moved;
  for (const ClusterSpec& cluster : current.clusters) {
    for (size_t first = 0; first < cluster.hosts.size();) {
      const std::span<const HostSpec> hosts = cluster.addresses(first);
      first += hosts.size();
      const Backend& backend = *hosts[0].backend;
      const auto found = next.find({cluster.name, backend.name()});
      if (found == next.end() || found->second->address != backend.text()) continue;
      const std::vector<Address>& now_at = addresses.at(backend.text()).addresses;
      if (same_addresses(hosts, now_at)) continue;
      moved.push_back({config::Effect::new_sessions, config::ChangeKind::changed,
                       "clusters." + cluster.name + ".backends." + backend.name(), texts(hosts),
                       texts(now_at), "", cluster.name, backend.name()});
    }
  }
  return moved;
}

std::vector<config::Change> SnapshotStore::renewed_tls(const Snapshot& current,
                                                       const TlsInForce& tls,
                                                       const Candidate& candidate) {
  std::vector<config::Change> renewed;
  const auto compare = [&](const auto& loaded, const auto& specs, const char* kind,
                           std::string config::Change::*owner) {
    for (const auto& spec : specs) {
      const auto found = loaded.find(spec.name);
      if (!spec.tls || found == loaded.end()) continue;
      if (found->second->fingerprint() == spec.tls->fingerprint()) continue;
      renewed.push_back({config::Effect::new_sessions, config::ChangeKind::changed,
                         std::string(kind) + "." + spec.name + ".tls", "(files)",
                         "(files, as they are now)", "", "", ""});
      renewed.back().*owner = spec.name;
    }
  };
  compare(candidate.tls.listeners, current.listeners, "listeners", &config::Change::listener);
  compare(candidate.tls.clusters, current.clusters, "clusters", &config::Change::cluster);
  for (const config::Cluster& cluster : candidate.loaded.model.clusters) {
    const auto loaded = candidate.tls.sticky_keys.find(cluster.name);
    const ClusterSpec* const spec = current.cluster(cluster.name);
    if (loaded == candidate.tls.sticky_keys.end() || spec == nullptr || !spec->sticky) continue;
    const bool same_file = spec->sticky->key_file == cluster.sticky->key_file;
    if (!same_file || spec->sticky->keys == loaded->second) continue;
    renewed.push_back({config::Effect::new_requests, config::ChangeKind::changed,
                       "clusters." + cluster.name + ".sticky.key_file", "(file)",
                       "(file, as it is now)", "", cluster.name, ""});
  }
  const std::string& keys = current.model.global.tls_tickets.file;
  const auto now = candidate.tls.digests.find(keys), before = tls.digests.find(keys);
  if (keys == candidate.loaded.model.global.tls_tickets.file &&
      now != candidate.tls.digests.end() &&
      (before == tls.digests.end() || before->second != now->second))
    renewed.push_back({config::Effect::live, config::ChangeKind::changed, "global.tls_tickets.file",
                       "(file)", "(file, as it is now)", "", "", ""});
  return renewed;
}

std::vector<FileValidity> SnapshotStore::tls_validities() const {
  std::vector<FileValidity> all;
  const auto add = [&](const auto& owners) {
    for (const auto& owner : owners)
      if (owner.tls)
        all.insert(all.end(), owner.tls->validities().begin(), owner.tls->validities().end());
  };
  add(current_->listeners);
  add(current_->clusters);
  return all;
}

size_t SnapshotStore::live_snapshots() const {
  const auto live = std::count_if(published_.begin(), published_.end(),
                                  [](const Published& p) { return !p.snapshot.expired(); });
  return static_cast<size_t>(live);
}

std::vector<CheckTarget> SnapshotStore::check_targets(const Snapshot& snapshot) {
  std::vector<CheckTarget> targets;
  for (size_t i = 0; i < snapshot.clusters.size(); ++i) {
    const ClusterSpec& cluster = snapshot.clusters[i];
    const std::optional<config::HealthCheck>& check = snapshot.model.clusters[i].health_check;
    const bool ejects = cluster.outlier_detection.has_value();
    if (!check && !ejects) continue;
    for (const HostSpec& host : cluster.hosts)
      if (host.state != config::BackendState::maintenance && host.backend->has_address())
        targets.push_back({.backend = host.backend,
                           .spec = check.value_or(config::HealthCheck{}),
                           .tls = check ? cluster.check_tls : cluster.tls,
                           .tls_host = host.tls_host,
                           .proxy_protocol = cluster.proxy_protocol,
                           .http2 = cluster.protocol == config::BackendProtocol::http2,
                           .health = check.has_value(),
                           .proofs = ejects});
  }
  return targets;
}

}  // namespace weir

#include "world/control_thread.h"

#include <fmt/format.h>

#include "peers/wires.h"

namespace weir::sim {
namespace {

constexpr uint32_t kRouteSeries = 8;  // of one listener

}  // namespace

ControlThread::ControlThread(Kernel& kernel, const Scenario& scenario, EventLoop& loop,
                             Worker& worker)
    : kernel_(kernel), scenario_(scenario), loop_(loop), worker_(worker) {
  for (size_t i = 0; i < kListeners; ++i) counts_[i] = std::make_shared<ConnectionCount>();
  for (std::shared_ptr<ClusterShared>& one : shared_) one = make_cluster_shared();
  for (size_t i = 0; i < kClusters * kBackends; ++i) {
    const Address address = backend_address(i / kBackends, i % kBackends);
    backends_[i] = std::make_shared<Backend>(fmt::format("c{}", i / kBackends),
                                             fmt::format("b{}", i), address.text(), address);
  }
}

Address ControlThread::listener_address(size_t i) {
  return *Address::parse(fmt::format("10.0.0.1:{}", 8000 + i));
}

Address ControlThread::backend_address(size_t cluster, size_t backend) {
  return *Address::parse(fmt::format("10.1.0.1:{}", 9000 + cluster * kBackends + backend));
}

void ControlThread::plan_at(Duration when, void (ControlThread::*what)()) {
  ++to_do_;
  kernel_.network().after(when, [this, what] {
    --to_do_;
    (this->*what)();
  });
}

void ControlThread::plan() {
  Random& random = kernel_.network().random();
  const auto within = static_cast<uint64_t>(scenario_.clients_within.count());
  const auto some_time = [&] { return Duration(random.below(within)); };
  publish();
  for (size_t i = 0; i < scenario_.reloads; ++i) plan_at(some_time(), &ControlThread::publish);
  for (size_t i = 0; i < scenario_.health_flips; ++i)
    plan_at(some_time(), &ControlThread::flip_health);
  for (size_t i = 0; i < scenario_.descriptor_shortages; ++i) {
    const Duration when = some_time();
    plan_at(when, &ControlThread::begin_shortage);
    plan_at(when + Duration(random.below(400'000'000)), &ControlThread::end_shortage);
  }
  if (scenario_.drain) plan_at(scenario_.drain_at, &ControlThread::begin_drain);
}

void ControlThread::post(std::function<void(Worker&)> message) {
  loop_.post([this, message = std::move(message)] { message(worker_); });
}

void ControlThread::publish() {
  if (drained()) return;
  Network& network = kernel_.network();
  std::set<size_t> present;
  for (size_t i = 0; i < kListeners; ++i)
    if (generation_ == 0 || scenario_.polite || !network.chance(300)) present.insert(i);
  auto update = std::make_shared<WorkerUpdate>();
  update->snapshot = make_snapshot(present);
  std::erase_if(sockets_, [&](const auto& entry) { return !present.contains(entry.first); });
  size_t index = 0;
  for (size_t i : present) {
    const size_t place = index++;
    SocketAssignment assignment{.socket = 0, .listener = place, .fd = -1, .shared = false};
    if (!sockets_.contains(i)) {
      assignment.fd = kernel_.open_listening(listener_address(i));
      if (assignment.fd < 0) continue;  // no descriptor: the control thread would report it
      sockets_[i] = next_socket_++;
    }
    assignment.socket = sockets_[i];
    update->sockets.push_back(assignment);
  }
  post([update](Worker& worker) {
    worker.apply(*update);
    worker.forget_removed_sockets();
  });
}

// Only some reloads read the files again; the others reuse the contexts.
void ControlThread::load_tls() {
  if (tls_client_ != nullptr && !kernel_.network().chance(300)) return;
  const test::IssuedFiles& files = Wires::certificate();
  config::ListenerTls server;
  server.certificates.push_back({"cert", files.cert, files.key, "", {}, {}});
  TlsLoading loading;
  std::vector<std::string> alpn{"http/1.1"};
  if (scenario_.stack.http2_clients) alpn.insert(alpn.begin(), "h2");
  tls_server_ = TlsServer::load(server, alpn, loading);
  tls_server_->use_tickets(tickets_);
  config::ClusterTls client;
  client.ca = Wires::authority();
  client.sni = Wires::kHost;
  if (scenario_.stack.http2_backends) client.alpn = {"h2"};
  if (scenario_.backend_protocol == config::BackendProtocol::automatic)
    client.alpn.emplace_back("http/1.1");
  tls_client_ = TlsClient::load(client, loading);
}

std::shared_ptr<Snapshot> ControlThread::make_snapshot(const std::set<size_t>& listeners) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->generation = ++generation_;
  snapshot->max_connections = scenario_.max_connections;
  snapshot->count = count_;
  snapshot->model.drain.linger = 200ms;
  if (scenario_.tls_clients || scenario_.tls_backends) load_tls();
  add_clusters(*snapshot);
  for (size_t i : listeners) {
    ListenerSpec spec;
    spec.name = fmt::format("l{}", i);
    spec.cluster = kernel_.network().random().below(snapshot->clusters.size());
    spec.clusters = {spec.cluster};
    spec.timeouts = scenario_.timeouts;
    if (scenario_.tls_clients) spec.tls = tls_server_;
    spec.max_handshakes = scenario_.max_handshakes;
    spec.max_connections = scenario_.listener_limit;
    spec.count = counts_[i];
    spec.series = static_cast<uint32_t>(i);
    if (scenario_.stack.protocol == Protocol::http) add_http(spec, *snapshot);
    snapshot->listeners.push_back(std::move(spec));
  }
  snapshot->index(last_.get());
  last_ = snapshot;
  return snapshot;
}

// All requests go to a cluster, except those that the configuration answers itself.
void ControlThread::add_http(ListenerSpec& spec, const Snapshot& snapshot) {
  spec.protocol = config::Protocol::http;
  std::vector<config::Cluster> clusters(snapshot.clusters.size());
  for (size_t i = 0; i < clusters.size(); ++i) clusters[i].name = snapshot.clusters[i].name;
  config::Listener listener;
  listener.limits = scenario_.limits;
  listener.cancel_on_close = scenario_.cancel_on_close;
  listener.http2.max_streams = scenario_.max_streams;
  listener.via = kernel_.network().chance(500);
  config::Route& fixed = listener.routes.emplace_back();
  fixed.name = "fixed";
  fixed.match.path_prefix = "/fixed";
  fixed.respond = config::Respond{.body = "fixed"};
  config::Route& all = listener.routes.emplace_back();
  all.name = "all";
  all.retry = scenario_.retry;
  all.timeouts.request = scenario_.request;
  spec.clusters.clear();
  for (size_t i = 0; i < clusters.size(); ++i) {
    all.clusters.push_back({clusters[i].name, i == spec.cluster ? 3u : 1u});
    spec.clusters.push_back(i);
  }
  spec.http = std::make_shared<const HttpSpec>(listener, clusters);
  for (uint32_t i = 0; i <= listener.routes.size(); ++i)
    spec.route_series.push_back(spec.series * kRouteSeries + i);
}

void ControlThread::add_clusters(Snapshot& snapshot) {
  Network& network = kernel_.network();
  const size_t clusters = 1 + network.random().below(kClusters);
  for (size_t c = 0; c < clusters; ++c) {
    ClusterSpec spec;
    spec.name = fmt::format("c{}", c);
    spec.balance = static_cast<config::Balance>(network.random().below(5));
    spec.connect_timeout.value = scenario_.connect_timeout;
    spec.backoff = {.base = 50ms, .max = 1s};
    spec.connect_attempts = static_cast<uint32_t>(1 + network.random().below(4));
    spec.panic_threshold = network.chance(300) ? 0.5 : 0;
    spec.series = static_cast<uint32_t>(c);
    spec.response_header_timeout = scenario_.response_header;
    spec.response_idle_timeout = scenario_.response_idle;
    spec.pool_idle_timeout = scenario_.pool_idle;
    spec.pool = scenario_.pool;
    spec.queue = scenario_.queue;
    spec.shared = shared_[c];
    uint32_t concurrency = scenario_.concurrency;
    if (concurrency != 0 && network.chance(300))
      concurrency = static_cast<uint32_t>(network.random().below(4));
    // Raises, lowers or removes a limit.
    if (spec.pool.max_connections != 0 && network.chance(500))
      spec.pool.max_connections = network.random().below(6);
    if (scenario_.tls_backends) spec.tls = tls_client_;
    if (scenario_.stack.protocol == Protocol::http) spec.protocol = scenario_.backend_protocol;
    for (size_t b = 0; b < kBackends; ++b) {
      if (b > 0 && network.chance(300)) continue;
      HostSpec host;
      const size_t number = c * kBackends + b;
      host.backend = backends_[number];
      host.weight = static_cast<uint32_t>(1 + network.random().below(5));
      host.backup = b > 0 && network.chance(200);
      if (!scenario_.polite && network.chance(100))
        host.state =
            generation_ % 2 == 0 ? config::BackendState::drain : config::BackendState::maintenance;
      host.series = static_cast<uint32_t>(number);
      host.concurrency = concurrency;
      spec.hosts.push_back(std::move(host));
    }
    spec.index();
    apply_limits(spec);
    snapshot.clusters.push_back(std::make_shared<const ClusterSpec>(std::move(spec)));
  }
}

void ControlThread::flip_health() {
  Network& network = kernel_.network();
  Backend& backend = *backends_[network.random().below(backends_.size())];
  backend.set_health(backend.health() == Health::down ? Health::up : Health::down);
  health_flipped_ = true;
  post([](Worker& worker) { worker.health_changed(); });
}

void ControlThread::begin_shortage() {
  Network& network = kernel_.network();
  kernel_.set_descriptor_limit(kernel_.open_descriptors() + network.random().below(4));
}

void ControlThread::end_shortage() {
  kernel_.set_descriptor_limit(1 << 16);
}

void ControlThread::begin_drain() {
  drain_began_ = kernel_.network().now();
  post([this](Worker& worker) {
    worker.close_listeners();
    worker.begin_drain(loop_.now(), scenario_.drain_spread);
  });
  const auto cut = [this] {
    post([](Worker& worker) { worker.cut_sessions(EndReason::drain_deadline); });
  };
  const auto abort = [this] {
    --to_do_;
    post([](Worker& worker) { worker.abort_sessions(EndReason::shutdown); });
  };
  ++to_do_;
  kernel_.network().after(scenario_.drain_timeout, cut);
  kernel_.network().after(scenario_.drain_timeout + scenario_.drain_linger, abort);
}

}  // namespace weir::sim

#include "server/control_plane.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>

namespace weir {
namespace {

// While weir starts or drains, it extends its timeout at systemd by twice this time, this often.
constexpr Duration kExtendEvery = 5s;
// Added to the longest timeout of a check, while the start waits for the first results.
constexpr Duration kCheckMargin = 1s;
// Turns of the loop at the end: for the last messages of the threads, for the outcome of a reload,
// and for its answer.
constexpr int kLastTurns = 3;

struct BackendCount {
  size_t backends = 0, up = 0;
};

BackendCount count_backends(const ClusterSpec& cluster) {
  BackendCount count;
  for (size_t first = 0; first < cluster.hosts.size(); ++count.backends) {
    const std::span<const HostSpec> addresses = cluster.addresses(first);
    first += addresses.size();
    count.up += std::ranges::any_of(addresses, &HostSpec::usable);
  }
  return count;
}

}  // namespace

ControlPlane::ControlPlane(const ServerOptions& options, Log& log, WorkerCount workers,
                           uint64_t descriptor_limit, std::shared_ptr<Lookups> lookups)
    : options_(options),
      log_(log),
      loop_(clock_),
      store_(workers.count, descriptor_limit),
      workers_(loop_, clock_, log, workers.count),
      checks_(loop_, *this, std::random_device()(), HealthChecks::room_of(descriptor_limit)),
      names_(loop_, lookups, state_, [this] { use_addresses(); }),
      loader_(loop_, options.load,
              [lookups](const config::Model& model) { return lookups->resolve(model); }),
      drain_(loop_, workers_, *this),
      reload_(control(), loader_, *this),
      tls_validity_(loop_, state_, [] { return static_cast<int64_t>(unix_now()); }),
      api_(control(),
           {options.version, options.revision, options.config_path, workers.by, loop_.now()},
           drain_, reload_, [this](std::optional<Duration> timeout) { begin_drain(timeout); }),
      admin_(loop_,
             [this](AdminRequest q, AdminResponder r) { api_.handle(std::move(q), std::move(r)); }),
      signals_(loop_, [this](const ReceivedSignal& signal) { on_signal(signal); }),
      extend_(loop_,
              [this] {
                notify_.extend(2 * kExtendEvery);
                extend_.set_in(kExtendEvery);
              }),
      enough_waited_(loop_, [this] { on_primed(); }),
      background_(loop_, log) {
  store_.free_in(background_.bin());
  loader_.compare_with([this] { return store_.tls_in_force(); });
  state_.build.set({options.version, options.revision, libevent_version()});
}

// A reload or another request may be under way: the last turns close what it has opened and answer
// its client.
ControlPlane::~ControlPlane() {
  loader_.stop();
  workers_.stop();
  background_.stop();
  for (int turn = 0; turn < kLastTurns; ++turn) loop_.run_turn(Duration::zero());
}

Result<void> ControlPlane::start(const Candidate& candidate) {
  if (options_.closed_streams.any())
    LOG(warn, "process.closed_streams", kv("streams", options_.closed_streams.text()),
        kv("now", "/dev/null"));
  Result<SnapshotStore::Prepared> prepared = store_.prepare(candidate);
  if (!prepared) return prepared.error();
  first_updates_ = store_.commit(std::move(*prepared), loop_.now());
  const Snapshot& snapshot = *store_.current();
  if (Result<void> opened = open_admin(snapshot.model.admin); !opened) return opened.error();
  report_low_descriptors();
  state_.applied(snapshot.generation, snapshot.hash, unix_now());
  state_.last_reload_ok.set(true);
  reload_.started_with(snapshot.model);
  refresh_watch({});
  tls_validity_.apply(store_.tls_validities());
  names_.use(snapshot.model);
  report_unresolved();
  workers_.start();
  await_checks();
  return {};
}

// Waits no longer than one check takes, however many checks there are. A backend without a result
// by then gets sessions, like a backend that is not checked.
void ControlPlane::await_checks() {
  Duration longest{};
  const std::vector<CheckTarget> targets = store_.check_targets();
  for (const CheckTarget& target : targets)
    if (target.health) longest = std::max(longest, target.spec.timeout);
  notify_.extend(2 * kExtendEvery);
  extend_.set_in(kExtendEvery);
  enough_waited_.set_in(longest + kCheckMargin);
  checks_.apply(targets);
}

// Without an admin section: the socket that the command line uses by default. In any case: a socket
// in the directory that systemd made for the service, for ExecReload of the unit.
void ControlPlane::open_default_admin() {
  const config::Admin& admin = store_.current()->model.admin;
  std::string socket = admin.socket;
  if (admin.bind.empty() && socket.empty()) {
    socket = options_.default_admin_socket;
    open_extra_admin(socket);
  }
  const char* directories = std::getenv("RUNTIME_DIRECTORY");  // separated by colons
  if (directories == nullptr || options_.default_admin_socket.empty()) return;
  const std::string first(directories, std::strcspn(directories, ":"));
  if (!first.empty() && socket != first + "/admin.sock") open_extra_admin(first + "/admin.sock");
}

// The configuration does not name this socket, so a failure does not stop the start.
void ControlPlane::open_extra_admin(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/'));
  if (path.empty() || ::access(directory.c_str(), W_OK) != 0) return;
  const Result<Address> address = Address::parse("unix:" + path);
  const Result<void> opened = address ? admin_.listen(*address) : Result<void>(address.error());
  if (opened)
    LOG(info, "admin.default", kv("socket", path));
  else
    LOG(warn, "admin.default", kv("socket", path), kv("error", opened.error().message));
}

Result<void> ControlPlane::open_admin(const config::Admin& admin) {
  admin_.set_access({admin.hosts, admin.read_only});
  const SocketPermissions permissions{admin.socket_mode, "", admin.socket_group};
  for (const std::string& text : {admin.bind, admin.socket.empty() ? "" : "unix:" + admin.socket}) {
    if (text.empty()) continue;
    const Result<Address> address = Address::parse(text);
    if (!address) return Error{address.error().message, "admin"};
    if (Result<void> opened = admin_.listen(*address, permissions); !opened)
      return Error{opened.error().message, "admin"};
  }
  open_default_admin();
  return {};
}

int ControlPlane::run() {
  loop_.run();
  return exit_code_;
}

void ControlPlane::on_primed() {
  if (drain_.phase() == ProcessPhase::starting && !first_updates_.empty()) serve();
}

// The checks have their first results: the workers begin to accept.
void ControlPlane::serve() {
  auto updates = std::make_shared<std::vector<WorkerUpdate>>(std::exchange(first_updates_, {}));
  workers_.post_each([updates](Worker& worker, uint32_t index) { worker.apply((*updates)[index]); },
                     [this] {
                       if (drain_.begun()) return;
                       extend_.cancel();
                       drain_.set_serving();
                       announce();
                       reload_.open();
                     });
}

void ControlPlane::announce() const {
  const Snapshot& snapshot = *store_.current();
  std::vector<BackendCount> counts;  // of each cluster
  for (const ClusterSpec& cluster : snapshot.clusters) counts.push_back(count_backends(cluster));
  for (const Sockets::Entry& entry : store_.sockets().entries()) {
    const ListenerSpec& listener = snapshot.listeners[entry.listener];
    size_t backends = 0, up = 0;
    for (size_t cluster : listener.clusters) {
      up += counts[cluster].up;
      backends += counts[cluster].backends;
    }
    LOG(info, "listener.opened", kv("listener", listener.name), kv("bind", entry.actual.text()),
        kv("cluster", snapshot.cluster_names(listener)), kv("backends", backends), kv("up", up));
  }
  LOG(info, "server.ready", kv("generation", snapshot.generation), kv("workers", workers_.count()),
      kv("max_connections", snapshot.max_connections));
  notify_.ready(fmt::format("serving, generation {}", snapshot.generation));
}

// The addresses of host names may differ from those in force. A reload under way may have older
// addresses, so they are used after it.
void ControlPlane::use_addresses() {
  if (drain_.begun()) return;
  readdress_ = reload_.busy();
  if (readdress_) return;
  auto next = store_.readdress(names_.lookups().known(store_.current()->model));
  if (!next) return;
  for (const config::Change& change : next->changes)
    LOG(info, "backend.addresses", kv("cluster", change.cluster), kv("backend", change.backend),
        kv("from", change.from), kv("to", change.to));
  checks_.apply(store_.check_targets());
  // The first updates hold the sockets, so only their snapshot is replaced.
  for (WorkerUpdate& first : first_updates_) first.snapshot = store_.current();
  if (!first_updates_.empty()) return;
  auto updates = std::make_shared<std::vector<WorkerUpdate>>(std::move(next->updates));
  workers_.post_each([updates](Worker& worker, uint32_t index) { worker.apply((*updates)[index]); },
                     [] {});
}

void ControlPlane::report_unresolved() const {
  for (const ClusterSpec& cluster : store_.current()->clusters)
    for (const HostSpec& host : cluster.hosts)
      if (!host.backend->has_address())
        LOG(warn, "backend.unresolved", kv("cluster", cluster.name),
            kv("backend", host.backend->name()), kv("reason", host.failure));
}

// `more`: the directories of a configuration that was refused, since its file may be fixed there.
void ControlPlane::refresh_watch(const std::vector<std::string>& more) {
  const config::Model& model = store_.current()->model;
  if (!model.global.watch) return watch_.reset();
  if (!watch_)
    watch_ = std::make_unique<Watch>(loop_, [this] {
      LOG(info, "reload.requested", kv("by", "watch"));
      reload_.reload();
    });
  std::vector<std::string> directories = model.watched_directories;
  directories.insert(directories.end(), more.begin(), more.end());
  watch_->set(directories);
}

// Also after a reload, which may have raised global.max_connections or added checks.
void ControlPlane::report_low_descriptors() const {
  const uint64_t wanted = store_.current()->max_connections;
  if (wanted > store_.most_connections())
    LOG(warn, "limits.descriptors", kv("max_connections", wanted),
        kv("enough_for", store_.most_connections()),
        kv("fix", "raise the limit of open files (LimitNOFILE=) or lower global.max_connections"));
}

void ControlPlane::on_reload_begun() {
  notify_.reloading();
}

void ControlPlane::on_reload_over(const ReloadOutcome& outcome) {
  refresh_watch(outcome.directories);
  const config::Admin& admin = store_.current()->model.admin;
  admin_.set_access({admin.hosts, admin.read_only});
  if (outcome.result == ReloadVerdict::ok) {
    tls_validity_.apply(store_.tls_validities());
    names_.use(store_.current()->model);
    report_unresolved();
    report_low_descriptors();
  }
  if (readdress_) use_addresses();
  if (!reload_.busy() && !drain_.begun())
    notify_.ready(fmt::format("serving, generation {}", outcome.generation));
}

void ControlPlane::on_signal(const ReceivedSignal& signal) {
  const auto log = [&](const char* event) {
    LOG(info, event, kv("by", "signal"), kv("signal", ::sigabbrev_np(signal.number)),
        kv("pid", signal.pid), kv("uid", signal.uid));
  };
  switch (signal.number) {
    case SIGHUP: log("reload.requested"); return reload_.reload();
    case SIGUSR1: log("log.reopen_requested"); return log_.reopen();
    case SIGUSR2: return;  // reserved
    default: break;
  }
  // TERM, INT, QUIT: the first one starts a drain; a further TERM or INT ends weir at once.
  if (!drain_.begun()) {
    log("drain.requested");
    return begin_drain(std::nullopt);
  }
  if (signal.number == SIGQUIT) return;
  log("drain.hurry_requested");
  drain_.hurry();
}

void ControlPlane::begin_drain(std::optional<Duration> timeout) {
  // Without a configuration: a signal in the last turns of a start that has failed.
  if (drain_.begun() || !store_.current()) return;
  // Stopped while starting: serve the connections that clients have opened already.
  if (!first_updates_.empty()) serve();
  reload_.refuse();
  drain_.begin(store_.current()->model.drain, timeout);
}

void ControlPlane::on_phase(ProcessPhase phase) {
  state_.phase.set(phase);
  const Duration left = drain_.deadline() == kNever
                            ? Duration::zero()
                            : std::max(Duration::zero(), drain_.deadline() - loop_.now());
  LOG(info, "server.phase", kv("phase", text(phase)), kv("open", store_.open_connections()),
      kv_if(phase > ProcessPhase::serving, "deadline", left));
  if (phase != ProcessPhase::lame_duck) return;
  notify_.stopping("draining");
  notify_.extend(2 * kExtendEvery);
  extend_.set_in(kExtendEvery);
}

void ControlPlane::on_not_ready() {
  LOG(info, "server.not_ready");
}

void ControlPlane::on_listeners_closed() {
  LOG(info, "listeners.closed", kv("open", store_.open_connections()));
  store_.sockets().unlink_files();
}

void ControlPlane::on_drained() {
  workers_.report([this](Workers::Reports reports) {
    uint64_t cut = 0;
    for (const auto& report : reports)
      for (const auto& entry : report->listeners)
        cut += entry.cells.ended_total[EndReason::drain_deadline].value +
               entry.cells.ended_total[EndReason::shutdown].value;
    if (cut > 0) exit_code_ = 4;
    LOG(info, "server.drained", kv("cut", cut));
    api_.drained(cut);
    loop_.stop();
  });
}

void ControlPlane::on_check(const Backend& backend, CheckResult result) {
  if (const HostSpec* host = store_.current()->host_of(backend))
    state_.backends[host->series].checks[result].add();
}

void ControlPlane::on_health_change(const Backend& backend, HealthChange change) {
  if (const HostSpec* host = store_.current()->host_of(backend))
    state_.backends[host->series].transitions[change].add();
  workers_.post([cluster = backend.cluster()](Worker& worker) { worker.health_changed(cluster); });
}

}  // namespace weir

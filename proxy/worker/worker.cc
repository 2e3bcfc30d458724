#include "worker/worker.h"

#include <algorithm>
#include <unordered_set>

#include "base/hash.h"
#include "base/log.h"
#include "os/sys.h"
#include "session/http_session.h"
#include "session/tcp_session.h"

namespace weir {
namespace {

constexpr Duration kDrainTick = 50ms;
// Backends that one turn renews after a reload; a cluster is not divided.
constexpr size_t kRenewedPerTurn = 4096;
constexpr size_t kReportedPerTurn = 512;  // cells of a listener, route, cluster or backend

void reset(int fd) {
  const linger now{1, 0};
  sys::set_option(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  sys::close(fd);
}

}  // namespace

// One listening socket in this worker: the listener of its connections, and the socket itself, if
// this worker accepts.
class Worker::Binding final : public AcceptObserver {
 public:
  Binding(Worker& worker, const SocketAssignment& assignment)
      : worker_(worker), socket_(assignment.socket), shared_(assignment.shared) {
    if (assignment.fd >= 0)
      listener_ = make_owned<Listener>(worker.resources.loop, assignment.fd, *this);
  }

  // Connections accepted from now on belong to this listener of this snapshot.
  void set(const SnapshotRef& snapshot, const SocketAssignment& assignment) {
    snapshot_ = snapshot;
    spec_ = &snapshot->snapshot().listeners[assignment.listener];
    if (!listener_) return;
    if (assignment.backlog > 0) listener_->set_backlog(assignment.backlog);
    if (assignment.keepalive) listener_->set_keepalive(*assignment.keepalive);
  }
  void close() {
    shared_ = false;  // other workers may have removed this socket
    if (listener_) listener_->accept_all_and_close();
  }
  void take(AcceptedConnection connection) {
    worker_.open_session(*spec_, snapshot_, std::move(connection));
  }

 private:
  void on_accept(int fd, const sockaddr* client, socklen_t length) override {
    AcceptedConnection connection{socket_, fd, Address::from(client, length)};
    if (!shared_) return take(std::move(connection));
    const uint32_t turn = next_++ % worker_.peers_.count();
    if (turn == worker_.index())
      take(std::move(connection));
    else
      worker_.peers_.give(turn, std::move(connection));
  }
  bool on_out_of_descriptors(int fd, const sockaddr* client, socklen_t length) override {
    LOG(warn, "listener.out_of_descriptors", kv("listener", spec_->name),
        kv("pause", Listener::kPause));
    worker_.refuse(*spec_, fd, Address::from(client, length), RejectReason::out_of_descriptors);
    return false;
  }

  Worker& worker_;
  const uint64_t socket_;
  bool shared_;
  uint32_t next_ = 0;
  SnapshotRef snapshot_;
  const ListenerSpec* spec_ = nullptr;
  Owned<Listener> listener_;
};

Worker::Worker(EventLoop& loop, uint32_t index, uint64_t seed, WorkerPeers& peers)
    : SessionOwner(pipe_resources_),
      pipe_resources_(loop),
      index_(index),
      seed_(seed),
      peers_(peers),
      metrics_(index),
      pools_(loop, &pipe_resources_),
      http_(pipe_resources_, seed),
      sessions_(loop),
      drain_timer_(loop, [this] { close_silent(); }) {}

Worker::~Worker() {
  stop();
}

void Worker::stop() {
  abort_sessions(EndReason::shutdown);
  // Sessions that are freed at the end of the turn may hold the last view of a pool, whose counters
  // end with this worker.
  pools_.begin_drain(/*at_once=*/true);
  bindings_.clear();
  removed_.clear();
  cancel_yield();
  current_ = {};  // and the kept connections to backends
}

void Worker::apply(const WorkerUpdate& update) {
  std::map<uint64_t, std::unique_ptr<Binding>> before;
  before.swap(bindings_);
  std::unordered_set<uint64_t> staying;
  for (const SocketAssignment& assignment : update.sockets) staying.insert(assignment.socket);
  // First the removed sockets: their queues have connections of the old configuration.
  for (auto it = before.begin(); it != before.end();) {
    if (staying.contains(it->first)) {
      ++it;
      continue;
    }
    it->second->close();
    removed_.insert(before.extract(it++));
  }
  auto* view = new SnapshotView(update.snapshot, metrics_, seed_ = mix(seed_ + 1), pools_,
                                current_ ? &*current_ : nullptr);
  views_.push_back(*view);
  metrics_.begin_generation();
  current_ = SnapshotRef(view);
  for (const SocketAssignment& assignment : update.sockets) {
    auto known = before.extract(assignment.socket);
    std::unique_ptr<Binding> binding =
        known ? std::move(known.mapped()) : std::make_unique<Binding>(*this, assignment);
    binding->set(current_, assignment);
    bindings_.emplace(assignment.socket, std::move(binding));
  }
  renew_clusters();
  sessions_.renew();
}

// Requests that wait for a backend try again with the backends of the new configuration.
void Worker::renew_clusters() {
  if (!current_) return;
  if (!current_->renew(kRenewedPerTurn)) return pipe_resources_.loop.yield(*this);
  pools_.wake_waiters();
}

void Worker::forget_removed_sockets() {
  removed_.clear();
}

void Worker::take(AcceptedConnection connection) {
  auto found = bindings_.find(connection.socket);
  if (found == bindings_.end()) {
    found = removed_.find(connection.socket);
    // The other worker has applied the update that adds this socket, this worker has not. That
    // update is posted already: it runs before this message, posted again.
    if (found == removed_.end()) return peers_.give(index_, std::move(connection));
  }
  found->second->take(std::move(connection));
}

void Worker::open_session(const ListenerSpec& listener, const SnapshotRef& snapshot,
                          AcceptedConnection connection) {
  const Snapshot& limits = snapshot->snapshot();
  if (!limits.count->enter(limits.max_connections))
    return refuse(listener, connection.fd, connection.client, RejectReason::max_connections);
  if (listener.tls && listener.max_handshakes != 0 &&
      handshakes.under_way() >= listener.max_handshakes) {
    limits.count->leave();
    return refuse(listener, connection.fd, connection.client, RejectReason::handshake_limit);
  }
  if (!listener.count->enter(listener.max_connections)) {
    limits.count->leave();
    return refuse(listener, connection.fd, connection.client, RejectReason::listener_limit);
  }
  Session::Start start{snapshot, listener, std::move(connection.client), next_serial_++};
  switch (listener.protocol) {
    case config::Protocol::tcp:
      return begin(*make_owned<TcpSession>(*this, std::move(start)).release(), connection.fd);
    case config::Protocol::http:
      return begin(
          *make_owned<HttpSession>(*this, http1_clients_, http2_requests_, std::move(start))
               .release(),
          connection.fd);
  }
}

// The list owns the session; release() removes it.
template <typename Opened>
void Worker::begin(Opened& session, int fd) {
  sessions_.push_back(session);
  ++active_;
  session.begin(fd);
}

void Worker::refuse(const ListenerSpec& listener, int fd, const Address& client,
                    RejectReason reason) {
  metrics_.listener(listener.series).refused(reason);
  ACCESS_LOG("session", kv("listener", listener.name), kv("client", client.text()),
             kv("reason", text(reason)));
  reset(fd);
}

void Worker::release(Session& session) {
  static_cast<SessionNode&>(session).unlink();
  --active_;
  Owned<Session>(&session).reset();
  if (active_ == 0 && draining_) peers_.on_empty(index_);
}

void Worker::health_changed(std::string_view cluster) {
  views_.for_each_safe([&](SnapshotView& view) { view.health_changed(cluster); });
  pools_.wake_waiters(cluster);
}

void Worker::close_listeners() {
  for (auto& [socket, binding] : bindings_) binding->close();
}

void Worker::begin_drain(TimePoint from, Duration spread) {
  draining_ = true;
  drain_began_ = from;
  spread_ = spread;
  to_close_ = active_;
  pools_.begin_drain();
  if (active_ == 0) return peers_.on_empty(index_);
  close_silent();
}

// At each moment of the spread a proportional share of the sessions should be closed, the first at
// once: those that have been silent for longest, and only sessions that can be closed in order. The
// other sessions are closed after the spread, when they become silent. A client with HTTP/2 may
// never be silent: it is told in the same spread that its connection ends, and those with a tunnel
// at the end of it.
void Worker::close_silent() {
  const TimePoint now = pipe_resources_.loop.now();
  const double share =
      spread_ > Duration::zero() ? seconds(now - drain_began_) / seconds(spread_) : 1;
  size_t due = active_;
  if (share < 1) {
    const auto wanted =
        static_cast<size_t>(std::max(share, 0.0) * static_cast<double>(to_close_)) + 1;
    due = wanted > closed_ ? wanted - closed_ : 0;
  }
  std::vector<Session*> silent;
  sessions_.for_each_safe([&](Session& session) {
    if (session.silent() || session.may_be_told(/*tunnels=*/share >= 1)) silent.push_back(&session);
  });
  const auto later = [](Session* a, Session* b) { return a->last_active() > b->last_active(); };
  std::make_heap(silent.begin(), silent.end(), later);
  for (; due > 0 && !silent.empty(); silent.pop_back()) {
    std::pop_heap(silent.begin(), silent.end(), later);
    // No byte is waiting in weir, but the peer has not acknowledged the last ones.
    if (silent.back()->silent() && !silent.back()->delivered()) continue;
    silent.back()->close_quiet(EndReason::drain_idle);
    ++closed_;
    --due;
  }
  if (active_ > 0) drain_timer_.set_in(kDrainTick);
}

void Worker::cut_sessions(EndReason reason) {
  sessions_.for_each_safe([&](Session& session) { session.cut(reason); });
}

void Worker::abort_sessions(EndReason reason) {
  sessions_.for_each_safe([&](Session& session) { session.abort(reason); });
}

WorkerReport Worker::report() {
  sessions_.for_each_safe([](Session& session) { session.settle(); });
  update_self();
  return metrics_.report();
}

bool Worker::report_some(WorkerMetrics::PartialReport& partial) {
  if (partial.report.listeners.empty())
    sessions_.for_each_safe([](Session& session) { session.settle(); });
  update_self();
  return metrics_.report_some(partial, kReportedPerTurn);
}

void Worker::update_self() {
  WorkerCells& self = metrics_.self();
  EventLoop& loop = pipe_resources_.loop;
  self.loop_lag.observe(loop.take_lag());
  self.busy.total = loop.busy();
  self.connections_active.set(static_cast<int64_t>(active_));
  self.buffer_bytes.set(static_cast<int64_t>(pipe_resources_.buffers.bytes() +
                                             pipe_resources_.large_buffers.bytes()));
}

SessionSurvey Worker::survey(size_t oldest) const {
  SessionSurvey survey;
  auto& sessions = const_cast<Worker*>(this)->sessions_;  // a survey changes nothing
  sessions.for_each_safe([&](Session& session) {
    auto& listener = survey.listeners[session.listener().series];
    listener.name = session.listener().name;
    ++listener.waiting[session.waiting_for()];
    listener.streams = session.cells().http2_streams_active.value;  // of all its sessions
    // The list has the order in which the sessions were accepted.
    if (survey.oldest.size() < oldest) survey.oldest.push_back(session.view());
  });
  return survey;
}

}  // namespace weir

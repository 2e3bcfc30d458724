#include "world/world.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include "base/log.h"
#include "world/tls_verdict.h"
#include "world/waiter_watch.h"

namespace weir::sim {
namespace {

constexpr Duration kLongestStay = 100s;

class NetworkClock final : public Clock {
 public:
  explicit NetworkClock(const Network& network) : network_(network) {}
  TimePoint now() const override { return network_.now(); }

 private:
  const Network& network_;
};

class NoPeers final : public WorkerPeers {
 public:
  uint32_t count() const override { return 1; }
  void give(uint32_t, AcceptedConnection) override { CHECK_UNREACHABLE(); }
  void on_empty(uint32_t) override {}
};

// The access log of one history, in memory.
class AccessLog {
 public:
  AccessLog() : file_(::memfd_create("access", MFD_CLOEXEC)) {}
  LogOptions options() const {
    LogOptions options;
    options.output = "none";
    options.access_output = fmt::format("/proc/self/fd/{}", file_.get());
    return options;
  }
  std::string text() const {
    std::string text(static_cast<size_t>(::lseek(file_.get(), 0, SEEK_END)), 0);
    CHECK(::pread(file_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return text;
  }

 private:
  UniqueFd file_;
};

std::unique_ptr<Traffic> make_traffic(const Scenario& scenario, Network& network) {
  if (scenario.stack.protocol == Protocol::http) return make_http_traffic(scenario, network);
  return scenario.stack.http2_clients ? make_http2_over_tcp_traffic(scenario, network)
                                      : make_tcp_traffic(scenario, network);
}

// The objects that live as long as the worker. The order of the members is that of their
// construction.
class World {
 public:
  World(uint64_t seed, const Stack& stack)
      : scenario_(seed, stack),
        network_(mix(seed), scenario_.conditions),
        wires_(network_, seed),
        kernel_(network_),
        traffic_(make_traffic(scenario_, network_)) {}
  std::vector<std::string> run(Tally& tally);

 private:
  void run_worker(Worker& worker, EventLoop& loop, ControlThread& control);
  void await_backends();
  void plan_clients();
  void check_turn(Worker& worker);

  std::vector<std::string> failures_;
  Scenario scenario_;
  Network network_;
  Wires wires_;
  Kernel kernel_;
  std::unique_ptr<Traffic> traffic_;
  WaiterWatch waiters_;
  size_t clients_to_come_ = 0;
  uint64_t turns_ = 0;
};

void World::plan_clients() {
  Random& random = network_.random();
  clients_to_come_ = scenario_.clients;
  for (size_t i = 0; i < scenario_.clients; ++i) {
    const Address from = *Address::parse(fmt::format("10.2.{}.{}:{}", i % 5, i % 7, 20000 + i));
    const Address to = ControlThread::listener_address(random.below(ControlThread::kListeners));
    // Some clients connect at the same time.
    const uint64_t within = static_cast<uint64_t>(scenario_.clients_within.count());
    const Duration when = 1ms + Duration(network_.chance(300) ? within / 3 : random.below(within));
    network_.after(when, [this, from, to] {
      --clients_to_come_;
      traffic_->open_client(
          wires_.open(network_.open_connection(to, from),
                      scenario_.tls_behavior(network_.random(), TlsBehavior::Role::client)),
          from);
    });
  }
  kernel_.on_connect = [this](const Address& to) {
    return scenario_.connect_plan(network_.random(), ControlThread::backend_number(to));
  };
  kernel_.on_connected = [this](const Address& to, std::shared_ptr<Endpoint> far) {
    traffic_->open_backend(
        wires_.open(std::move(far),
                    scenario_.tls_behavior(network_.random(), TlsBehavior::Role::server)),
        to);
  };
}

void World::check_turn(Worker& worker) {
  // A TCP session waits for the backends of the configuration with which it began.
  if (scenario_.stack.protocol == Protocol::http) waiters_.look(worker, network_.now(), failures_);
  if (++turns_ % 16 != 0) return;
  const WorkerReport report = worker.report();
  int64_t active = 0;
  for (const auto& [id, cells] : report.listeners) {
    active += cells.active.sum();
    const auto open_and_ended = static_cast<uint64_t>(cells.active.sum()) + cells.ended_total.sum();
    if (cells.connections_total.value != open_and_ended)
      failures_.push_back(fmt::format("turn {}: listener {}: {} accepted, {} open or ended", turns_,
                                      id, cells.connections_total.value, open_and_ended));
  }
  if (active != static_cast<int64_t>(worker.active()))
    failures_.push_back(
        fmt::format("turn {}: {} counted as active, {} are", turns_, active, worker.active()));
}

void World::run_worker(Worker& worker, EventLoop& loop, ControlThread& control) {
  const TimePoint end = network_.now() + kLongestStay;
  TimePoint quiet_since = kNever;
  const auto over = [&] {
    return clients_to_come_ == 0 && traffic_->clients_over() && !control.busy() &&
           worker.active() == 0;
  };
  while (network_.now() < end && failures_.size() < 10) {
    loop.run_turn(50ms);
    check_turn(worker);
    if (!over()) {
      quiet_since = kNever;
    } else if (quiet_since == kNever) {
      quiet_since = network_.now();
    } else if (network_.now() - quiet_since > 300ms) {
      return;
    }
  }
  for (const Session::View& view : worker.survey(5).oldest)
    failures_.push_back(fmt::format("session {} of {} is stuck: it waits for {}, {}/{} bytes",
                                    view.id, view.client, text(view.waiting_for),
                                    view.received_bytes, view.sent_bytes));
  for (std::string& line : traffic_->stuck()) failures_.push_back(std::move(line));
}

// weir has closed its kept connections; the backends receive their ends.
void World::await_backends() {
  const TimePoint end = network_.now() + 10s;
  while (!traffic_->backends_over() && network_.now() < end) network_.pass(10ms);
  if (traffic_->backends_over()) return;
  for (std::string& line : traffic_->stuck()) failures_.push_back(std::move(line));
}

std::vector<std::string> World::run(Tally& tally) {
  NetworkClock clock(network_);
  AccessLog access;
  WorkerReport report;
  NoPeers no_peers;
  auto prepared = Log::prepare(access.options());
  CHECK(prepared);
  std::optional<Log> log(std::in_place, std::move(*prepared));
  std::optional<LogThread> log_thread(std::in_place, *log);
  EventLoop loop(clock);
  std::optional<Worker> worker(std::in_place, loop, 0u, network_.random().next(), no_peers);
  ControlThread control(kernel_, scenario_, loop, *worker);
  control.plan();
  plan_clients();
  run_worker(*worker, loop, control);
  worker->close_listeners();
  worker->abort_sessions(EndReason::shutdown);
  report = worker->report();
  worker.reset();
  loop.run_turn(0ms);
  log_thread.reset();
  log.reset();
  await_backends();

  if (kernel_.open_descriptors() != 0)
    failures_.push_back(fmt::format("{} descriptors are still open", kernel_.open_descriptors()));
  for (std::string& line : kernel_.violations()) failures_.push_back(std::move(line));
  const Evidence evidence{scenario_, kernel_, control, report, access.text(), wires_};
  judge_handshakes(evidence, failures_, tally);
  for (std::string& line : traffic_->judge(evidence, tally)) failures_.push_back(std::move(line));

  tally["turns"] += turns_;
  tally["turns after which requests waited"] += waiters_.waited();
  tally["spliced bytes"] += kernel_.counts().spliced_bytes;
  tally["false EAGAIN"] += kernel_.counts().false_blocks;
  tally["short calls"] += kernel_.counts().short_calls;
  tally["splices stopped by urgent data"] += kernel_.counts().urgent;
  return failures_;
}

}  // namespace

std::vector<std::string> run_seed(uint64_t seed, const Stack& stack, Tally& tally) {
  return World(seed, stack).run(tally);
}

}  // namespace weir::sim

#include "world/world.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include "world/verdict.h"

namespace weir::sim {
namespace {

constexpr Duration kNobodyStaysLonger = 100s;

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

// What lives while the worker does. The order of the members is that of their construction.
class World {
 public:
  explicit World(uint64_t seed)
      : scenario_(seed), network_(mix(seed), scenario_.weather), kernel_(network_) {}
  std::vector<std::string> run(Tally& tally);

 private:
  void run_worker(Worker& worker, EventLoop& loop, Control& control);
  void plan_clients();
  void check_turn(Worker& worker);

  std::vector<std::string> failures_;
  Scenario scenario_;
  Network network_;
  Kernel kernel_;
  Book book_{network_};
  size_t clients_to_come_ = 0;
  uint64_t turns_ = 0;
};

void World::plan_clients() {
  Random& random = network_.random();
  clients_to_come_ = scenario_.clients;
  for (size_t i = 0; i < scenario_.clients; ++i) {
    const Address from = *Address::parse(fmt::format("10.2.{}.{}:{}", i % 5, i % 7, 20000 + i));
    const Address to = Control::listener_address(random.below(Control::kListeners));
    const Script script = scenario_.client_script(random);
    // Some come in crowds.
    const uint64_t within = static_cast<uint64_t>(scenario_.clients_within.count());
    const Duration when = 1ms + Duration(network_.chance(300) ? within / 3 : random.below(within));
    network_.after(when, [this, from, to, script] {
      --clients_to_come_;
      book_.open(script, network_.dial(to, from), from, true);
    });
  }
  kernel_.on_connect = [this](const Address& to) {
    return scenario_.connect_plan(network_.random(), Control::backend_number(to));
  };
  kernel_.on_connected = [this](const Address& to, std::shared_ptr<Endpoint> far) {
    book_.open(scenario_.backend_script(network_.random()), std::move(far), to, false);
  };
}

void World::check_turn(Worker& worker) {
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

void World::run_worker(Worker& worker, EventLoop& loop, Control& control) {
  const TimePoint end = network_.now() + kNobodyStaysLonger;
  TimePoint quiet_since = kNever;
  const auto over = [&] {
    return clients_to_come_ == 0 && book_.all_over() && !control.busy() && worker.active() == 0;
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
  for (const auto* talkers : {&book_.clients(), &book_.backends()})
    for (const auto& talker : *talkers)
      if (!talker->over())
        failures_.push_back(fmt::format("{} is stuck: sent {} of {}, received {}, end {}",
                                        talker->number(), talker->sent(), talker->script().to_send,
                                        talker->received(), talker->saw_end()));
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
  Control control(kernel_, scenario_, loop, *worker);
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

  if (kernel_.open_descriptors() != 0)
    failures_.push_back(fmt::format("{} descriptors are still open", kernel_.open_descriptors()));
  for (auto* more : {&kernel_.violations(), &book_.failures()})
    failures_.insert(failures_.end(), more->begin(), more->end());
  const Evidence evidence{scenario_, kernel_, control,
                          book_,     report,  read_access_log(access.text(), failures_)};
  Verdict(evidence, failures_).judge();

  for (const AccessLine& line : evidence.lines) {
    ++tally.ended[label_index(line.reason)];
    ++tally.sessions;
    tally.bytes += line.received_bytes + line.sent_bytes;
  }
  tally.turns += turns_;
  tally.spliced += kernel_.counts().spliced_bytes;
  tally.false_blocks += kernel_.counts().false_blocks;
  tally.short_calls += kernel_.counts().short_calls;
  return failures_;
}

}  // namespace

void Tally::add(const Tally& other) {
  for (size_t i = 0; i < ended.size(); ++i) ended[i] += other.ended[i];
  sessions += other.sessions;
  bytes += other.bytes;
  spliced += other.spliced;
  false_blocks += other.false_blocks;
  short_calls += other.short_calls;
  turns += other.turns;
}

std::vector<std::string> run_seed(uint64_t seed, Tally& tally) {
  return World(seed).run(tally);
}

}  // namespace weir::sim

#include "health/health_check.h"

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "health/check_run.h"

namespace weir {
namespace {

// The retry after an error of weir's own does not depend on the interval.
constexpr Duration kRetryAfterOwnError = 1s;

std::string brief(Duration d) {
  char text[32];
  const bool whole = d % 1s == Duration::zero();
  std::snprintf(text, sizeof text, whole ? "%.0fs" : "%.0fms",
                whole ? seconds(d) : seconds(d) * 1e3);
  return text;
}

}  // namespace

struct HealthChecks::WaitingTag : ::weir::ListNode {};

// The checks of one backend: their schedule, and what their results change.
class HealthChecks::Check final : public WaitingTag, public CheckRunOwner, private Deadline {
 public:
  Check(HealthChecks& checks, CheckTarget target)
      : checks_(checks), loop_(checks.loop_), target_(std::move(target)), primed_(known()) {}
  ~Check() { stop_run(); }

  const CheckTarget& target() const { return target_; }
  // A check has run, or the health was known before.
  bool primed() const { return primed_; }

  void start();
  bool is_up() const { return target_.backend->health() == Health::up; }
  // Stops a run; the caller starts the next one.
  void respecify(config::HealthCheck spec);
  // From the next run on.
  void set_connection_settings(const CheckTarget& target) {
    target_.tls = target.tls;
    target_.tls_host = target.tls_host;
    target_.proxy_protocol = target.proxy_protocol;
    target_.http2 = target.http2;
    target_.proofs = target.proofs;
  }
  // Begins sooner if the backend is held off or ejected.
  void hasten();

 private:
  bool known() const { return target_.backend->health() != Health::unknown; }
  void on_deadline() override;
  void on_run_end(RunResult result, std::string why) override;
  void conclude(CheckResult result, Health seen, const std::string& why);
  void note_success();
  void schedule();
  void note_whether_out(TimePoint now);
  bool is_fast(TimePoint now) const {
    return streak_ > 0 || (out_since_ && now < *out_since_ + kFastFor);
  }
  Duration fast_interval() const {
    return std::min(target_.spec.fast_interval, target_.spec.interval);
  }
  void apply_result(Health seen, const std::string& why);
  void flip(Health to, const std::string& why);
  void prime();
  void stop_run();

  HealthChecks& checks_;
  EventLoop& loop_;
  CheckTarget target_;
  Owned<CheckRun> run_;  // while one is running
  TimePoint started_{}, ended_{};
  std::optional<TimePoint> out_since_;  // down, held off or ejected
  uint32_t streak_ = 0;                 // results in a row that contradict the health
  bool primed_;
  bool among_others_ = false;  // counted so while it runs
  bool warned_ = false;        // of an error of weir's own
};

void HealthChecks::Check::start() {
  DCHECK(!run_);
  ++checks_.running_;
  among_others_ = !is_up();
  checks_.running_others_ += among_others_;
  started_ = loop_.now();
  run_ = make_owned<CheckRun>(loop_, *this, make_probe(target_));
  loop_.deadlines().set(*this, started_ + target_.spec.timeout);
  run_->start(target_);
}

void HealthChecks::Check::on_deadline() {
  if (!run_) return checks_.request_start(*this);
  const std::string why = run_->missing() + " within " + brief(target_.spec.timeout);
  stop_run();
  conclude(CheckResult::timeout, Health::down, why);
}

void HealthChecks::Check::on_run_end(RunResult result, std::string why) {
  stop_run();
  switch (result) {
    case RunResult::ok: return conclude(CheckResult::ok, Health::up, why);
    case RunResult::drain: return conclude(CheckResult::ok, Health::draining, why);
    case RunResult::fail: return conclude(CheckResult::fail, Health::down, why);
    case RunResult::unknown: break;
  }
  if (!std::exchange(warned_, true)) {
    LOG(warn, "health_check.impossible", kv("cluster", target_.backend->cluster()),
        kv("backend", target_.backend->name()), kv("reason", why));
  }
  prime();  // a backend that cannot be checked must not keep weir from serving the others
  ended_ = loop_.now();
  loop_.deadlines().set(*this, ended_ + kRetryAfterOwnError);
  checks_.start_waiting();
}

void HealthChecks::Check::conclude(CheckResult result, Health seen, const std::string& why) {
  warned_ = false;
  ended_ = loop_.now();
  checks_.observer_.on_check(*target_.backend, result);
  if (seen == Health::up) note_success();
  apply_result(seen, why);
  schedule();
  checks_.start_waiting();
}

void HealthChecks::Check::note_success() {
  Backend& backend = *target_.backend;
  if (target_.proofs) backend.outlier().confirm(started_, loop_.now());
  const bool as_sessions_do = target_.spec.port == 0 && !target_.spec.tls;
  if (as_sessions_do) backend.note_connect_success();
}

void HealthChecks::Check::schedule() {
  note_whether_out(loop_.now());
  const bool fast = is_fast(loop_.now());
  const Duration length =
      checks_.jittered(fast ? fast_interval() : target_.spec.interval, target_.spec.jitter);
  loop_.deadlines().set(*this, std::max((fast ? ended_ : started_) + length, loop_.now()));
}

void HealthChecks::Check::note_whether_out(TimePoint now) {
  const Backend& backend = *target_.backend;
  const bool out = backend.health() == Health::down || backend.held_off(now) ||
                   (target_.proofs && backend.outlier().ejected());
  if (!out)
    out_since_.reset();
  else if (!out_since_)
    out_since_ = now;
}

void HealthChecks::Check::hasten() {
  const TimePoint now = loop_.now();
  note_whether_out(now);
  if (!is_fast(now) || !Deadline::pending() || run_) return;
  const TimePoint soon = ended_ + fast_interval();
  if (soon > now) return loop_.deadlines().set(*this, std::min(soon, Deadline::at()));
  Deadline::cancel();
  checks_.request_start(*this);
}

// A drain begins and ends at once. For a backend that is down it is a success like others.
void HealthChecks::Check::apply_result(Health seen, const std::string& why) {
  const Health health = target_.backend->health();
  if (seen == health) {
    streak_ = 0;
    return;
  }
  const uint32_t needed = seen == Health::down     ? target_.spec.fall
                          : health == Health::down ? target_.spec.rise
                                                   : 1;
  if (health != Health::unknown && ++streak_ < needed) return;
  flip(seen, why);
  prime();
}

void HealthChecks::Check::prime() {
  if (!std::exchange(primed_, true)) checks_.first_result();
}

void HealthChecks::Check::flip(Health to, const std::string& why) {
  const Backend& backend = *target_.backend;
  target_.backend->set_health(to);
  streak_ = 0;
  const auto cluster = kv("cluster", backend.cluster()), name = kv("backend", backend.name());
  switch (to) {
    case Health::up:
      LOG(info, "backend.up", cluster, name);
      return checks_.observer_.on_health_change(backend, HealthChange::up);
    case Health::draining:
      LOG(info, "backend.draining", cluster, name, kv("reason", why));
      return checks_.observer_.on_health_change(backend, HealthChange::draining);
    case Health::down:
      LOG(warn, "backend.down", cluster, name, kv("reason", why));
      return checks_.observer_.on_health_change(backend, HealthChange::down);
    case Health::unknown: break;
  }
  CHECK_UNREACHABLE();
}

void HealthChecks::Check::respecify(config::HealthCheck spec) {
  WaitingTag::unlink();
  Deadline::cancel();
  stop_run();
  target_.spec = std::move(spec);
  streak_ = 0;
  primed_ = known();
}

void HealthChecks::Check::stop_run() {
  if (!run_) return;
  run_.reset();
  --checks_.running_;
  checks_.running_others_ -= among_others_;
}

size_t HealthChecks::room_of(uint64_t descriptor_limit) {
  return std::clamp<size_t>(descriptor_limit / 8, kLeastRunning, kMostRunning);
}

HealthChecks::HealthChecks(EventLoop& loop, HealthObserver& observer, uint64_t seed,
                           size_t most_running)
    : loop_(loop),
      observer_(observer),
      random_(seed),
      most_running_(most_running),
      waiting_up_(std::make_unique<Waiting>()),
      waiting_others_(std::make_unique<Waiting>()),
      proofs_(loop) {}

HealthChecks::~HealthChecks() = default;

void HealthChecks::apply(std::vector<CheckTarget> targets) {
  std::vector<CheckTarget> proofs;
  std::ranges::copy_if(targets, std::back_inserter(proofs),
                       [](const CheckTarget& target) { return target.proofs && !target.health; });
  proofs_.apply(std::move(proofs));
  std::erase_if(targets, [](const CheckTarget& target) { return !target.health; });
  CheckMap before = std::exchange(checks_, {});
  std::vector<Check*> to_start;
  for (CheckTarget& target : targets) {
    const Backend* key = target.backend.get();
    std::unique_ptr<Check>& check = checks_[key];
    CHECK(!check);
    auto old = before.extract(key);
    if (old.empty()) {
      check = std::make_unique<Check>(*this, std::move(target));
    } else {
      check = std::move(old.mapped());
      check->set_connection_settings(target);
      if (check->target().spec == target.spec) continue;
      check->respecify(std::move(target.spec));
    }
    to_start.push_back(check.get());
  }
  for (auto& [key, check] : before) check->target().backend->set_health(Health::unknown);
  before.clear();
  unprimed_ = static_cast<size_t>(std::count_if(
      checks_.begin(), checks_.end(), [](const auto& entry) { return !entry.second->primed(); }));
  announced_ = false;
  if (checks_.empty())
    Deadline::cancel();
  else if (!Deadline::pending())
    loop_.deadlines().set(*this, loop_.now() + kLookEvery);
  for (Check* check : to_start) request_start(*check);
  start_waiting();
  announce();
}

void HealthChecks::on_deadline() {
  loop_.deadlines().set(*this, loop_.now() + kLookEvery);
  for (auto& [backend, check] : checks_) check->hasten();
}

void HealthChecks::request_start(Check& check) {
  (check.is_up() ? waiting_up_ : waiting_others_)->push_back(check);
  start_waiting();
}

// Null: no check waits, or there is no room for the checks that wait.
HealthChecks::Check* HealthChecks::next_waiting() {
  if (running_ >= most_running_) return nullptr;
  const size_t share = most_running_ - most_running_ / 4;
  const size_t running_up = running_ - running_others_;
  if (!waiting_up_->empty() && (waiting_others_->empty() || running_up < share))
    return waiting_up_->pop_front();
  return running_others_ < share ? waiting_others_->pop_front() : nullptr;
}

void HealthChecks::start_waiting() {
  // A check that fails at once calls this again: the outer call continues, so that the stack does
  // not grow.
  if (std::exchange(starting_, true)) return;
  if (std::exchange(turn_, loop_.turn()) != loop_.turn()) started_ = 0;
  while (started_ < kStartsPerTurn) {
    Check* const next = next_waiting();
    if (next == nullptr) break;
    ++started_;
    next->start();
  }
  if (started_ == kStartsPerTurn) loop_.yield(*this);
  starting_ = false;
}

void HealthChecks::first_result() {
  --unprimed_;
  announce();
}

void HealthChecks::announce() {
  if (unprimed_ == 0 && !std::exchange(announced_, true)) observer_.on_primed();
}

Duration HealthChecks::jittered(Duration interval, double jitter) {
  const double shift = jitter * (2 * random_.unit() - 1);
  return interval +
         Duration(static_cast<Duration::rep>(static_cast<double>(interval.count()) * shift));
}

}  // namespace weir

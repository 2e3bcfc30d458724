#include "control/drain.h"

#include "base/log.h"

namespace weir {
namespace {

// A session ends itself after its linger; this time is for a session that does not.
constexpr Duration kGrace = 500ms;

}  // namespace

DrainCoordinator::DrainCoordinator(EventLoop& loop, Workers& workers, DrainObserver& observer)
    : loop_(loop),
      workers_(workers),
      observer_(observer),
      ready_timer_(loop, [this] { fail_readiness(); }),
      next_(loop, [] {}) {
  workers_.when_empty([this] { observer_.on_drained(); });
}

void DrainCoordinator::enter(ProcessPhase phase) {
  phase_ = phase;
  observer_.on_phase(phase);
}

void DrainCoordinator::begin(const config::Drain& settings, std::optional<Duration> timeout) {
  if (begun()) return;
  settings_ = settings;
  if (timeout) {
    settings_.timeout = *timeout;
    settings_.spread.reset();
  }
  began_at_ = loop_.now();
  deadline_ = began_at_ + settings_.delay + settings_.timeout;
  enter(ProcessPhase::lame_duck);
  if (settings_.ready_fail_after > Duration::zero())
    ready_timer_.set_in(settings_.ready_fail_after);
  else
    fail_readiness();
  if (settings_.delay <= Duration::zero()) return close_listeners();
  next_ = [this] { close_listeners(); };
  next_.set_in(settings_.delay);
}

void DrainCoordinator::fail_readiness() {
  if (!std::exchange(ready_, false)) return;
  observer_.on_not_ready();
}

void DrainCoordinator::close_listeners() {
  if (std::exchange(closing_, true)) return;
  ready_timer_.cancel();
  fail_readiness();
  if (phase_ < ProcessPhase::draining) enter(ProcessPhase::draining);
  workers_.post(
      [](Worker& worker) { worker.close_listeners(); },
      [this] {
        closed_ = true;
        observer_.on_listeners_closed();
        const TimePoint from = loop_.now();
        const Duration spread = settings_.spread.value_or(settings_.timeout / 2);
        workers_.post([from, spread](Worker& worker) { worker.begin_drain(from, spread); });
        if (hurried_) terminate(EndReason::shutdown);
      });
  next_ = [this] { terminate(EndReason::drain_deadline); };
  next_.set_at(deadline_);
}

void DrainCoordinator::hurry() {
  if (!begun() || std::exchange(hurried_, true)) return;
  LOG(warn, "drain.hurried");
  if (closed_) return terminate(EndReason::shutdown);
  next_.cancel();
  close_listeners();
}

void DrainCoordinator::terminate(EndReason reason) {
  enter(ProcessPhase::terminating);
  next_.cancel();
  if (reason == EndReason::shutdown)
    return workers_.post([reason](Worker& worker) { worker.abort_sessions(reason); });
  // Silent sessions get a FIN, and time for the last bytes; other sessions get a reset.
  workers_.post([reason](Worker& worker) { worker.cut_sessions(reason); });
  next_ = [this, reason] {
    workers_.post([reason](Worker& worker) { worker.abort_sessions(reason); });
  };
  next_.set_in(settings_.linger + kGrace);
}

}  // namespace weir

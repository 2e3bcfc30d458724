// DrainCoordinator: stops the process in phases, and owns the phase.
//
//   serving → lame_duck (drain.delay: accepting, soon not ready) → draining (listeners closed;
//   sessions end, silent sessions are closed over drain.spread) → terminating (drain.timeout is
//   over: the remaining sessions are cut)
//
// In any phase after lame_duck the drain ends when the last session has ended. Owner: the
// server; thread: the control loop's.
#pragma once

#include <functional>
#include <optional>

#include "base/outcomes.h"
#include "config/model.h"
#include "event/timer.h"
#include "worker/workers.h"

namespace weir {

class DrainObserver {
 public:
  virtual void on_phase(ProcessPhase phase) = 0;
  virtual void on_not_ready() = 0;  // readiness fails from now on
  virtual void on_listeners_closed() = 0;
  virtual void on_drained() = 0;  // the last session has ended

 protected:
  ~DrainObserver() = default;
};

class DrainCoordinator {
 public:
  DrainCoordinator(EventLoop& loop, Workers& workers, DrainObserver& observer);

  // Called once. `timeout` replaces the configured timeout.
  void begin(const config::Drain& settings, std::optional<Duration> timeout);
  // A second signal: cuts all sessions now.
  void hurry();

  ProcessPhase phase() const { return phase_; }
  void set_serving() { enter(ProcessPhase::serving); }
  bool begun() const { return phase_ > ProcessPhase::serving; }
  bool ready() const { return ready_ && phase_ != ProcessPhase::starting; }
  // When the drain began. Only after begin().
  TimePoint began_at() const { return began_at_; }
  // When the remaining sessions are cut; kNever without a drain.
  TimePoint deadline() const { return deadline_; }

 private:
  void enter(ProcessPhase phase);
  void fail_readiness();
  void close_listeners();
  void terminate(EndReason reason);

  EventLoop& loop_;
  Workers& workers_;
  DrainObserver& observer_;
  ProcessPhase phase_ = ProcessPhase::starting;
  config::Drain settings_;
  TimePoint began_at_{};
  TimePoint deadline_ = kNever;
  bool ready_ = true;
  bool closing_ = false;  // listeners are being closed, or closed
  bool closed_ = false;   // all of them are
  bool hurried_ = false;
  Timer ready_timer_;
  Timer next_;  // phase
};

}  // namespace weir

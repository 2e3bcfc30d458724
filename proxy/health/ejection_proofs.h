// EjectionProofs: checks of backends that outlier detection has ejected. An ejection ends by a
// trial (upstream/outlier.h), and a trial needs a check that was begun after the ejection and has
// passed. In a cluster with health checks it is such a check (health_check.h); in any other one it
// is a connect, with TLS where the cluster has it, every second while a backend waits for it.
//
// Owner: HealthChecks. Thread: the control loop's. These runs neither change Backend::health() nor
// count as checks. Without a target there is no timer.
#pragma once

#include <memory>
#include <vector>

#include "event/event_loop.h"

namespace weir {

struct CheckTarget;

class EjectionProofs final : private Deadline {
 public:
  static constexpr Duration kEvery = std::chrono::seconds(1);
  static constexpr size_t kMostRunning = 16;  // at a time, each with a descriptor

  explicit EjectionProofs(EventLoop& loop);
  EjectionProofs(const EjectionProofs&) = delete;
  EjectionProofs& operator=(const EjectionProofs&) = delete;
  ~EjectionProofs();

  // Replaces all targets; runs end without a result.
  void apply(std::vector<CheckTarget> targets);

 private:
  class Proof;

  void on_deadline() override;

  EventLoop& loop_;
  std::vector<std::unique_ptr<Proof>> proofs_;  // one for each target
  size_t running_ = 0;
  size_t next_ = 0;  // where the last round ended
};

}  // namespace weir

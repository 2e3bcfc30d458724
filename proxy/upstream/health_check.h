// HealthChecks: asks every checked backend, once per process, whether it is there.
//
// Owner: the server. Thread: the control loop's. What a check asks is its probe's to say (probe.h).
// The first result decides at once; after that `fall` failures in a row take a backend out and
// `rise` successes bring it back. Each backend has a schedule of its own; only the descriptors
// bound how many checks run at a time. Where they do, backends that are up come first, and a
// quarter of the room is theirs alone: backends that do not answer hold theirs for the whole
// timeout and must not delay the check of one that did. Checks go on during a drain.
//
// A check closes its connection with a plain FIN. The TIME_WAIT is therefore ours: 60 s divided by
// the interval, per backend (12 at the default); no reason to greet healthy servers with an RST.
// Errors of our own (no descriptors, no free port) say nothing about a backend and change nothing.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "config/model.h"
#include "event/timer.h"
#include "metrics/labels.h"
#include "net/tls_client.h"
#include "upstream/backend.h"

namespace weir {

// Who wants to know. Called on the control loop, in the middle of a check: apply() is to be posted.
class HealthObserver {
 public:
  virtual void on_check(const Backend& backend, CheckResult result) = 0;
  // Backend::health() has changed already, and the log has a line about it.
  virtual void on_health_change(const Backend& backend, HealthChange change) = 0;
  // Every check has been tried once: once for each apply().
  virtual void on_primed() = 0;

 protected:
  ~HealthObserver() = default;
};

struct CheckTarget {
  std::shared_ptr<Backend> backend;
  config::HealthCheck spec;
  std::shared_ptr<TlsClient> tls = nullptr;  // null: none
  std::string tls_host = {};
  config::ProxyVersion proxy_protocol{};
};

class HealthChecks {
 public:
  static constexpr size_t kLeastRunning = 64;
  static constexpr size_t kMostRunning = 16384;
  static constexpr size_t kStartsPerTurn = 64;
  // How many checks may run at a time, each with a descriptor.
  static size_t room_of(uint64_t descriptor_limit);

  HealthChecks(EventLoop& loop, HealthObserver& observer, uint64_t seed,
               size_t most_running = kLeastRunning);
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;
  ~HealthChecks();

  // The whole set, from now on; backends in maintenance are not in it. A backend that stays, with
  // the same spec, notices nothing; one whose spec changed keeps its health and is checked now; one
  // that is no longer checked becomes `unknown`. With nothing to wait for, on_primed() comes
  // before this returns.
  void apply(std::vector<CheckTarget> targets);
  bool primed() const { return unprimed_ == 0; }
  size_t running() const { return running_; }

 private:
  class Check;
  struct WaitingTag;
  using Waiting = IntrusiveList<Check, WaitingTag>;
  using CheckMap = std::unordered_map<const Backend*, std::unique_ptr<Check>>;

  void request_start(Check& check);
  void start_waiting();
  Check* next_waiting();
  void first_result();
  void announce();
  Duration jittered(const config::HealthCheck& spec);

  EventLoop& loop_;
  HealthObserver& observer_;
  Random random_;
  const size_t most_running_;
  size_t running_ = 0;
  size_t running_others_ = 0;  // of backends that were not up
  size_t unprimed_ = 0;
  bool announced_ = false;
  bool starting_ = false;
  // They outlive the checks in them.
  std::unique_ptr<Waiting> waiting_up_;
  std::unique_ptr<Waiting> waiting_others_;
  Timer more_;  // starts the next ones, a turn later
  CheckMap checks_;
};

}  // namespace weir

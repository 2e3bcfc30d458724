// HealthChecks: asks every checked backend, once per process, whether it is there.
//
// Owner: the server. Thread: the control loop's. What a check asks is its probe's to say (probe.h).
// The first result decides at once; after that `fall` failures in a row take a backend out and
// `rise` successes bring it back. At most kMaxRunning checks run at a time; the others wait their
// turn. Checks go on during a drain.
//
// A check closes its connection with a plain FIN. The TIME_WAIT is therefore ours: 60 s divided by
// the interval, per backend (12 at the default); no reason to greet healthy servers with an RST.
// Errors of our own (no descriptors, no free port) say nothing about a backend and change nothing.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "config/model.h"
#include "event/event_loop.h"
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
  static constexpr size_t kMaxRunning = 64;

  HealthChecks(EventLoop& loop, HealthObserver& observer, uint64_t seed);
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
  using CheckMap = std::map<const Backend*, std::unique_ptr<Check>>;

  void request_start(Check& check);
  void start_waiting();
  void first_result();
  void announce();
  Duration jittered(const config::HealthCheck& spec);

  EventLoop& loop_;
  HealthObserver& observer_;
  Random random_;
  size_t running_ = 0;
  size_t unprimed_ = 0;
  bool announced_ = false;
  bool starting_ = false;
  std::unique_ptr<IntrusiveList<Check, WaitingTag>> waiting_;  // outlives the checks in it
  CheckMap checks_;
};

}  // namespace weir

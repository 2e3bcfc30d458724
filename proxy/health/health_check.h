// HealthChecks: the active checks of all backends, once per process.
//
// Owner: the server. Thread: the control loop's. What a check sends and expects: probe.h. The first
// result decides at once; after that `fall` failures in a row make a backend `down` and `rise`
// successes make it `up`. An answer that `drain_on` describes makes a backend `draining` at once,
// and one that it does not ends that. Each backend has a schedule of its own: `interval` from the
// beginning of a check, or `fast_interval` from its end while the next result may change something:
// while a streak has begun, and for kFastFor after the backend went down, was held off or ejected,
// which the checks look for every kLookEvery. A check that passes ends a hold-off and is the proof
// that an ejection ends by (ejection_proofs.h). Only descriptors bound the number of checks at a
// time. At that bound, backends that are up come first. While backends that are up and others wait,
// each of the two kinds has a quarter of the room for itself: a backend that does not answer
// occupies its room for the whole timeout, which must not delay the check of a backend that is up,
// and weir must see that a backend that was down works again. Checks continue during a drain.
//
// A check closes its connection with a FIN, so that a healthy server sees no RST. The TIME_WAIT is
// therefore on weir's side: 60 s divided by the interval, per backend (30 at the default). Errors
// of weir's own (no descriptors, no memory) say nothing about a backend and change nothing.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/outcomes.h"
#include "base/random.h"
#include "config/model.h"
#include "event/event_loop.h"
#include "health/ejection_proofs.h"
#include "tls/tls_client.h"
#include "upstream/backend.h"

namespace weir {

// Called on the control loop, during a check: an observer must post apply().
class HealthObserver {
 public:
  virtual void on_check(const Backend& backend, CheckResult result) = 0;
  // Backend::health() has changed, and the change has been logged.
  virtual void on_health_change(const Backend& backend, HealthChange change) = 0;
  // Every check has run once. Called once for each apply().
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
  bool http2 = false;   // a check over HTTP uses HTTP/2
  bool health = true;   // checked all the time, and decides whether the backend is up
  bool proofs = false;  // checked while outlier detection has it ejected; see ejection_proofs.h
};

class HealthChecks final : private Yielding, private Deadline {
 public:
  static constexpr size_t kLeastRunning = 64;
  static constexpr size_t kMostRunning = 16384;
  static constexpr size_t kStartsPerTurn = 64;  // of the loop
  static constexpr Duration kFastFor = std::chrono::seconds(10);
  static constexpr Duration kLookEvery = std::chrono::seconds(1);
  // The number of checks that may run at a time, each with a descriptor.
  static size_t room_of(uint64_t descriptor_limit);

  HealthChecks(EventLoop& loop, HealthObserver& observer, uint64_t seed,
               size_t most_running = kLeastRunning);
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;
  ~HealthChecks();

  // Replaces all targets, which have no backends in maintenance; those without `health` get only
  // proofs, those with it no others than its checks. The check of a backend with the same spec
  // continues; a backend with another spec keeps its health and is checked now; a backend without a
  // target becomes `unknown`. If no first result is missing, calls on_primed() before it returns.
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
  void on_resume() override { start_waiting(); }
  void on_deadline() override;
  Check* next_waiting();
  void first_result();
  void announce();
  Duration jittered(Duration interval, double jitter);

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
  uint64_t turn_ = 0;   // of the loop, when a check was last started
  size_t started_ = 0;  // in that turn
  CheckMap checks_;
  EjectionProofs proofs_;
};

}  // namespace weir

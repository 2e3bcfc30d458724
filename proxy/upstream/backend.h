// Backend: one server behind weir: its identity, its health by checks, its hold-off after refused
// connections and its ejection after errors. A configured backend whose host name has several
// addresses has one Backend for each address. If the name cannot be looked up, there is a Backend
// without an address, which gets no sessions.
//
// The control thread and every worker share a Backend through shared_ptr. Reloads keep it as long
// as cluster, name and address stay the same. HostSpec has the settings that a configuration may
// change (weight, backup, state). The identity is immutable. Only the control thread writes the
// health; every worker writes the hold-off and the outlier. All atomics are relaxed: a worker may
// see a change a moment late.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/address.h"
#include "base/closed_list.h"
#include "base/time.h"
#include "config/model.h"
#include "upstream/limit.h"
#include "upstream/outlier.h"

namespace weir {

// draining: by itself, as it answers checks.
#define WEIR_HEALTHS(X) X(unknown) X(up) X(down) X(draining)
WEIR_CLOSED_LIST(Health, WEIR_HEALTHS);

class Backend {
 public:
  // `text` is the address as the configuration has it, for logs.
  Backend(std::string cluster, std::string name, std::string text, Address address);
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const std::string& cluster() const { return cluster_; }
  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  const Address& address() const { return address_; }
  bool has_address() const { return address_.family() != Address::Family::none; }

  // Before calls of health() for many backends.
  void prefetch() const { __builtin_prefetch(&health_); }
  Health health() const { return health_.load(std::memory_order_relaxed); }
  void set_health(Health health) { health_.store(health, std::memory_order_relaxed); }

  // The hold-off: after a refused connection the backend gets no sessions for backoff.base; each
  // further refusal doubles that time, up to backoff.max. Refusals during the hold-off do not
  // count: sessions of all workers that fail at the same moment are one step.
  void note_connect_failure(TimePoint now, const config::Backoff& backoff);
  void note_connect_success() {
    // A load first: an ordinary success must not write to a cache line that all workers read.
    if (hold_off_.load(std::memory_order_relaxed) == 0) return;
    hold_off_.store(0, std::memory_order_relaxed);
  }
  bool held_off(TimePoint now) const { return now < held_off_until(); }
  TimePoint held_off_until() const;  // in the past, or the clock's epoch, when it is not held off

  // True once in kRefusalSilence for all workers, since every connection to it fails in the same
  // way.
  static constexpr Duration kRefusalSilence = std::chrono::minutes(1);
  bool may_log_refusal(TimePoint now);

  // Requests and TCP sessions of all workers under way here, from the choice to the end: the
  // balancers compare them, and `concurrency` limits them.
  Limit& requests() { return requests_; }
  const Limit& requests() const { return requests_; }
  // Connections of all workers' pools, kept ones included: pool.max_connections.
  Limit& connections() { return connections_; }
  const Limit& connections() const { return connections_; }

  Outlier& outlier() { return outlier_; }
  const Outlier& outlier() const { return outlier_; }

 private:
  const std::string cluster_;
  const std::string name_;
  const std::string text_;
  const Address address_;
  const uint64_t seed_;  // of the jitter
  std::atomic<Health> health_{Health::unknown};
  // The end in microseconds, and the number of steps in the low 6 bits: one word, so that only one
  // of several concurrent failures takes the step.
  std::atomic<uint64_t> hold_off_{0};
  std::atomic<uint64_t> refusal_logged_{0};  // when, in microseconds
  Outlier outlier_;
  Limit requests_;
  Limit connections_;
};

}  // namespace weir

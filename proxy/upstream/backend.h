// Backend: one server behind us: who it is, whether its checks pass, whether it is left alone now,
// for connections it refused or for answers it gave. A configured backend whose host name has
// several addresses is one of these for each address; one whose name cannot be looked up is one
// without an address, which gets nothing.
//
// Shared by the control thread and every worker through shared_ptr, and kept over reloads for as
// long as cluster, name and address stay the same. What a config may change about it (weight,
// backup, state) is not here: it comes with each config, in the cluster's host list.
// Identity is immutable. Health is written by the control thread only; the hold-off and the outlier
// by every worker. All atomics are relaxed: a worker that learns of a flip a moment late does no
// harm.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/address.h"
#include "base/time.h"
#include "config/model.h"
#include "upstream/outlier.h"

namespace weir {

enum class Health : uint8_t { unknown, up, down };

const char* text(Health health);

class Backend {
 public:
  // `text` is the address as the config has it: logs show what its author wrote.
  Backend(std::string cluster, std::string name, std::string text, Address address);
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const std::string& cluster() const { return cluster_; }
  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  const Address& address() const { return address_; }
  bool has_address() const { return address_.family() != Address::Family::none; }

  // Before health() is asked of many.
  void prefetch() const { __builtin_prefetch(&health_); }
  Health health() const { return health_.load(std::memory_order_relaxed); }
  void set_health(Health health) { health_.store(health, std::memory_order_relaxed); }

  // The hold-off: a backend that refuses connections is left alone for backoff.base, then twice
  // that with each further refusal, up to backoff.max. Refusals that arrive while it is held off
  // already count for nothing: the sessions of all workers that fail at one moment are one step.
  void note_connect_failure(TimePoint now, const config::Backoff& backoff);
  void note_connect_success() {
    // Asks first: the usual success must not make a cache line dirty that all workers read.
    if (hold_off_.load(std::memory_order_relaxed) == 0) return;
    hold_off_.store(0, std::memory_order_relaxed);
  }
  bool held_off(TimePoint now) const { return now < held_off_until(); }
  TimePoint held_off_until() const;  // in the past, or the clock's epoch, when it is not held off

  // Once in kRefusalSilence for all workers: each connection to it meets with the same.
  static constexpr Duration kRefusalSilence = std::chrono::minutes(1);
  bool may_log_refusal(TimePoint now);

  Outlier& outlier() { return outlier_; }
  const Outlier& outlier() const { return outlier_; }

 private:
  const std::string cluster_;
  const std::string name_;
  const std::string text_;
  const Address address_;
  const uint64_t seed_;  // of the jitter
  std::atomic<Health> health_{Health::unknown};
  // Its end in microseconds, then the number of steps in the low 6 bits: one word, so that exactly
  // one of many concurrent failures can take the step.
  std::atomic<uint64_t> hold_off_{0};
  std::atomic<uint64_t> refusal_logged_{0};  // when, in microseconds
  Outlier outlier_;
};

}  // namespace weir

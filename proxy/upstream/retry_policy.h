// RetryPolicy: when a request may be sent to a backend again, compiled from `retry`. Immutable; any
// thread.
//
// While attempts() > 0 the reasons always include requests that are provably unprocessed (no
// connection, refused, no byte sent), and `safe`, unless `unprocessed` is listed in its place. The
// data path decides whether a request may be repeated at all (safe or idempotent, body complete in
// memory): a POST arrives at most once, whatever this policy says.
#pragma once

#include <bitset>
#include <cstdint>

#include "config/model.h"

namespace weir {

class RetryPolicy {
 public:
  RetryPolicy() : RetryPolicy(config::Retry{}) {}
  explicit RetryPolicy(const config::Retry& retry);

  uint32_t attempts() const { return attempts_; }  // after the first try; 0: no retries
  uint32_t tries() const { return attempts_ + 1; }
  bool on(config::RetryReason reason) const { return reasons_[static_cast<size_t>(reason)]; }
  // After reused_connection: repeats any idempotent request, not only a safe one.
  bool repeats_changes() const { return repeats_changes_; }
  // Retries after an answer with this status, instead of relaying it.
  bool on_status(uint32_t status) const { return status < kStatuses && statuses_[status]; }

  const config::Timeout& per_try_timeout() const { return per_try_timeout_; }
  double budget() const {
    return budget_;
  }  // retries under way, as a share of the requests under way
  // The bound of the pause before this retry (from 1); the pause is drawn below it. There is no
  // pause before an attempt at another backend.
  Duration pause(uint32_t retry) const;

 private:
  static constexpr size_t kReasons = 8;
  static constexpr size_t kStatuses = 600;

  void add(config::RetryReason reason);

  uint32_t attempts_ = 0;
  bool repeats_changes_ = false;
  std::bitset<kReasons> reasons_;
  std::bitset<kStatuses> statuses_;
  config::Timeout per_try_timeout_;
  double budget_ = 0;
  config::RetryBackoff backoff_;
};

}  // namespace weir

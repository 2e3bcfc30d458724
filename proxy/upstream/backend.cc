#include "upstream/backend.h"

#include <algorithm>

#include "base/hash.h"

namespace weir {
namespace {

using std::chrono::microseconds;

constexpr int kStepBits = 6;
constexpr uint64_t kMaxStep = (uint64_t{1} << kStepBits) - 1;

uint64_t micros(TimePoint at) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<microseconds>(at.time_since_epoch()).count());
}

// The length of hold-off number `step` (from 0), before jitter.
Duration step_length(const config::Backoff& backoff, uint64_t step) {
  Duration length = std::min(backoff.base, backoff.max);
  for (; step > 0 && length < backoff.max; --step) {
    if (length <= Duration::zero()) break;
    length = length > backoff.max / 2 ? backoff.max : length * 2;
  }
  return length;
}

// ±10 %, so that many balancers in front of one backend do not retry it at the same time; never
// above max.
Duration with_jitter(Duration length, Duration max, uint64_t hash) {
  const Duration spread = length / 5;
  const double share = static_cast<double>(hash >> 11) * 0x1.0p-53;
  const auto shift =
      Duration(static_cast<Duration::rep>(static_cast<double>(spread.count()) * share));
  return std::min(max, length - spread / 2 + shift);
}

}  // namespace

Backend::Backend(std::string cluster, std::string name, std::string text, Address address)
    : cluster_(std::move(cluster)),
      name_(std::move(name)),
      text_(std::move(text)),
      address_(std::move(address)),
      seed_(hash_bytes(name_, hash_bytes(cluster_))) {}

void Backend::note_connect_failure(TimePoint now, const config::Backoff& backoff) {
  uint64_t seen = hold_off_.load(std::memory_order_relaxed);
  const uint64_t now_us = micros(now);
  if (now_us < seen >> kStepBits) return;
  const uint64_t step = seen & kMaxStep;
  const Duration length = with_jitter(step_length(backoff, step), backoff.max, mix(seed_ ^ now_us));
  const uint64_t next = micros(now + length) << kStepBits | std::min(step + 1, kMaxStep);
  // On failure another worker has just taken this step, or has just connected.
  hold_off_.compare_exchange_strong(seen, next, std::memory_order_relaxed);
}

bool Backend::may_log_refusal(TimePoint now) {
  uint64_t last = refusal_logged_.load(std::memory_order_relaxed);
  const uint64_t now_us = micros(now);
  if (last != 0 && now_us < last + micros(TimePoint(kRefusalSilence))) return false;
  return refusal_logged_.compare_exchange_strong(last, now_us, std::memory_order_relaxed);
}

TimePoint Backend::held_off_until() const {
  const uint64_t until = hold_off_.load(std::memory_order_relaxed) >> kStepBits;
  return TimePoint(microseconds(static_cast<int64_t>(until)));
}

}  // namespace weir

#include "upstream/ejections.h"

#include <algorithm>
#include <array>
#include <mutex>

#include "base/log.h"
#include "config/value_types.h"

namespace weir {
namespace {

// Locked for each decision about an ejection, so that two workers together do not exceed the
// maximum share. A worker locks it when a row of errors is complete, not for each answer.
constinit std::mutex ejecting;

// Fewer responses of the other backends are nothing to compare with.
constexpr uint64_t kFewest = 5;
// A verdict reads every backend: about a microsecond for each that is in no cache.
constexpr size_t kSmall = 64;
constexpr Duration kJudgeEvery = std::chrono::microseconds(1);  // per host

}  // namespace

Ejections::Ejections(const ClusterSpec& spec, WorkerMetrics& metrics)
    : spec_(spec), metrics_(metrics) {
  if (spec.outlier_detection) tallies_.resize(spec.hosts.size());
}

// 500 is a failure of the backend only where it can be compared: some requests make every backend
// answer it. With a policy that hashes, or a cookie that leads to a backend, one client has all its
// requests at one backend, and could have it ejected, and then the next one.
bool Ejections::is_failure(BackendIndex host, unsigned status, TimePoint now) const {
  if (std::find(kGatewayErrors.begin(), kGatewayErrors.end(), status) != kGatewayErrors.end())
    return true;
  return status == 500 && spec_.outlier_detection && !config::hashes(spec_.balance) &&
         !spec_.sticky && has_comparison(host, now);
}

// Whether the other backends have answered enough. A client can have this asked for each of its
// requests: the first backends that have been in use of late suffice.
bool Ejections::has_comparison(BackendIndex index, TimePoint now) const {
  uint64_t requests = 0;
  for (BackendIndex i = 0; i < spec_.hosts.size() && requests < kFewest; ++i)
    if (i != index && tallies_[i] && !spec_.ejected(spec_.hosts[i]))
      requests += recent(i, Tally::kLongest, now).requests;
  return requests >= kFewest;
}

void Ejections::note_success(BackendIndex host, TimePoint now) {
  if (!spec_.outlier_detection) return;
  tally(host).note(Outcome::success, now);
  // Responses while the backend is ejected belong to requests from before.
  Outlier& outlier = spec_.hosts[host].backend->outlier();
  if (!outlier.ejected()) outlier.note_success();
}

void Ejections::note_failure(BackendIndex host, TimePoint now) {
  if (!spec_.outlier_detection) return;
  tally(host).note(Outcome::failure, now);
  note_error(host, Outlier::Error::response, now);
}

void Ejections::note_timeout(BackendIndex host, TimePoint now) {
  if (!spec_.outlier_detection) return;
  tally(host).note(Outcome::timeout, now);
  note_error(host, Outlier::Error::timeout, now);
}

void Ejections::note_error(BackendIndex index, Outlier::Error error, TimePoint now) {
  const config::OutlierDetection& rules = *spec_.outlier_detection;
  Backend& backend = *spec_.hosts[index].backend;
  Outlier& outlier = backend.outlier();
  if (outlier.ejected()) return;
  uint32_t row = outlier.note_error(error);
  const Tally::Counts own = recent(index, Tally::kLongest, now);
  if (std::max<uint64_t>(row, own.failures + own.counted_timeouts) < rules.consecutive_errors)
    return;
  if (!may_judge(now)) return;
  const std::lock_guard lock(ejecting);
  if (outlier.ejected()) return;
  const bool overload = others_time_out(index, now);
  if (overload) {
    row = outlier.forget_timeouts();
    tally(index).excuse_timeouts(now);
  }
  if (!fails_more_than_others(index, row, overload, now)) return;
  // The next decision comes after a whole row of errors, not after the next error.
  if (!may_eject()) return outlier.reset_row();
  const Duration length = outlier.eject(now, rules);
  metrics_.backend(spec_.hosts[index].series).ejections.add();
  LOG(warn, "backend.ejected", kv("cluster", backend.cluster()), kv("backend", backend.name()),
      kv("errors", std::max<uint64_t>(row, own.failures + (overload ? 0 : own.counted_timeouts))),
      kv("for", config::duration_text(length)));
}

// Of this worker, and of the time since the last ejection has ended.
Tally::Counts Ejections::recent(BackendIndex host, Duration span, TimePoint now) const {
  if (!tallies_[host]) return {};
  const TimePoint up_since = spec_.hosts[host].backend->outlier().up_since();
  return tallies_[host]->over(span, now, up_since == TimePoint{} ? TimePoint::min() : up_since);
}

Outcomes Ejections::others(BackendIndex index, bool overload, TimePoint now) const {
  Outcomes sum;
  for (BackendIndex i = 0; i < spec_.hosts.size(); ++i) {
    if (i == index || !tallies_[i] || spec_.ejected(spec_.hosts[i])) continue;
    const Tally::Counts counts = recent(i, Tally::kLongest, now);
    sum.requests += counts.requests;
    sum.failures += counts.failures + (overload ? 0 : counts.timeouts);
  }
  return sum;
}

bool Ejections::fails_more_than_others(BackendIndex index, uint32_t row, bool overload,
                                       TimePoint now) const {
  std::array<Outcomes, 4> samples{{{row, row}}};
  constexpr std::array spans{Duration(1s), Duration(2500ms), Tally::kLongest};
  for (size_t i = 0; i < spans.size(); ++i) {
    const Tally::Counts counts = recent(index, spans[i], now);
    samples[i + 1] = {counts.requests, counts.failures + counts.counted_timeouts};
  }
  Outcomes rest = others(index, overload, now);
  if (rest.requests < kFewest) rest = {};
  return judge(samples, rest, spec_.outlier_detection->consecutive_errors);
}

bool Ejections::may_judge(TimePoint now) {
  if (spec_.hosts.size() <= kSmall) return true;
  if (now < judge_after_) return false;
  judge_after_ = now + kJudgeEvery * spec_.hosts.size();
  return true;
}

// At least half of the other backends in use let requests time out, too: the cluster has more work
// than it can do. With a backend less the others would have even more.
bool Ejections::others_time_out(BackendIndex index, TimePoint now) const {
  const bool backup = spec_.hosts[index].backup;
  size_t others = 0, slow = 0;
  for (BackendIndex i = 0; i < spec_.hosts.size(); ++i) {
    const HostSpec& host = spec_.hosts[i];
    if (i == index || host.backup != backup || !host.usable() || host.backend->held_off(now) ||
        spec_.ejected(host))
      continue;
    ++others;
    const Tally::Counts last = recent(i, 1s, now);
    if (4 * last.timeouts > last.requests) ++slow;
  }
  return others > 0 && 2 * slow >= others;
}

bool Ejections::may_eject() const {
  size_t active = 0, out = 0;
  for (const HostSpec& host : spec_.hosts) {
    if (!host.active() || !host.backend->has_address()) continue;
    ++active;
    if (spec_.ejected(host)) ++out;
  }
  // A share such as 29 % has no exact value: a millionth of a backend is added.
  const double most = spec_.outlier_detection->max_ejection_percent * static_cast<double>(active);
  return static_cast<double>(out + 1) <= most + 1e-6;
}

bool Ejections::begin_trial(BackendIndex host, TimePoint now) {
  return spec_.ejected(spec_.hosts[host]) && spec_.hosts[host].backend->outlier().begin_trial(now);
}

bool Ejections::end_trial(BackendIndex host, unsigned status, TimePoint now) {
  const bool passed = !is_failure(host, status, now);
  end_trial(host, passed ? Outlier::Trial::passed : Outlier::Trial::failed, now);
  return passed;
}

void Ejections::end_trial(BackendIndex host, Outlier::Trial how, TimePoint now) {
  Backend& backend = *spec_.hosts[host].backend;
  const Duration length = backend.outlier().end_trial(how, now, *spec_.outlier_detection);
  switch (how) {
    case Outlier::Trial::passed:
      LOG(info, "backend.readmitted", kv("cluster", backend.cluster()),
          kv("backend", backend.name()));
      return;
    case Outlier::Trial::failed:
      LOG(info, "backend.trial_failed", kv("cluster", backend.cluster()),
          kv("backend", backend.name()), kv("for", config::duration_text(length)));
      return;
    case Outlier::Trial::withdrawn: return;
  }
}

}  // namespace weir

#include "upstream/ejections.h"

#include <algorithm>
#include <mutex>

#include "base/log.h"
#include "config/value_types.h"

namespace weir {
namespace {

// Locked for each decision about an ejection, so that two workers together do not exceed the
// maximum share. A worker locks it when a row of errors is complete, not for each answer.
constinit std::mutex ejecting;

bool is_error(unsigned status) {
  return std::find(kGatewayErrors.begin(), kGatewayErrors.end(), status) != kGatewayErrors.end();
}

}  // namespace

Ejections::Ejections(const ClusterSpec& spec, WorkerMetrics& metrics)
    : spec_(spec), metrics_(metrics) {
  if (spec.outlier_detection) timeouts_.resize(spec.hosts.size());
}

void Ejections::note_response(BackendIndex host, unsigned status, TimePoint now) {
  if (!spec_.outlier_detection) return;
  timeouts_[host].note_answer();
  if (is_error(status)) return note_error(host, Outlier::Error::response, now);
  // Answers while the backend is ejected belong to requests from before.
  Outlier& outlier = spec_.hosts[host].backend->outlier();
  if (!outlier.ejected()) outlier.note_success();
}

void Ejections::note_no_response(BackendIndex host, TimePoint now) {
  if (!spec_.outlier_detection) return;
  timeouts_[host].note_answer();
  note_error(host, Outlier::Error::response, now);
}

void Ejections::note_timeout(BackendIndex host, TimePoint now) {
  if (!spec_.outlier_detection) return;
  timeouts_[host].note_timeout(now);
  note_error(host, Outlier::Error::timeout, now);
}

void Ejections::note_error(BackendIndex index, Outlier::Error error, TimePoint now) {
  const config::OutlierDetection& rules = *spec_.outlier_detection;
  Backend& backend = *spec_.hosts[index].backend;
  Outlier& outlier = backend.outlier();
  if (outlier.ejected() || !outlier.note_error(rules.consecutive_errors, error)) return;
  const std::lock_guard lock(ejecting);
  if (outlier.ejected()) return;
  if (others_time_out(index, now) && !outlier.forget_timeouts(rules.consecutive_errors)) return;
  // The next decision comes after a whole row of errors, not after the next error.
  if (!may_eject()) return outlier.reset_row();
  const Duration length = outlier.eject(now, rules);
  metrics_.backend(spec_.hosts[index].series).ejections.add();
  LOG(warn, "backend.ejected", kv("cluster", backend.cluster()), kv("backend", backend.name()),
      kv("errors", rules.consecutive_errors), kv("for", config::duration_text(length)));
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
    if (timeouts_[i].is_high(now)) ++slow;
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
  const bool passed = !is_error(status);
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

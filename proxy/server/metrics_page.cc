#include "server/metrics_page.h"

#include <algorithm>
#include <limits>

namespace weir {

BackendStatus status_of(const ClusterSpec& cluster, const HostSpec& host, TimePoint now) {
  switch (host.state) {
    case config::BackendState::drain: return BackendStatus::draining;
    case config::BackendState::maintenance: return BackendStatus::maintenance;
    case config::BackendState::active: break;
  }
  if (!host.backend->has_address() || host.backend->health() == Health::down)
    return BackendStatus::down;
  if (host.backend->held_off(now)) return BackendStatus::held_off;
  if (cluster.ejected(host, now)) return BackendStatus::ejected;
  return host.backend->health() == Health::up ? BackendStatus::up : BackendStatus::unknown;
}

BackendStatus status_of(const ClusterSpec& cluster, std::span<const HostSpec> addresses,
                        TimePoint now) {
  static constexpr BackendStatus kBestFirst[] = {BackendStatus::up, BackendStatus::unknown,
                                                 BackendStatus::held_off, BackendStatus::ejected};
  for (const BackendStatus status : kBestFirst)
    for (const HostSpec& host : addresses)
      if (status_of(cluster, host, now) == status) return status;
  return status_of(cluster, addresses[0], now);
}

MetricsPage::MetricsPage(Control control, const DrainCoordinator& drain)
    : control_(control), drain_(drain) {}

void MetricsPage::render(Done done) {
  waiting_.push_back(std::move(done));
  if (waiting_.size() > 1) return;  // one is under way
  control_.workers.report([this](Workers::Reports) {
    if (!drain_.begun()) return finish(control_.workers.last_reports());
    control_.workers.survey(0, [this](const SessionSurvey& survey) {
      refresh_drain(survey);
      finish(control_.workers.last_reports());
    });
  });
}

void MetricsPage::finish(Workers::Reports reports) {
  refresh_backends();
  refresh_process();
  refresh_certificates();
  forget_expired();
  const std::string text = collector_.render(control_.state, reports, control_.store.series());
  std::vector<Done> waiting;
  waiting.swap(waiting_);
  for (const Done& done : waiting) done(text);
}

void MetricsPage::refresh_backends() {
  for (const ClusterSpec& cluster : control_.store.current()->clusters) {
    for (size_t first = 0; first < cluster.hosts.size();) {
      const std::span<const HostSpec> addresses = cluster.addresses(first);
      control_.state.backends[addresses[0].series].set(
          status_of(cluster, addresses, control_.loop.now()), addresses[0].weight,
          addresses[0].backend->has_address() ? addresses.size() : 0);
      first += addresses.size();
    }
  }
}

void MetricsPage::refresh_drain(const SessionSurvey& survey) {
  for (auto& [series, state] : control_.state.listeners) state.drain_remaining = {};
  for (const auto& [series, listener] : survey.listeners)
    for (const auto& [waiting_for, n] : listener.waiting)
      control_.state.listeners[series].drain_remaining[waiting_for].set(static_cast<int64_t>(n));
}

void MetricsPage::refresh_certificates() {
  for (const ListenerSpec& listener : control_.store.current()->listeners) {
    double first = std::numeric_limits<double>::infinity();
    if (listener.tls)
      for (const CertificateInfo& info : listener.tls->certificates())
        first = std::min(first, static_cast<double>(info.not_after));
    control_.state.listeners[listener.series].certificate_not_after.set(first);
  }
}

void MetricsPage::refresh_process() {
  ProcessState& state = control_.state;
  state.phase.set(drain_.phase());
  state.ready.set(drain_.ready());
  state.max_connections.set(static_cast<int64_t>(control_.store.current()->max_connections));
  if (drain_.deadline() != kNever)
    state.drain_deadline.set(unix_now() + seconds(drain_.deadline() - control_.loop.now()));
  const LogCounts counts = control_.log.counts();
  for (size_t level = 0; level < counts.messages.size(); ++level)
    state.log_messages[static_cast<LogSeverity>(level)].value = counts.messages[level];
  state.log_dropped.value = counts.dropped_messages;
  state.access_log_dropped.value = counts.dropped_access;
  for (const LogKind kind : {LogKind::message, LogKind::access})
    state.log_output_errors[kind == LogKind::access ? LogStream::access : LogStream::messages]
        .value = counts.output_errors[size_t(kind)];
}

void MetricsPage::forget_expired() {
  SnapshotStore& store = control_.store;
  const SeriesIds expired = store.series().take_expired(control_.loop.now(), store.series_in_use());
  if (expired.empty()) return;
  control_.state.forget(expired);
  control_.workers.tell([expired](Worker& worker) { worker.forget(expired); });
}

}  // namespace weir

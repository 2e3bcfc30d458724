#include "admin/metrics_page.h"

#include <algorithm>
#include <limits>

namespace weir {
namespace {

constexpr Duration kReleaseEvery = 10s;
constexpr size_t kForgottenAtOnce = 512;  // series of each kind

}  // namespace

BackendStatus status_of(const ClusterSpec& cluster, const HostSpec& host, TimePoint now) {
  switch (host.state) {
    case config::BackendState::drain: return BackendStatus::draining;
    case config::BackendState::maintenance: return BackendStatus::maintenance;
    case config::BackendState::active: break;
  }
  if (!host.backend->has_address() || host.backend->health() == Health::down)
    return BackendStatus::down;
  if (host.backend->health() == Health::draining) return BackendStatus::self_draining;
  if (host.backend->held_off(now)) return BackendStatus::held_off;
  if (cluster.ejected(host)) return BackendStatus::ejected;
  return host.backend->health() == Health::up ? BackendStatus::up : BackendStatus::unknown;
}

BackendStatus status_of(const ClusterSpec& cluster, std::span<const HostSpec> addresses,
                        TimePoint now) {
  static constexpr BackendStatus kBestFirst[] = {BackendStatus::up, BackendStatus::unknown,
                                                 BackendStatus::held_off, BackendStatus::ejected,
                                                 BackendStatus::self_draining};
  for (const BackendStatus status : kBestFirst)
    for (const HostSpec& host : addresses)
      if (status_of(cluster, host, now) == status) return status;
  return status_of(cluster, addresses[0], now);
}

MetricsPage::MetricsPage(Control control, const DrainCoordinator& drain)
    : control_(control), drain_(drain), release_(control.loop, [this] { release_expired(); }) {
  release_.set_in(kReleaseEvery);
}

void MetricsPage::render(Done done) {
  waiting_.push_back(std::move(done));
  if (waiting_.size() > 1) return;  // one is under way
  control_.workers.report([this](const Workers::Reports&) {
    if (!drain_.begun()) return finish();
    control_.workers.survey(0, [this](const SessionSurvey& survey) {
      refresh_drain(survey);
      finish();
    });
  });
}

void MetricsPage::finish() {
  refresh_process();
  scraped_ = control_.loop.now();
  // The maps of the last rendering keep their nodes: the control loop allocates and frees none for
  // backends that stay.
  const std::shared_ptr<Scene> scene = last_ ? std::move(last_) : std::make_shared<Scene>();
  scene->snapshot = control_.store.current();
  scene->state = control_.state;
  scene->reports = control_.workers.last_reports();
  scene->now = control_.loop.now();
  control_.background.make([this, scene] { return text_of(*scene); },
                           [this, scene](const std::string& text) { hand_out(text, scene); });
}

void MetricsPage::hand_out(const std::string& text, const std::shared_ptr<Scene>& scene) {
  control_.state.series = scene->state.series;
  control_.state.series_dropped = scene->state.series_dropped;
  control_.state.scrape_duration = scene->state.scrape_duration;
  // Freed on the background thread: they can be large, and the next scrape has others.
  control_.background.bin()->put(
      [snapshot = std::move(scene->snapshot), reports = std::move(scene->reports)] {});
  last_ = scene;
  std::vector<Done> waiting;
  waiting.swap(waiting_);
  for (const Done& done : waiting) done(text);
}

// On the background thread. It works on a copy of the state: the scene keeps the same elements as
// the state of the control thread, so the next scrape assigns to them and adds none.
std::string MetricsPage::text_of(Scene& scene) {
  ProcessState state = scene.state;
  const Snapshot& snapshot = *scene.snapshot;
  for (const ClusterSpec& cluster : snapshot.clusters) {
    state.clusters[cluster.series].panic.set(is_panicking(cluster));
    for (size_t first = 0; first < cluster.hosts.size();) {
      const std::span<const HostSpec> addresses = cluster.addresses(first);
      state.backends[addresses[0].series].set(
          status_of(cluster, addresses, scene.now), addresses[0].weight,
          addresses[0].backend->has_address() ? addresses.size() : 0);
      first += addresses.size();
    }
  }
  for (const ListenerSpec& listener : snapshot.listeners) {
    double first = std::numeric_limits<double>::infinity();
    if (listener.tls)
      for (const CertificateInfo& info : listener.tls->certificates())
        first = std::min(first, static_cast<double>(info.not_after));
    state.listeners[listener.series].certificate_not_after.set(first);
  }
  state.folded_routes.set(static_cast<int64_t>(snapshot.folded_routes));
  collector_.limit_to(snapshot.model.metrics.max_series);
  std::string text = collector_.render(state, scene.reports, control_.store.series());
  scene.state.series = state.series;
  scene.state.series_dropped = state.series_dropped;
  scene.state.scrape_duration = state.scrape_duration;
  return text;
}

void MetricsPage::refresh_drain(const SessionSurvey& survey) {
  for (auto& [series, state] : control_.state.listeners) state.drain_remaining = {};
  for (const auto& [series, listener] : survey.listeners)
    for (const auto& [waiting_for, n] : listener.waiting)
      control_.state.listeners[series].drain_remaining[waiting_for].set(static_cast<int64_t>(n));
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
    state.log_messages[static_cast<LogLevel>(level)].value = counts.messages[level];
  state.log_dropped.value = counts.dropped_messages;
  state.access_log_dropped.value = counts.dropped_access;
  for (const LogKind kind : {LogKind::message, LogKind::access})
    state.log_output_errors[kind].value = counts.output_errors[size_t(kind)];
}

void MetricsPage::release_expired() {
  release_.set_in(kReleaseEvery);
  const TimePoint now = control_.loop.now();
  const bool seen = scraped_ && now - *scraped_ < kSeriesRetention;
  control_.background.make(
      [&store = control_.store, in_use = control_.store.series_of_snapshots(), now, seen] {
        SeriesIds used;
        for (const SnapshotStore::SharedIds& ids : in_use) used.add(*ids);
        return std::make_shared<const SeriesIds>(
            store.series().take_expired(now, used, seen ? kSeriesRetention : kUnseenRetention));
      },
      [this](std::shared_ptr<const SeriesIds> expired) {
        if (expired->empty()) return;
        control_.state.forget(*expired);
        forget(std::move(expired), 0);
      });
}

// In parts, so that no worker frees many cells in one turn.
void MetricsPage::forget(std::shared_ptr<const SeriesIds> expired, size_t from) {
  if (from >= expired->most()) return;
  control_.workers.post(
      [expired, from](Worker& worker) { worker.forget(expired->part(from, kForgottenAtOnce)); },
      [this, expired, from] { forget(expired, from + kForgottenAtOnce); });
}

}  // namespace weir

#include "metrics/collector.h"

#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <map>

#include "metrics/families.h"
#include "metrics/process.h"
#include "metrics/series_budget.h"

namespace weir {

namespace {

// One series with all cells of its id.
template <typename Cells>
struct Shown {
  LabelPairs identity;
  bool http;  // shows the rows of HTTP
  Cells cells;
};

LabelPairs identity(const SeriesName& name) {
  LabelPairs labels;
  const auto add = [&](const char* label, const std::string& value) {
    if (!value.empty()) labels.push_back({label, value});
  };
  add("listener", name.listener);
  add("route", name.route);
  add("protocol", name.protocol);
  add("cluster", name.cluster);
  add("backend", name.backend);
  return labels;
}

#define WORKER(type, member, name, labels, help) sum.member += cells.member;
void add_up(WorkerCells& sum, const WorkerCells& cells) {
#include "metrics/metrics.def"
}
#define LISTENER(type, member, name, labels, help) sum.member += cells.member;
void add_up(ListenerCells& sum, const ListenerCells& cells) {
#include "metrics/metrics.def"
}
#define ROUTE(type, member, name, labels, help) sum.member += cells.member;
void add_up(RouteCells& sum, const RouteCells& cells) {
#include "metrics/metrics.def"
}
#define CLUSTER(type, member, name, labels, help) sum.member += cells.member;
void add_up(ClusterCells& sum, const ClusterCells& cells) {
#include "metrics/metrics.def"
}
#define BACKEND(type, member, name, labels, help) sum.member += cells.member;
void add_up(BackendCells& sum, const BackendCells& cells) {
#include "metrics/metrics.def"
}

// Every series of the table that is shown; `cells_of(id)` makes its cells.
template <typename CellsOf>
auto shown(const SeriesTable& table, CellsOf cells_of) {
  std::vector<Shown<decltype(cells_of(0u))>> all;
  for (uint32_t id = 0; id < table.all().size(); ++id) {
    const SeriesTable::Series& series = table.all()[id];
    if (table.shown(id)) all.push_back({identity(series.name), series.http, cells_of(id)});
  }
  return all;
}

// The reports of the workers, summed by id.
template <typename Cells>
std::vector<Shown<Cells>> summed(const SeriesTable& table, const WorkerReports& reports,
                                 std::vector<ReportEntry<Cells>> WorkerReport::*entries) {
  std::map<uint32_t, Cells> sums;
  for (const auto& report : reports) {
    for (const auto& entry : (*report).*entries) add_up(sums[entry.id], entry.cells);
  }
  return shown(table, [&](uint32_t id) { return sums[id]; });
}

// The cells of the control thread; zero for an id without cells.
template <typename Cells>
std::vector<Shown<Cells>> kept(const SeriesTable& table, const std::map<uint32_t, Cells>& by_id) {
  return shown(table, [&](uint32_t id) {
    const auto it = by_id.find(id);
    return it == by_id.end() ? Cells{} : it->second;
  });
}

std::vector<Shown<ClusterState>> cluster_states(const SeriesRegistry& registry,
                                                const ProcessState& state) {
  std::map<std::string_view, ClusterState> by_name;
  const auto& backends = registry.backends().all();
  for (const auto& [id, cells] : state.backends) {
    if (id >= backends.size() || backends[id].state != SeriesTable::Series::State::live) continue;
    ClusterState& cluster = by_name[backends[id].name.cluster];
    cluster.backends.add();
    if (cells.up.value) cluster.healthy_backends.add();
  }
  const auto& clusters = registry.clusters();
  return shown(clusters, [&](uint32_t id) {
    ClusterState cluster = by_name[clusters.all()[id].name.cluster];
    const auto own = state.clusters.find(id);
    if (own != state.clusters.end()) cluster.panic = own->second.panic;
    return cluster;
  });
}

// Everything one scrape shows.
class Scrape final : public prometheus::Collectable {
 public:
  Scrape(const ProcessState& state, const WorkerReports& reports, const SeriesRegistry& registry,
         size_t max_series)
      : max_series_(max_series),
        state_(state),
        listeners_(summed(registry.listeners(), reports, &WorkerReport::listeners)),
        listener_states_(kept(registry.listeners(), state.listeners)),
        routes_(summed(registry.routes(), reports, &WorkerReport::routes)),
        clusters_(summed(registry.clusters(), reports, &WorkerReport::clusters)),
        cluster_states_(cluster_states(registry, state)),
        backends_(summed(registry.backends(), reports, &WorkerReport::backends)),
        backend_states_(kept(registry.backends(), state.backends)) {
    for (const auto& report : reports) {
      workers_.push_back({{{"worker", std::to_string(report->worker)}}, false, report->self});
      add_up(all_workers_, report->self);
    }
  }

  std::vector<prometheus::MetricFamily> Collect() const override {
    Families families = build();
    series_ = families.series();
    dropped_ = families.dropped();
    return families.take();
  }
  // Of the last Collect().
  size_t series() const { return series_; }
  size_t dropped() const { return dropped_; }

 private:
  // The rows, in the order in which the limit of series is used up: the last ranks are left out
  // first.
  enum Rank : uint8_t { always, numbers, up, listeners, clusters, states, backends, routes };
  static constexpr Rank kRanks[] = {always,   numbers, up,       listeners,
                                    clusters, states,  backends, routes};

  // A row of the table, and the number of its listeners, clusters or backends that are shown.
  struct Row {
    MetricRow text;
    size_t place;
    size_t most = std::numeric_limits<size_t>::max();
  };
  template <typename Cell, typename Cells>
  static void each(Families& out, const Row& row, const std::vector<Shown<Cells>>& series,
                   Cell Cells::*member) {
    out.begin(row.text, kMetricType<Cell>, row.place);
    for (size_t i = 0; i < series.size() && i < row.most; ++i)
      out.add(series[i].identity, series[i].cells.*member);
  }
  template <typename Cell, typename Cells>
  static void each_http(Families& out, const Row& row, const std::vector<Shown<Cells>>& series,
                        Cell Cells::*member) {
    out.begin(row.text, kMetricType<Cell>, row.place);
    for (size_t i = 0; i < series.size() && i < row.most; ++i)
      if (series[i].http) out.add(series[i].identity, series[i].cells.*member);
  }
  // Per worker if the row says so, else their sum.
  template <typename Cell>
  void of_workers(Families& out, const Row& row, Cell WorkerCells::*member) const {
    if (row.text.labels == "worker") return each(out, row, workers_, member);
    out.begin(row.text, kMetricType<Cell>, row.place);
    out.add({}, all_workers_.*member);
  }
  template <typename Cell>
  void of_process(Families& out, const Row& row, Cell ProcessState::*member) const {
    out.begin(row.text, kMetricType<Cell>, row.place);
    out.add({}, state_.*member);
  }
  size_t most_of(Families& out, Rank rank) const;
  void add_rows(Families& out, Rank rank) const;

  Families build() const;

  const size_t max_series_;
  mutable size_t series_ = 0;
  mutable size_t dropped_ = 0;
  const ProcessState& state_;
  WorkerCells all_workers_;
  std::vector<Shown<WorkerCells>> workers_;
  const std::vector<Shown<ListenerCells>> listeners_;
  const std::vector<Shown<ListenerState>> listener_states_;
  const std::vector<Shown<RouteCells>> routes_;
  const std::vector<Shown<ClusterCells>> clusters_;
  const std::vector<Shown<ClusterState>> cluster_states_;
  const std::vector<Shown<BackendCells>> backends_;
  const std::vector<Shown<BackendStateCells>> backend_states_;
};

Families Scrape::build() const {
  Families out(max_series_);
  for (Rank rank : kRanks) {
    out.limit(rank != always);
    add_rows(out, rank);
  }
  return out;
}

// The number of whole listeners, clusters or backends that fit: each is shown with all its rows of
// a rank, or with none.
size_t Scrape::most_of(Families& out, Rank rank) const {
  const auto fit = [&](const auto& things, auto series_of) {
    size_t most = 0, room = out.room();
    for (; most < things.size() && series_of(things[most].http) <= room; ++most)
      room -= series_of(things[most].http);
    for (size_t i = most; i < things.size(); ++i) out.drop(series_of(things[i].http));
    return most;
  };
  switch (rank) {
    case listeners: return fit(listeners_, series_of_listener);
    case clusters: return fit(clusters_, series_of_cluster);
    case states: return fit(backend_states_, [](bool) { return series_of_backend_state(); });
    case backends: return fit(backends_, series_of_backend);
    case always:
    case numbers:
    case up:
    case routes: break;
  }
  return std::numeric_limits<size_t>::max();
}

void Scrape::add_rows(Families& out, Rank rank) const {
  size_t place = 0;
  const size_t most = most_of(out, rank);
#define ROW(of, name, labels, help, add) \
  if (++place; rank == (of)) add(out, Row{{name, labels, help}, place, most}
#define PROCESS(type, member, name, labels, help) \
  ROW(always, name, labels, help, of_process), &ProcessState::member);
#define WORKER(type, member, name, labels, help) \
  ROW(always, name, labels, help, of_workers), &WorkerCells::member);
#define LISTENER(type, member, name, labels, help) \
  ROW(listeners, name, labels, help, each), listeners_, &ListenerCells::member);
#define HTTP_LISTENER(type, member, name, labels, help) \
  ROW(listeners, name, labels, help, each_http), listeners_, &ListenerCells::member);
#define ROUTE(type, member, name, labels, help) \
  ROW(routes, name, labels, help, each), routes_, &RouteCells::member);
#define HTTP_CLUSTER(type, member, name, labels, help) \
  ROW(clusters, name, labels, help, each_http), clusters_, &ClusterCells::member);
#define HTTP_BACKEND(type, member, name, labels, help) \
  ROW(backends, name, labels, help, each_http), backends_, &BackendCells::member);
#define LISTENER_STATE(type, member, name, labels, help) \
  ROW(up, name, labels, help, each), listener_states_, &ListenerState::member);
#define CLUSTER(type, member, name, labels, help) \
  ROW(clusters, name, labels, help, each), clusters_, &ClusterCells::member);
#define CLUSTER_STATE(type, member, name, labels, help) \
  ROW(numbers, name, labels, help, each), cluster_states_, &ClusterState::member);
#define BACKEND(type, member, name, labels, help) \
  ROW(backends, name, labels, help, each), backends_, &BackendCells::member);
#define BACKEND_STATE(type, member, name, labels, help)                                     \
  ROW(std::string_view(name) == "weir_backend_up" ? up : states, name, labels, help, each), \
      backend_states_, &BackendStateCells::member);
#include "metrics/metrics.def"
#undef ROW
}

}  // namespace

std::string Collector::render(ProcessState& state, const WorkerReports& reports,
                              const SeriesRegistry& registry) {
  const auto begun = std::chrono::steady_clock::now();
  read_process(state);
  const Scrape scrape(state, reports, registry, max_series_);
  std::string text = prometheus::TextSerializer().Serialize(scrape.Collect());
  // The next scrape shows these values, which are known only at the end of this one.
  state.series.set(static_cast<int64_t>(scrape.series()));
  state.series_dropped.add(scrape.dropped());
  state.scrape_duration.set(seconds(std::chrono::steady_clock::now() - begun));
  return text;
}

}  // namespace weir

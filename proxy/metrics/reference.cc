#include "metrics/reference.h"

#include <fmt/format.h>

#include <span>
#include <vector>

#include "metrics/families.h"

namespace weir {

namespace {

constexpr const char* kIntroduction = R"(# Dashboard, alerts and metrics

Written by `weir metrics-reference`; a test compares. To change it, change `proxy/metrics/`.

| file | what |
| --- | --- |
| `dashboards/weir.json` | the dashboard; import it, or provision it: it asks for the data source by a variable |
| `rules/weir.yml` | recording and alerting rules for Prometheus; they expect the job to be named `weir` |
| `rules/weir_test.yml` | their tests, for `promtool test rules` |
| `runbooks.md` | for each alert: what it means, what to look at, what to do |

Scrape the admin address; `/metrics` answers with gzip when asked:

```yaml
rule_files: [rules/weir.yml]
scrape_configs:
  - job_name: weir
    static_configs: [{targets: ["127.0.0.1:9901"]}]
```

What holds for all of them:
- Base units. A counter ends in `_total` and never starts anew at a reload.
- No label comes from a client: label values are configured names or one of a closed list.
- A state is one series per value, 1 for the one that holds.
- A series of a removed listener or backend goes ten minutes after it, when nothing is open under it; half a minute
  after it when nothing scrapes.
- At every scrape, for each listener: `weir_connections_total` = Σ `weir_connections_active` +
  Σ `weir_connections_ended_total`.
- At every scrape, for each HTTP listener: `weir_http2_streams_total` = `weir_http2_streams_active` +
  Σ `weir_http2_streams_ended_total`.
- For each listener: Σ `weir_http_requests_total` over its routes = requests that could be read, or were answered with
  an error. What no route took is under `route="none"`.
- For each cluster: Σ `weir_backend_requests_total` = requests forwarded to it + those of
  `weir_cluster_retries_total` that are `ok` or `failed`, as long as only HTTP goes there.
- At most `metrics.max_series` series. Routes give way first: their requests are under `route="other"`, and
  `weir_metrics_folded_routes` is their number. `weir_metrics_series_dropped_total` says when that was not enough: then
  details of backends are missing, their states, clusters, listeners, `weir_backend_up`, in this order.
)";

struct Line {
  MetricRow row;
  prometheus::MetricType type;
  std::span<const char* const> values;  // of the closed label, if there is one
  std::string closed;                   // its name
  std::string_view section;
};

template <typename Cell>
struct ClosedValues {
  static constexpr std::span<const char* const> get() { return {}; }
};
template <typename Label>
struct ClosedValues<OneHot<Label>> {
  static constexpr std::span<const char* const> get() { return kListNames<Label>; }
};
template <>
struct ClosedValues<RequestCounts> {
  static constexpr std::span<const char* const> get() { return kListNames<RequestMethod>; }
};
template <typename Label>
struct ClosedValues<SparseBy<Label>> : ClosedValues<CounterBy<Label>> {};
template <typename Cell, typename Label>
struct ClosedValues<By<Cell, Label>> {
  static constexpr std::span<const char* const> get() { return kListNames<Label>; }
};

// The label whose list is closed: the last one, but for requests.
template <typename Cell>
std::string closed_label(std::string_view labels) {
  if constexpr (std::is_same_v<Cell, RequestCounts>) return "method";
  return labels.empty() ? std::string() : split_labels(labels).back();
}

std::vector<Line> all_lines() {
  std::vector<Line> lines;
#define LINE(type, name, labels, help, section) \
  lines.push_back({{name, labels, help},        \
                   kMetricType<type>,           \
                   ClosedValues<type>::get(),   \
                   closed_label<type>(labels),  \
                   section});
#define PROCESS(type, member, name, labels, help) LINE(type, name, labels, help, "Process")
#define WORKER(type, member, name, labels, help) LINE(type, name, labels, help, "Workers")
#define LISTENER(type, member, name, labels, help) LINE(type, name, labels, help, "Listeners")
#define LISTENER_STATE(type, member, name, labels, help) LINE(type, name, labels, help, "Listeners")
#define ROUTE(type, member, name, labels, help) LINE(type, name, labels, help, "HTTP")
#define CLUSTER(type, member, name, labels, help) LINE(type, name, labels, help, "Clusters")
#define CLUSTER_STATE(type, member, name, labels, help) LINE(type, name, labels, help, "Clusters")
#define BACKEND(type, member, name, labels, help) LINE(type, name, labels, help, "Backends")
#define BACKEND_STATE(type, member, name, labels, help) LINE(type, name, labels, help, "Backends")
#include "metrics/metrics.def"
#undef LINE
  return lines;
}

const char* text(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter: return "counter";
    case prometheus::MetricType::Gauge: return "gauge";
    case prometheus::MetricType::Histogram: return "histogram";
    case prometheus::MetricType::Summary: return "summary";
    case prometheus::MetricType::Untyped: return "untyped";
  }
  return "";
}

std::string joined(std::span<const char* const> values) {
  std::string all;
  for (const char* value : values) all += fmt::format("{}`{}`", all.empty() ? "" : ", ", value);
  return all;
}

std::string label_list(std::string_view labels) {
  const std::vector<std::string> parts = split_labels(labels);
  std::vector<const char*> names;
  names.reserve(parts.size());
  for (const std::string& part : parts) names.push_back(part.c_str());
  return joined(names);
}

std::string table_row(const Line& line) {
  std::string meaning(line.row.help);
  if (line.values.data() == kListNames<EndReason>.data()) {
    meaning += " The reasons are listed below.";
  } else if (!line.values.empty()) {
    meaning += fmt::format(" `{}`: {}.", line.closed, joined(line.values));
  }
  return fmt::format("| `{}` | {} | {} | {} |\n", line.row.name, text(line.type),
                     label_list(line.row.labels), meaning);
}

std::string end_reasons() {
  std::string out =
      "\n## Why a session ended\n\nThe label `reason` of `weir_connections_ended_total`, and "
      "`reason` "
      "of a line of the access log.\n\n| reason | meaning |\n| --- | --- |\n";
#define END_REASON(name, help) out += "| `" #name "` | " help " |\n";
#include "base/end_reasons.def"
#undef END_REASON
  return out;
}

}  // namespace

std::string metrics_reference_markdown() {
  std::string out = kIntroduction;
  std::string_view section;
  for (const Line& line : all_lines()) {
    if (line.section != section) {
      section = line.section;
      out += fmt::format(
          "\n## {}\n\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n", section);
    }
    out += table_row(line);
  }
  return out + end_reasons();
}

}  // namespace weir

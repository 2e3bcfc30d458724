// Families: builds the data model of prometheus-cpp, one metric of the table after another, from
// cells. Keeps the number of series within a limit: series beyond it are counted, not shown.
#pragma once

#include <prometheus/metric_family.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/cell_types.h"
#include "metrics/request_counts.h"

namespace weir {

// A row of the table, as text.
struct MetricRow {
  std::string_view name, labels, help;
};

using LabelPairs = std::vector<prometheus::ClientMetric::Label>;

// Which type of metric a cell makes.
template <typename Cell>
inline constexpr prometheus::MetricType kMetricType = prometheus::MetricType::Gauge;
template <>
inline constexpr prometheus::MetricType kMetricType<Counter> = prometheus::MetricType::Counter;
template <>
inline constexpr prometheus::MetricType kMetricType<RealCounter> = prometheus::MetricType::Counter;
template <>
inline constexpr prometheus::MetricType kMetricType<TimeCounter> = prometheus::MetricType::Counter;
template <typename Label>
inline constexpr prometheus::MetricType kMetricType<CounterBy<Label>> =
    prometheus::MetricType::Counter;
template <typename Label>
inline constexpr prometheus::MetricType kMetricType<SparseBy<Label>> =
    prometheus::MetricType::Counter;
template <>
inline constexpr prometheus::MetricType kMetricType<RequestCounts> =
    prometheus::MetricType::Counter;
template <const auto& kBounds>
inline constexpr prometheus::MetricType kMetricType<Histogram<kBounds>> =
    prometheus::MetricType::Histogram;
template <const auto& kBounds>
inline constexpr prometheus::MetricType kMetricType<NumberHistogram<kBounds>> =
    prometheus::MetricType::Histogram;

class Families {
 public:
  explicit Families(size_t max_series) : max_series_(max_series) {}

  // `place`: of the row in the table, whose order take() gives.
  void begin(const MetricRow& row, prometheus::MetricType type, size_t place);
  // One series of the row begun last, or several for a closed label. It gets those labels of
  // `identity` that the row names.
  void add(const LabelPairs& identity, const Counter& cell) { add_number(identity, cell.value); }
  void add(const LabelPairs& identity, const Gauge& cell) { add_number(identity, cell.value); }
  void add(const LabelPairs& identity, const Flag& cell) { add_number(identity, cell.value); }
  void add(const LabelPairs& identity, const Real& cell) { add_value(own(identity), cell.value); }
  void add(const LabelPairs& identity, const RealCounter& cell) {
    add_value(own(identity), cell.value);
  }
  void add(const LabelPairs& identity, const TimeCounter& cell) {
    add_value(own(identity), seconds(cell.total));
  }
  void add(const LabelPairs& identity, const PeakSeconds& cell) {
    add_value(own(identity), seconds(cell.peak));
  }
  void add(const LabelPairs& identity, const Info& cell);
  void add(const LabelPairs& identity, const RequestCounts& cell);
  template <typename Label>
  void add(const LabelPairs& identity, const OneHot<Label>& cell) {
    for (size_t i = 0; i < kListSize<Label>; ++i) {
      add_value(with_last(identity, kListNames<Label>[i]), i == list_index(cell.value));
    }
  }
  template <typename Cell, typename Label>
  void add(const LabelPairs& identity, const By<Cell, Label>& cell) {
    for (size_t i = 0; i < kListSize<Label>; ++i) {
      add_value(with_last(identity, kListNames<Label>[i]),
                static_cast<double>(cell.cells[i].value));
    }
  }
  template <typename Label>
  void add(const LabelPairs& identity, const SparseBy<Label>& cell) {
    for (size_t i = 0; i < kListSize<Label>; ++i) {
      if (cell.cells[i].value == 0) continue;
      add_value(with_last(identity, kListNames<Label>[i]),
                static_cast<double>(cell.cells[i].value));
    }
  }
  template <const auto& kBounds>
  void add(const LabelPairs& identity, const Histogram<kBounds>& cell) {
    std::array<double, kBounds.size()> bounds;
    std::transform(kBounds.begin(), kBounds.end(), bounds.begin(), seconds);
    add_histogram(own(identity), bounds, cell.buckets, seconds(cell.sum));
  }
  template <const auto& kBounds>
  void add(const LabelPairs& identity, const NumberHistogram<kBounds>& cell) {
    std::array<double, kBounds.size()> bounds;
    std::copy(kBounds.begin(), kBounds.end(), bounds.begin());
    add_histogram(own(identity), bounds, cell.buckets, static_cast<double>(cell.sum));
  }

  // The number of further series within the limit.
  size_t room() const { return max_series_ - std::min(series_, max_series_); }
  // Counts series that are left out.
  void drop(size_t series) { dropped_ += series; }
  // False: the following series are shown beyond the limit, too (those of the process).
  void limit(bool limited) { limited_ = limited; }
  size_t series() const { return series_; }
  size_t dropped() const { return dropped_; }
  std::vector<prometheus::MetricFamily> take();

 private:
  template <typename Number>
  void add_number(const LabelPairs& identity, Number value) {
    add_value(own(identity), static_cast<double>(value));
  }
  LabelPairs own(const LabelPairs& identity) const;
  LabelPairs with_last(const LabelPairs& identity, const char* value) const;
  bool room_for(size_t series);
  void add_value(LabelPairs labels, double value);
  void add_histogram(LabelPairs labels, std::span<const double> bounds,
                     std::span<const uint64_t> buckets, double sum);

  const size_t max_series_;
  size_t series_ = 0;
  size_t dropped_ = 0;
  std::vector<std::string> row_labels_;
  bool limited_ = true;
  std::vector<std::pair<size_t, prometheus::MetricFamily>> families_;
};

// "a,b" as its parts; none for "".
std::vector<std::string> split_labels(std::string_view labels);

}  // namespace weir

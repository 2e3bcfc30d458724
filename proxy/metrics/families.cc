#include "metrics/families.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"

namespace weir {

using prometheus::ClientMetric;
using prometheus::MetricType;

std::vector<std::string> split_labels(std::string_view labels) {
  std::vector<std::string> parts;
  while (!labels.empty()) {
    const size_t comma = std::min(labels.find(','), labels.size());
    parts.emplace_back(labels.substr(0, comma));
    labels.remove_prefix(std::min(comma + 1, labels.size()));
  }
  return parts;
}

void Families::begin(const MetricRow& row, MetricType type, size_t place) {
  row_labels_ = split_labels(row.labels);
  families_.push_back({place, {std::string(row.name), std::string(row.help), type, {}}});
}

LabelPairs Families::own(const LabelPairs& identity) const {
  LabelPairs labels;
  labels.reserve(identity.size() + 1);
  for (const auto& label : identity) {
    if (std::find(row_labels_.begin(), row_labels_.end(), label.name) != row_labels_.end()) {
      labels.push_back(label);
    }
  }
  return labels;
}

LabelPairs Families::with_last(const LabelPairs& identity, const char* value) const {
  LabelPairs labels = own(identity);
  DCHECK(labels.size() + 1 == row_labels_.size());
  labels.push_back({row_labels_.back(), value});
  return labels;
}

bool Families::room_for(size_t series) {
  if (limited_ && series_ + series > max_series_) return dropped_ += series, false;
  series_ += series;
  return true;
}

void Families::add_value(LabelPairs labels, double value) {
  if (!room_for(1)) return;
  ClientMetric metric;
  metric.label = std::move(labels);
  // prometheus-cpp writes only the member of the metric's type.
  metric.gauge.value = value;
  metric.counter.value = value;
  families_.back().second.metric.push_back(std::move(metric));
}

void Families::add(const LabelPairs&, const Info& cell) {
  if (cell.values.empty()) return;  // not known yet
  CHECK(cell.values.size() == row_labels_.size());
  LabelPairs labels;
  for (size_t i = 0; i < cell.values.size(); ++i)
    labels.push_back({row_labels_[i], cell.values[i]});
  add_value(std::move(labels), 1);
}

void Families::add(const LabelPairs& identity, const RequestCounts& cell) {
  for (const RequestCounts::Entry& entry : cell.entries) {
    LabelPairs labels = own(identity);
    labels.push_back({"method", text(entry.method)});
    labels.push_back({"code", RequestCounts::code_text(entry.code)});
    add_value(std::move(labels), static_cast<double>(entry.value));
  }
}

void Families::add_histogram(LabelPairs labels, std::span<const double> bounds,
                             std::span<const uint64_t> buckets, double sum) {
  if (!room_for(buckets.size() + 2)) return;
  ClientMetric metric;
  metric.label = std::move(labels);
  uint64_t cumulative = 0;
  for (size_t i = 0; i < bounds.size(); ++i) {
    cumulative += buckets[i];
    metric.histogram.bucket.push_back({cumulative, bounds[i]});
  }
  cumulative += buckets.back();
  metric.histogram.bucket.push_back({cumulative, std::numeric_limits<double>::infinity()});
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = sum;
  families_.back().second.metric.push_back(std::move(metric));
}

std::vector<prometheus::MetricFamily> Families::take() {
  std::sort(families_.begin(), families_.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<prometheus::MetricFamily> families;
  for (auto& [place, family] : families_)
    if (!family.metric.empty()) families.push_back(std::move(family));
  return families;
}

}  // namespace weir

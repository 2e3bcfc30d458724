// The cells of metrics: plain numbers, changed without locks, atomics or allocation.
//
// A cell has one owner and one thread: only its worker uses it, and the control thread gets a copy.
// `+=` sums the copies of several workers.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "metrics/labels.h"

namespace weir {

struct Counter {
  void add(uint64_t n = 1) { value += n; }
  Counter& operator+=(const Counter& other) { return value += other.value, *this; }
  uint64_t value = 0;
};

// A counter read from elsewhere that has a fraction.
struct RealCounter {
  double value = 0;
};

// A counter of time: kept in nanoseconds, shown in seconds.
struct TimeCounter {
  void add(Duration d) { total += d; }
  TimeCounter& operator+=(const TimeCounter& other) { return total += other.total, *this; }
  Duration total{};
};

struct Gauge {
  void add(int64_t n = 1) { value += n; }
  void sub(int64_t n = 1) { value -= n; }
  void set(int64_t n) { value = n; }
  Gauge& operator+=(const Gauge& other) { return value += other.value, *this; }
  int64_t value = 0;
};

struct Real {
  void set(double v) { value = v; }
  double value = 0;
};

struct Flag {
  void set(bool v) { value = v; }
  bool value = false;
};

// The longest duration since the last report.
struct PeakSeconds {
  void observe(Duration d) { peak = std::max(peak, d); }
  PeakSeconds& operator+=(const PeakSeconds& other) { return observe(other.peak), *this; }
  Duration peak{};
};

// One cell per value of a closed label.
template <typename Cell, typename Label>
struct By {
  Cell& operator[](Label label) { return cells[list_index(label)]; }
  const Cell& operator[](Label label) const { return cells[list_index(label)]; }
  auto sum() const {
    auto total = cells[0].value;
    for (size_t i = 1; i < cells.size(); ++i) total += cells[i].value;
    return total;
  }
  By& operator+=(const By& other) {
    for (size_t i = 0; i < cells.size(); ++i) cells[i] += other.cells[i];
    return *this;
  }
  std::array<Cell, kListSize<Label>> cells{};
};
template <typename Label>
using CounterBy = By<Counter, Label>;
template <typename Label>
using GaugeBy = By<Gauge, Label>;

// The same for values of which most never occur: a value has a series once it was counted.
template <typename Label>
struct SparseBy : By<Counter, Label> {};

// A state: one series per value, 1 for the current value.
template <typename Label>
struct OneHot {
  void set(Label label) { value = label; }
  Label value{};
};

// Texts as labels of a gauge that is always 1. The names are those of the row, in its order.
struct Info {
  void set(std::vector<std::string> label_values) { values = std::move(label_values); }
  std::vector<std::string> values;
};

// Durations by fixed bounds. kBounds: an array of Duration, ascending.
template <const auto& kBounds>
struct Histogram {
  void observe(Duration d) {
    size_t i = 0;
    while (i < kBounds.size() && d > kBounds[i]) ++i;
    ++buckets[i];
    sum += d;
  }
  uint64_t count() const {
    uint64_t n = 0;
    for (uint64_t b : buckets) n += b;
    return n;
  }
  Histogram& operator+=(const Histogram& other) {
    for (size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
    sum += other.sum;
    return *this;
  }
  static constexpr auto bounds() { return kBounds; }
  std::array<uint64_t, kBounds.size() + 1> buckets{};  // not cumulative; the last is +Inf
  Duration sum{};
};

// Numbers by fixed bounds. kBounds: an array of uint64_t, ascending.
template <const auto& kBounds>
struct NumberHistogram {
  void observe(uint64_t n) {
    size_t i = 0;
    while (i < kBounds.size() && n > kBounds[i]) ++i;
    ++buckets[i];
    sum += n;
  }
  NumberHistogram& operator+=(const NumberHistogram& other) {
    for (size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
    sum += other.sum;
    return *this;
  }
  std::array<uint64_t, kBounds.size() + 1> buckets{};  // not cumulative; the last is +Inf
  uint64_t sum = 0;
};

inline constexpr auto kStreamBounds = std::to_array<uint64_t>({1, 2, 4, 8, 16, 32, 64, 128});
inline constexpr auto kSessionBounds =
    std::to_array<Duration>({10ms, 100ms, 1s, 5s, 15s, 60s, 5min, 15min, 1h, 4h, 24h});
inline constexpr auto kConnectBounds =
    std::to_array<Duration>({500us, 1ms, 2500us, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 1s, 3s});
inline constexpr auto kRequestBounds = std::to_array<Duration>(
    {1ms, 2500us, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 2500ms, 5s, 10s, 30s});
inline constexpr auto kOverheadBounds =
    std::to_array<Duration>({10us, 25us, 50us, 100us, 250us, 500us, 1ms, 2500us, 5ms, 10ms, 50ms});
inline constexpr auto kReloadBounds =
    std::to_array<Duration>({1ms, 5ms, 10ms, 50ms, 100ms, 500ms, 1s, 5s, 30s});

}  // namespace weir

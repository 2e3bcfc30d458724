#include "metrics/registry.h"

#include <algorithm>

#include "base/check.h"

namespace weir {

namespace {

// The time for the arrival of a report that a worker made before it forgot the id.
constexpr Duration kRest = std::chrono::minutes(1);
using SeriesState = SeriesTable::Series::State;

std::vector<uint32_t> unused(const SeriesTable& table, const std::vector<uint32_t>& in_use,
                             TimePoint now, Duration retention) {
  std::vector<bool> used(table.all().size());
  for (uint32_t id : in_use) used[id] = true;
  std::vector<uint32_t> ids;
  for (uint32_t id = 0; id < table.all().size(); ++id) {
    if (table.gone_for(retention, id, now) && !used[id]) ids.push_back(id);
  }
  return ids;
}

}  // namespace

uint32_t SeriesTable::id(const SeriesName& name) {
  auto [it, added] = ids_.try_emplace(name, 0);
  if (added) {
    it->second = free_slot();
    if (it->second == series_.size()) series_.emplace_back();
    series_[it->second] = {name, SeriesState::reserved, true, false, kNever};
  }
  series_[it->second].wanted = true;
  return it->second;
}

// An id stays unused for a time before another series gets it, so that no report from before a
// worker forgot the id arrives later.
uint32_t SeriesTable::free_slot() {
  if (resting_.empty() || now_ - series_[resting_.front()].since < kRest)
    return static_cast<uint32_t>(series_.size());
  const uint32_t id = resting_.front();
  resting_.pop_front();
  return id;
}

void SeriesTable::keep_only(std::span<const uint32_t> ids, TimePoint now) {
  now_ = now;
  std::vector<bool> kept(series_.size());
  for (uint32_t id : ids) {
    CHECK(id < series_.size() && series_[id].state != SeriesState::free);
    kept[id] = true;
  }
  for (uint32_t id = 0; id < series_.size(); ++id) {
    Series& series = series_[id];
    series.wanted = false;
    if (kept[id]) {
      series.state = SeriesState::live;
      series.since = kNever;
    } else if (series.state == SeriesState::live) {
      series.state = SeriesState::retired;
      series.since = now;
    } else if (series.since == kNever) {
      series.since = now;  // reserved by a config that was never in force
    }
  }
}

void SeriesTable::forget(uint32_t id, TimePoint now) {
  now_ = now;
  ids_.erase(series_[id].name);
  series_[id] = {{}, SeriesState::free, false, false, now};
  resting_.push_back(id);
}

bool SeriesTable::shown(uint32_t id) const {
  return series_[id].state == SeriesState::live || series_[id].state == SeriesState::retired;
}

bool SeriesTable::gone_for(Duration time, uint32_t id, TimePoint now) const {
  const Series& series = series_[id];
  if (series.state == SeriesState::free || series.wanted || series.since == kNever) return false;
  return now - series.since >= time;
}

uint32_t SeriesRegistry::listener(std::string_view name, std::string_view protocol) {
  const uint32_t id = listeners_.id({std::string(name), std::string(protocol), {}, {}, {}});
  if (protocol != "tcp") listeners_.carries_http(id);
  return id;
}

uint32_t SeriesRegistry::route(std::string_view listener, std::string_view name) {
  return routes_.id({std::string(listener), {}, {}, {}, std::string(name)});
}

uint32_t SeriesRegistry::cluster(std::string_view name) {
  return clusters_.id({{}, {}, std::string(name), {}, {}});
}

uint32_t SeriesRegistry::backend(std::string_view cluster, std::string_view name) {
  return backends_.id({{}, {}, std::string(cluster), std::string(name), {}});
}

void SeriesRegistry::keep_only(const SeriesIds& ids, TimePoint now) {
  listeners_.keep_only(ids.listeners, now);
  clusters_.keep_only(ids.clusters, now);
  backends_.keep_only(ids.backends, now);
  routes_.keep_only(ids.routes, now);
}

SeriesIds SeriesRegistry::take_expired(TimePoint now, const SeriesIds& in_use, Duration retention) {
  const SeriesIds expired{unused(listeners_, in_use.listeners, now, retention),
                          unused(clusters_, in_use.clusters, now, retention),
                          unused(backends_, in_use.backends, now, retention),
                          unused(routes_, in_use.routes, now, retention)};
  for (uint32_t id : expired.listeners) listeners_.forget(id, now);
  for (uint32_t id : expired.clusters) clusters_.forget(id, now);
  for (uint32_t id : expired.backends) backends_.forget(id, now);
  for (uint32_t id : expired.routes) routes_.forget(id, now);
  return expired;
}

}  // namespace weir

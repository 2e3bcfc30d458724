// SeriesRegistry: gives every listener, route, cluster and backend a small id by its name. The id
// survives reloads, so that counters continue. Owner and thread: the control thread.
//
// A series is reserved while a config that needs it is compiled, live once that config is in force,
// retired when a later config does not have it, and expired some time after that (kSeriesRetention)
// if no session uses it: then /metrics stops showing it and its cells are freed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "metrics/worker_metrics.h"

namespace weir {

// So that a scraper sees the last value.
inline constexpr Duration kSeriesRetention = std::chrono::minutes(10);

// The label `route` of requests that match no route, and of those that could not be parsed.
inline constexpr std::string_view kNoRoute = "none";
// The label of all routes of a listener that have no series of their own (series_budget.h).
inline constexpr std::string_view kOtherRoute = "other";

// What identifies a series; unused parts are empty.
struct SeriesName {
  std::string listener, protocol, cluster, backend, route;
  auto operator<=>(const SeriesName&) const = default;
};

// The series of one kind.
class SeriesTable {
 public:
  struct Series {
    enum class State : uint8_t { free, reserved, live, retired };
    SeriesName name;
    State state = State::free;
    bool wanted = false;       // reserved by a config that is not in force yet
    bool http = false;         // carries requests: has the rows of HTTP, too
    TimePoint since = kNever;  // retired, or known not to be in force, or free
  };

  uint32_t id(const SeriesName& name);
  void carries_http(uint32_t id) { series_[id].http = true; }
  void keep_only(std::span<const uint32_t> ids, TimePoint now);
  void forget(uint32_t id, TimePoint now);

  // By id. Shown in /metrics: the live and the retired ones.
  const std::vector<Series>& all() const { return series_; }
  bool shown(uint32_t id) const;
  bool gone_for(Duration time, uint32_t id, TimePoint now) const;

 private:
  uint32_t free_slot();

  std::vector<Series> series_;
  std::deque<uint32_t> resting_;  // free ones, the longest free first
  std::map<SeriesName, uint32_t> ids_;
  TimePoint now_{};  // of the last keep_only() or forget()
};

class SeriesRegistry {
 public:
  uint32_t listener(std::string_view name, std::string_view protocol = "tcp");
  // Requests that match no route count under kNoRoute.
  uint32_t route(std::string_view listener, std::string_view name);
  uint32_t cluster(std::string_view name);
  uint32_t backend(std::string_view cluster, std::string_view name);

  // The cluster is a target of HTTP; its backends are.
  void cluster_carries_http(uint32_t id) { clusters_.carries_http(id); }
  void backend_carries_http(uint32_t id) { backends_.carries_http(id); }

  // A config with these series is in force: all other series that are not retired yet are retired
  // now.
  void keep_only(const SeriesIds& ids, TimePoint now);
  // Forgets and returns the series that have expired, except those `in_use`: the series of every
  // snapshot that is alive, because its views on the workers hold references to their cells. The
  // caller makes workers and ProcessState forget them, too, in that order.
  SeriesIds take_expired(TimePoint now, const SeriesIds& in_use,
                         Duration retention = kSeriesRetention);

  const SeriesTable& listeners() const { return listeners_; }
  const SeriesTable& routes() const { return routes_; }
  const SeriesTable& clusters() const { return clusters_; }
  const SeriesTable& backends() const { return backends_; }

 private:
  SeriesTable listeners_, routes_, clusters_, backends_;
};

}  // namespace weir

// RouteTable: the routes of one HTTP listener, in the order of the configuration. The first route
// that matches a request is its route. Immutable; any thread; match() does not allocate.
//
// Routes for an exact host are found by it; those without a host or with a wildcard are tried for
// every request. Which comes first is decided by their order alone.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/model.h"
#include "routing/route.h"

namespace weir {

inline constexpr size_t kNoCluster = ~size_t{0};

// ClusterPlaces: the index of each cluster of a configuration, by name: a look-up in constant time
// for every route. It holds views of the names: the clusters must outlive it. Not for the data
// path.
class ClusterPlaces {
 public:
  ClusterPlaces(const std::vector<config::Cluster>& clusters);
  size_t of(std::string_view name) const;  // kNoCluster: no cluster has this name

 private:
  std::unordered_map<std::string_view, size_t> places_;
};

class RouteTable {
 public:
  RouteTable() = default;
  explicit RouteTable(std::vector<Route> routes);
  // `listener`: of a valid configuration, with `protocol: http`. Its `cluster` or `redirect_https`
  // becomes the last route, with the name "*" unless another route has that name.
  RouteTable(const config::Listener& listener, const ClusterPlaces& clusters);

  // Null: no route matches, 404.
  const Route* match(const RouteQuery& query) const;
  const std::vector<Route>& routes() const { return routes_; }
  // Whether any route depends on the path. If not, all readings of a path match the same route.
  bool look_at_paths() const { return look_at_paths_; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Places = std::vector<uint32_t>;  // indices in routes_, ascending

  void index();

  std::vector<Route> routes_;
  std::unordered_map<std::string, Places, Hash, std::equal_to<>> by_host_;
  Places for_any_;  // tried for every host
  bool look_at_paths_ = false;
};

}  // namespace weir

#include "routing/route_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/check.h"

namespace weir {
namespace {

size_t place_of(const std::string& name, const ClusterPlaces& clusters) {
  const size_t place = clusters.of(name);
  CHECK(place != kNoCluster);  // validated
  return place;
}

std::vector<ClusterShare> shares(const config::Route& route, const ClusterPlaces& clusters) {
  if (!route.cluster.empty()) return {{place_of(route.cluster, clusters), 1}};
  std::vector<ClusterShare> result;
  uint32_t sum = 0;
  for (const config::WeightedCluster& share : route.clusters)
    if (share.weight > 0) result.push_back({place_of(share.name, clusters), sum += share.weight});
  return result;
}

Route compile(const config::Route& from, const ClusterPlaces& clusters, bool hides_server) {
  Route route;
  route.name = from.name;
  route.match = RouteMatch(from.match);
  route.clusters = shares(from, clusters);
  route.rewrite = RouteRewrite(from.rewrite, route.match);
  if (from.respond) {
    route.action = Route::Action::respond;
    route.respond = *from.respond;
  }
  if (from.redirect) {
    route.action = Route::Action::redirect;
    route.redirect = RouteRedirect(*from.redirect, route.match);
  }
  config::HeaderEdits of_responses = from.headers.response;
  if (hides_server) of_responses.remove.emplace_back("Server");
  route.request_fields = FieldEdits(from.headers.request);
  route.response_fields = FieldEdits(std::move(of_responses));
  route.request_timeout = from.timeouts.request;
  route.response_header = from.timeouts.response_header;
  route.response_idle = from.timeouts.response_idle;
  route.retry = RetryPolicy(from.retry);
  for (const std::string& protocol : from.upgrade)
    if (protocol != "none") route.upgrades.push_back(protocol);
  route.location = from.location;
  return route;
}

// The last route, of `cluster` or `redirect_https` of the listener.
std::optional<config::Route> rest_of(const config::Listener& listener) {
  if (listener.cluster.empty() && !listener.redirect_https) return std::nullopt;
  config::Route rest;
  rest.location = listener.location;
  rest.retry = listener.retry;
  rest.cluster = listener.cluster;
  if (listener.redirect_https) {
    rest.redirect.emplace();
    rest.redirect->scheme = config::Redirect::Scheme::https;
    rest.redirect->status = 308;
  }
  std::unordered_set<std::string_view> taken;
  for (const config::Route& route : listener.routes) taken.insert(route.name);
  rest.name = "*";
  for (size_t i = 2; taken.contains(rest.name); ++i) rest.name = fmt::format("*#{}", i);
  return rest;
}

}  // namespace

ClusterPlaces::ClusterPlaces(const std::vector<config::Cluster>& clusters) {
  places_.reserve(clusters.size());
  for (size_t i = 0; i < clusters.size(); ++i) places_.emplace(clusters[i].name, i);
}

size_t ClusterPlaces::of(std::string_view name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? kNoCluster : found->second;
}

RouteTable::RouteTable(std::vector<Route> routes) : routes_(std::move(routes)) {
  index();
}

RouteTable::RouteTable(const config::Listener& listener, const ClusterPlaces& clusters) {
  const bool hides_server = listener.server_header == "remove";
  for (const config::Route& route : listener.routes)
    routes_.push_back(compile(route, clusters, hides_server));
  if (const std::optional<config::Route> rest = rest_of(listener))
    routes_.push_back(compile(*rest, clusters, hides_server));
  index();
}

void RouteTable::index() {
  for (uint32_t i = 0; i < routes_.size(); ++i) {
    routes_[i].index = i;
    look_at_paths_ |= routes_[i].looks_at_path();
    const std::vector<std::string>& hosts = routes_[i].match.hosts;
    const bool any = hosts.empty() || std::any_of(hosts.begin(), hosts.end(), [](auto& host) {
                       return host.substr(0, 2) == "*.";
                     });
    if (any) {
      for_any_.push_back(i);
      continue;
    }
    for (const std::string& host : hosts) {
      Places& places = by_host_[host];
      if (places.empty() || places.back() != i) places.push_back(i);
    }
  }
}

const Route* RouteTable::match(const RouteQuery& query) const {
  static const Places kNone;
  const auto found = by_host_.find(query.host);
  const Places& own = found == by_host_.end() ? kNone : found->second;
  auto mine = own.begin();
  auto any = for_any_.begin();
  while (mine != own.end() || any != for_any_.end()) {
    const bool first = any == for_any_.end() || (mine != own.end() && *mine < *any);
    const Route& route = routes_[first ? *mine++ : *any++];
    if (route.takes(query)) return &route;
  }
  return nullptr;
}

}  // namespace weir

#include "config/validate_routes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "config/shadow.h"
#include "config/value_types.h"
#include "http/header_names.h"
#include "http/patterns.h"

namespace weir::config {
namespace {

// Comparing each route with those before it takes the square of their number; a file with more
// routes than this is written by a program, and its last ones are not compared.
constexpr size_t kMostComparedRoutes = 2000;

class RouteChecks {
 public:
  RouteChecks(const Listener& listener, const Places& places, References& references,
              Findings& findings)
      : listener_(listener), places_(places), references_(references), findings_(findings) {}

  void check(const Route& route, const std::string& path) {
    subject_ = fmt::format("route '{}' of listener '{}'", route.name, listener_.name);
    check_target(route, path);
    check_split(route, path + ".clusters");
    check_answers(route, path);
    check_paths(route, path);
    check_prefixes(route, path);
    check_retry(route.retry, path + ".retry");
    check_added(route.headers.request, path + ".headers.request.add");
  }
  void check_retry(const Retry& retry, const std::string& path) {
    if (retry.backoff.base <= retry.backoff.max) return;
    const std::string base = path + ".backoff.base";
    findings_.add(Code::E215, places_.of(places_.written(base) ? base : path + ".backoff.max"),
                  fmt::format("the pause before a retry begins at {}, above its max of {}",
                              duration_text(retry.backoff.base), duration_text(retry.backoff.max)),
                  "base must not be longer than max");
  }
  void check_names(const std::string& list) {
    std::unordered_map<std::string_view, size_t> names;
    for (size_t i = 0; i < listener_.routes.size(); ++i) {
      const auto [first, is_new] = names.emplace(listener_.routes[i].name, i);
      if (is_new) continue;
      findings_.add(Code::E221, places_.of(fmt::format("{}[{}].name", list, i)),
                    fmt::format("a second route of listener '{}' is called '{}'", listener_.name,
                                listener_.routes[i].name),
                    "the first: " + places_.defined_at(fmt::format("{}[{}]", list, first->second)));
    }
  }
  // A match with an invalid condition would seem wider than it is.
  void check_order(const std::string& list) {
    if (findings_.has_errors()) return;
    const size_t count = std::min(listener_.routes.size(), kMostComparedRoutes);
    for (size_t i = 1; i < count; ++i)
      for (size_t j = 0; j < i; ++j) {
        if (may_pass(listener_.routes[j])) continue;
        if (!covers(listener_.routes[j].match, listener_.routes[i].match)) continue;
        findings_.add(
            Code::W227, places_.of(fmt::format("{}[{}]", list, i)),
            fmt::format(
                "route '{}' is never reached: route '{}' before it matches all its requests",
                listener_.routes[i].name, listener_.routes[j].name),
            fmt::format("{}; put the narrower match first",
                        places_.defined_at(fmt::format("{}[{}]", list, j))));
        break;
      }
  }
  // The keys for requests that match no route.
  void check_rest(const std::string& path) {
    if (!listener_.cluster.empty())
      references_.check(fmt::format("listener '{}'", listener_.name), listener_.cluster,
                        path + ".cluster");
    if (!listener_.cluster.empty() && listener_.redirect_https)
      findings_.add(
          Code::E219, places_.of(path + ".redirect_https"),
          fmt::format("listener '{}' has 'cluster' and 'redirect_https', both for what no "
                      "route takes",
                      listener_.name),
          "leave one of them out; a route may still go to the cluster");
    const auto all =
        std::find_if(listener_.routes.begin(), listener_.routes.end(),
                     [&](const Route& r) { return !may_pass(r) && covers(r.match, Match{}); });
    if (all == listener_.routes.end() || findings_.has_errors()) return;
    const char* rest = listener_.redirect_https ? "redirect_https" : "cluster";
    if (listener_.cluster.empty() && !listener_.redirect_https) return;
    findings_.add(
        Code::W227, places_.of(fmt::format("{}.{}", path, rest)),
        fmt::format("'{}' of listener '{}' is never reached: route '{}' matches every request",
                    rest, listener_.name, all->name),
        places_.defined_at(fmt::format("{}.routes[{}]", path, all - listener_.routes.begin())));
  }

 private:
  // A redirect does not match requests to the address that it redirects to.
  bool may_pass(const Route& route) const {
    if (!route.redirect || !route.redirect->prefix.empty()) return false;
    const bool https = route.redirect->scheme == Redirect::Scheme::https;
    return !route.redirect->scheme || !listener_.trusted_proxies.empty() ||
           https == listener_.tls.has_value();
  }
  // Of two values about the client, backends may use either.
  void check_added(const HeaderEdits& edits, const std::string& path) {
    for (const NamedValue& field : edits.add) {
      if (!has_flag(field_id(field.name), kClaim)) continue;
      findings_.add(
          Code::E248, places_.of(fmt::format("{}.{}", path, field.name)),
          fmt::format("'{}' would be added to the value of weir or a trusted proxy", field.name),
          "use 'set', which replaces all other values");
    }
  }
  void check_target(const Route& route, const std::string& path) {
    std::vector<const char*> given;
    for (const char* key : {"cluster", "clusters", "respond", "redirect"})
      if (places_.written(fmt::format("{}.{}", path, key))) given.push_back(key);
    if (given.size() == 1) {
      if (!route.cluster.empty())
        references_.check(subject_, route.cluster, path + ".cluster");
      else if (given[0] == std::string_view("cluster"))
        references_.mark_incomplete();
      return;
    }
    if (given.empty() && !route.cluster.empty()) return;
    const std::string at = given.empty() ? path : fmt::format("{}.{}", path, given[1]);
    findings_.add(Code::E220, places_.of(at),
                  given.empty() ? fmt::format("{} does nothing", subject_)
                                : fmt::format("{} has {}", subject_, fmt::join(given, " and ")),
                  "exactly one of cluster, clusters, respond and redirect");
    references_.mark_incomplete();
  }
  void check_split(const Route& route, const std::string& path) {
    std::unordered_set<std::string_view> names;
    uint64_t weight = 0;
    for (size_t i = 0; i < route.clusters.size(); ++i) {
      const WeightedCluster& share = route.clusters[i];
      const std::string at = fmt::format("{}[{}].name", path, i);
      weight += share.weight;
      if (share.name.empty()) {
        references_.mark_incomplete();
        continue;
      }
      references_.check(subject_, share.name, at);
      if (!names.insert(share.name).second)
        findings_.add(Code::E223, places_.of(at),
                      fmt::format("{} has cluster '{}' twice", subject_, share.name),
                      "give it the sum of the weights");
    }
    if (!route.clusters.empty() && weight == 0)
      findings_.add(Code::E222, places_.of(path),
                    fmt::format("the split of {} has no cluster with a weight", subject_),
                    "give at least one cluster a weight");
  }
  void check_answers(const Route& route, const std::string& path) {
    if (route.respond && !route.respond->body.empty() &&
        (route.respond->status == 204 || route.respond->status == 205 ||
         route.respond->status == 304))
      findings_.add(Code::E226, places_.of(path + ".respond.body"),
                    fmt::format("an answer with status {} has no body", route.respond->status),
                    "leave 'body' out, or answer 200");
    if (!route.redirect) return;
    const Redirect& redirect = *route.redirect;
    if (!redirect.path.empty() && !redirect.prefix.empty())
      findings_.add(Code::E219, places_.of(path + ".redirect.prefix"),
                    fmt::format("the redirect of {} has 'path' and 'prefix'", subject_),
                    "path is the whole path, prefix its beginning: one of them");
    if (!redirect.scheme && redirect.host.empty() && redirect.port == 0 && redirect.path.empty() &&
        redirect.prefix.empty())
      findings_.add(Code::E225, places_.of(path + ".redirect"),
                    fmt::format("the redirect of {} changes nothing", subject_),
                    "give scheme, host, port, path or prefix");
    const bool only_scheme = redirect.scheme && redirect.host.empty() && redirect.port == 0 &&
                             redirect.path.empty() && redirect.prefix.empty();
    if (only_scheme && may_pass(route) && listener_.trusted_proxies.empty())
      findings_.add(Code::W233, places_.of(path + ".redirect.scheme"),
                    fmt::format("{} redirects nothing: the scheme of every request to this "
                                "listener is this one",
                                subject_),
                    "a redirect to the address of the request itself does not match it");
    if (!redirect.prefix.empty() && route.match.path_prefix.empty())
      findings_.add(
          Code::E224, places_.of(path + ".redirect.prefix"),
          fmt::format("the redirect of {} replaces a prefix, but the route matches none", subject_),
          "give match.path_prefix");
  }
  void check_paths(const Route& route, const std::string& path) {
    const Match& match = route.match;
    if (!match.path.empty() && !match.path_prefix.empty())
      findings_.add(Code::E219, places_.of(path + ".match.path_prefix"),
                    fmt::format("{} matches 'path' and 'path_prefix'", subject_),
                    "path is the whole path, path_prefix its beginning: one of them");
    for (const auto& [key, value] :
         {std::pair("path", match.path), {"path_prefix", match.path_prefix}}) {
      const std::string why = never_seen(value, listener_.paths);
      if (!why.empty())
        findings_.add(Code::W228, places_.of(fmt::format("{}.match.{}", path, key)),
                      fmt::format("no request has the path '{}'", value), why);
    }
  }
  void check_prefixes(const Route& route, const std::string& path) {
    const Rewrite& rewrite = route.rewrite;
    const std::string at = path + ".rewrite";
    if (!rewrite.replace_prefix.empty() && rewrite.strip_prefix.empty() &&
        route.match.path_prefix.empty())
      findings_.add(Code::E224, places_.of(at + ".replace_prefix"),
                    fmt::format("{} replaces a prefix, but matches none", subject_),
                    "give match.path_prefix, or strip_prefix, which is then replaced");
    const std::string& seen = route.match.path.empty() ? route.match.path_prefix : route.match.path;
    if (rewrite.strip_prefix.empty() || seen.empty()) return;
    if (begins_with(seen, without_last_slashes(rewrite.strip_prefix)) ||
        (route.match.path.empty() && begins_with(rewrite.strip_prefix, without_last_slashes(seen))))
      return;
    findings_.add(Code::W229, places_.of(at + ".strip_prefix"),
                  fmt::format("'{}' is stripped, but the paths of {} begin with '{}'",
                              rewrite.strip_prefix, subject_, seen),
                  "nothing would be stripped");
  }

  const Listener& listener_;
  const Places& places_;
  References& references_;
  Findings& findings_;
  std::string subject_;
};

}  // namespace

void validate_routes(const Listener& listener, const std::string& path, const Places& places,
                     References& references, Findings& findings) {
  RouteChecks checks(listener, places, references, findings);
  const std::string list = path + ".routes";
  for (size_t i = 0; i < listener.routes.size(); ++i)
    checks.check(listener.routes[i], fmt::format("{}[{}]", list, i));
  checks.check_names(list);
  checks.check_order(list);
  checks.check_rest(path);
  checks.check_retry(listener.retry, path + ".retry");
  if (listener.routes.empty() && listener.cluster.empty() && !listener.redirect_https &&
      !places.written(list))
    findings.add(Code::E101, places.of(path),
                 fmt::format("listener '{}' has neither 'cluster' nor 'routes'", listener.name),
                 "every request would be answered 404");
}

}  // namespace weir::config

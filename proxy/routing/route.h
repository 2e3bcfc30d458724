// Route: one compiled route of an HTTP listener. Immutable; owned by the route table of a Snapshot.
// A request holds the snapshot, so that the data path can read views of these members.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/model.h"
#include "http/patterns.h"
#include "routing/field_edits.h"
#include "routing/rewrite.h"
#include "routing/route_match.h"
#include "upstream/cluster_spec.h"
#include "upstream/retry_policy.h"

namespace weir {

struct ClusterShare {
  size_t cluster = 0;  // in Snapshot::clusters
  uint32_t until = 0;  // sum of the weights up to and including this share
};

struct Route {
  enum class Action : uint8_t { forward, respond, redirect };

  std::string name;    // label in metrics and logs: from the configuration, never from a client
  uint32_t index = 0;  // in the table
  RouteMatch match;
  Action action = Action::forward;

  std::vector<ClusterShare> clusters;  // of forward; without those of weight 0
  RouteRewrite rewrite;
  config::Respond respond;
  RouteRedirect redirect;

  FieldEdits request_fields, response_fields;
  config::Timeout request_timeout;
  std::optional<config::Timeout> response_header;  // empty: that of the cluster
  std::optional<config::Timeout> response_idle;
  RetryPolicy retry;
  std::vector<std::string> upgrades;  // as allows_protocol() takes them
  config::Location location;          // of the route; of the listener for its last route

  // The cluster of a request, an index in Snapshot::clusters: by weight. `random`: 64 uniform bits.
  size_t pick(uint64_t random) const {
    if (clusters.size() == 1) return clusters.front().cluster;
    const auto drawn = static_cast<uint32_t>(
        (static_cast<unsigned __int128>(random) * clusters.back().until) >> 64);
    for (const ClusterShare& share : clusters)
      if (drawn < share.until) return share.cluster;
    return clusters.back().cluster;
  }
  // The prefix of the path that a rewrite or a redirect removes; null: none.
  std::string_view prefix_in(std::string_view path) const {
    const bool rewrites = action == Action::forward && rewrite.changes_path;
    if (!rewrites && !redirects_prefix()) return {};
    const std::string& prefix = rewrites ? rewrite.prefix : redirect.prefix;
    return begins_with(path, prefix) ? path.substr(0, prefix.size()) : std::string_view();
  }
  // The request meets all conditions of the match, and a redirect would not lead to the same URL.
  bool takes(const RouteQuery& query) const {
    return matches(match, query) &&
           (action != Action::redirect || !leads_to_itself(redirect, query));
  }
  bool looks_at_path() const {
    return match.path_kind != RouteMatch::Path::any ||
           (action == Action::redirect && redirect.path_kind != RouteRedirect::Path::keep) ||
           (action == Action::forward && rewrite.changes_path);
  }
  const config::Timeout& response_header_timeout(const ClusterSpec& cluster) const {
    return response_header ? *response_header : cluster.response_header_timeout;
  }
  const config::Timeout& response_idle_timeout(const ClusterSpec& cluster) const {
    return response_idle ? *response_idle : cluster.response_idle_timeout;
  }

 private:
  bool redirects_prefix() const {
    return action == Action::redirect && redirect.path_kind == RouteRedirect::Path::prefix;
  }
};

}  // namespace weir

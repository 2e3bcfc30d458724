// What weir does with a request, and why: which routes do not match, which route matches, what that
// route does. The request is parsed and decided by the functions of the data path (decide()), from
// the configuration alone: the health of backends is unknown. Values; any thread.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"
#include "routing/decide.h"

namespace weir::cli {

struct AskedRequest {
  std::string listener{};  // empty: every HTTP listener
  std::string host{};      // as in the Host field
  std::string path = "/";  // with the query; "*" for OPTIONS; not used for CONNECT
  std::string method = "GET";
  config::NamedValues headers{};
};

// What one listener does with a request. Points into the configuration.
struct Explanation {
  struct Passed {
    std::string route;
    std::string why;    // "the path is not /ping"
    std::string place;  // "weir.yaml:12"
  };
  const config::Listener* listener = nullptr;
  Decision::Kind kind = Decision::Kind::refuse;
  std::string path;          // as matched and forwarded, before it is rewritten
  PathChoice::By reading{};  // of the path
  std::string note;          // how the path was read, which field is removed; may be empty
  std::string refusal;       // why weir refuses the request; else empty
  std::vector<Passed> passed;
  bool taken = false;  // a route matches: `route`
  Route route;
  std::string place;                             // of the route
  uint32_t status = 0;                           // of an answer of weir; 0: a backend answers
  std::string location;                          // of a redirect
  std::string target;                            // the request-target for the backend
  std::string host;                              // the Host field for the backend; may be empty
  std::vector<const config::Cluster*> clusters;  // as in route.clusters
};

// One for each listener that the request names; the error lists the listeners. `loaded` must be
// valid and outlive the result.
Result<std::vector<Explanation>> explain(const config::Loaded& loaded, const AskedRequest& request);

// The backends that get new requests while all backends are up: the active ones that are not
// backups, else the active backups. Points into the cluster.
std::vector<const config::Backend*> serving(const config::Cluster& cluster);

std::string explanation_text(const Explanation& explanation);
std::string explanation_json(const std::vector<Explanation>& explanations);

// "x-canary: 1" or "x-canary:1".
Result<config::NamedValue> parse_header(std::string_view text);

}  // namespace weir::cli

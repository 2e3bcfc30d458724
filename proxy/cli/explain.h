// Where a configuration sends a request, and why: which routes it passes by, which one takes it,
// what becomes of it there. Looks at the file only, with the same tables as a running weir; nothing
// is asked for health. Values; any thread.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"
#include "routing/path_choice.h"

namespace weir::cli {

struct AskedRequest {
  std::string listener{};  // empty: any HTTP listener
  std::string host{};      // as in the Host field
  std::string path = "/";  // with the query, where there is one
  std::string method = "GET";
  config::NamedValues headers{};
};

// What one listener does with it. Refers to the configuration it was made of, by place.
struct Explanation {
  struct Passed {
    std::string route;
    std::string why;    // "the path is not /ping"
    std::string place;  // "weir.yaml:12"
  };
  const config::Listener* listener = nullptr;
  std::string path;          // that the route matched and a backend gets, before it is rewritten
  PathChoice::By reading{};  // of the path, that decided
  std::string note;          // what is odd about the request; may be empty
  std::string refusal;       // why weir answers with an error: no route, no such path; else empty
  std::vector<Passed> passed;
  bool taken = false;  // by `route`
  Route route;
  std::string place;                             // of the route
  uint32_t status = 0;                           // of what weir answers itself; 0: a backend does
  std::string location;                          // of a redirect
  std::string target;                            // what the backend is asked for
  std::string host;                              // its Host field
  std::vector<const config::Cluster*> clusters;  // as in route.clusters
};

// One for each listener asked about; the error says which there are. `loaded` is valid and outlives
// them.
Result<std::vector<Explanation>> explain(const config::Loaded& loaded, const AskedRequest& request);

// Those that get new requests while all are up: the active ones that are no backups, else the
// backups. Refers into the cluster.
std::vector<const config::Backend*> serving(const config::Cluster& cluster);

std::string explanation_text(const Explanation& explanation);
std::string explanation_json(const std::vector<Explanation>& explanations);

// "x-canary: 1" or "x-canary:1".
Result<config::NamedValue> parse_header(std::string_view text);

}  // namespace weir::cli

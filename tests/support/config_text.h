// Configuration texts for the end-to-end tests, with defaults for all that a test does not depend
// on.
#pragma once

#include <string>
#include <vector>

#include "base/address.h"

namespace weir {

// `more` is YAML in flow style: "timeouts: {idle: 1s}".
inline std::string listener(const std::string& name, const Address& bind,
                            const std::string& cluster, const std::string& more = {}) {
  return "  - {name: " + name + ", protocol: tcp, bind: \"" + bind.text() +
         "\", cluster: " + cluster + (more.empty() ? "" : ", " + more) + "}\n";
}

inline std::string http_listener(const std::string& name, const Address& bind,
                                 const std::string& more) {
  return "  - {name: " + name + ", protocol: http, bind: \"" + bind.text() + "\", " + more + "}\n";
}

// TLS with this certificate. `more`: further keys, each after a comma.
inline std::string tls_with(const std::string& cert, const std::string& key,
                            const std::string& more = {}) {
  return "tls: {certificates: [{cert: '" + cert + "', key: '" + key + "'}]" + more + "}";
}

inline std::string cluster(const std::string& name, const std::vector<Address>& backends,
                           const std::string& more = {}) {
  std::string list;
  for (const Address& backend : backends) {
    list += (list.empty() ? "\"" : ", \"") + backend.text() + "\"";
  }
  return "  - {name: " + name + ", backends: [" + list + "]" + (more.empty() ? "" : ", " + more) +
         "}\n";
}

// `more`: further top-level keys, in lines.
inline std::string config_text(const std::string& listeners, const std::string& clusters,
                               const std::string& more = {}) {
  return "listeners:\n" + listeners + "clusters:\n" + clusters + more;
}

// One listener, one cluster.
inline std::string simple(const Address& bind, const std::vector<Address>& backends,
                          const std::string& more = {}) {
  return config_text(listener("web", bind, "app"), cluster("app", backends), more);
}

}  // namespace weir

// Checks the TLS keys of a listener, or of a cluster, against each other. Opens no file.
#pragma once

#include <string>

#include "config/findings.h"
#include "config/model.h"
#include "config/places.h"

namespace weir::config {

// `path`: of the listener or the cluster. Without TLS there is nothing to check.
void validate_tls(const Listener& listener, const std::string& path, const Places& places,
                  Findings& findings);
void validate_tls(const Cluster& cluster, const std::string& path, const Places& places,
                  Findings& findings);
// `user`: an HTTP listener that sends requests to the cluster.
void validate_http_alpn(const Cluster& cluster, const Listener& user, const std::string& path,
                        const Places& places, Findings& findings);

}  // namespace weir::config

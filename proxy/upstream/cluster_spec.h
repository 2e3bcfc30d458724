// ClusterSpec: one configured cluster, compiled: names resolved, backends looked up, series
// numbered. Immutable, made by the control thread, owned by a Snapshot, read by every worker.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/model.h"
#include "net/tls_client.h"
#include "upstream/backend.h"

namespace weir {

struct HostSpec {
  std::shared_ptr<Backend> backend;
  uint32_t weight = 1;
  bool backup = false;
  config::BackendState state{};
  uint32_t series = 0;        // of this backend's metrics
  std::string tls_host = {};  // what its address names, for TLS
};

struct ClusterSpec {
  std::string name;
  config::Balance balance{};
  std::vector<HostSpec> hosts;
  config::Timeout connect_timeout;
  config::Timeout response_header_timeout;  // HTTP, as are the next four
  config::Timeout response_idle_timeout;
  config::Timeout pool_idle_timeout;
  std::string pool_idle_place;  // "weir.yaml:12:7" of the one above; empty for the default
  config::Pool pool;
  std::optional<config::OutlierDetection> outlier_detection;
  config::Backoff backoff;
  uint32_t connect_attempts = 3;
  double panic_threshold = 0;
  std::string congestion_control;
  uint32_t series = 0;
  std::shared_ptr<TlsClient> tls;  // null: none
  config::ProxyVersion proxy_protocol{};

  // Out for its answers. A config without outlier detection takes everyone back.
  bool ejected(const HostSpec& host, TimePoint now) const {
    return outlier_detection && host.backend->outlier().ejected(now);
  }
};

}  // namespace weir

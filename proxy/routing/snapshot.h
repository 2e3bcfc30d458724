// Snapshot: everything compiled from one configuration. Immutable; made by the control thread,
// published with one posted pointer, shared by all workers; it dies when the last session that
// started with it has ended.
//
// SnapshotView: what one worker makes of it, its clusters. SnapshotRef: a session's hold on the
// view it started with; counted without atomics, since a view never leaves its worker.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/intrusive_list.h"
#include "base/network.h"
#include "config/model.h"
#include "net/tls_server.h"
#include "routing/http_spec.h"
#include "routing/passthrough.h"
#include "upstream/cluster.h"

namespace weir {

// Connections that are open now, under one limit. Shared by all workers; touched twice per
// connection.
class ConnectionCount {
 public:
  // Takes one of `most` places (0: without limit). False: there is none.
  bool enter(uint64_t most) {
    const uint64_t before = open_.fetch_add(1, std::memory_order_relaxed);
    if (most == 0 || before < most) return true;
    leave();
    return false;
  }
  void leave() { open_.fetch_sub(1, std::memory_order_relaxed); }
  uint64_t open() const { return open_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> open_{0};
};

inline constexpr size_t kNoCluster = ~size_t{0};

struct ListenerSpec {
  std::string name;
  config::Protocol protocol{};
  size_t cluster =
      0;  // in Snapshot::clusters: of TCP; of HTTP for what no route takes, or kNoCluster
  std::vector<size_t> clusters;                    // all that it may send to, each once
  std::shared_ptr<const HttpSpec> http;            // null for TCP
  std::shared_ptr<const TlsServer> tls;            // null: none
  std::shared_ptr<const TrustedNetworks> proxies;  // who sends a PROXY header; null: nobody
  std::shared_ptr<const Passthrough> passthrough;  // of TCP; null: none
  uint32_t max_handshakes = 0;                     // of a worker, at once; 0: without limit
  config::ListenerTimeouts timeouts;
  uint64_t max_connections = 0;            // 0: only the global limit
  std::shared_ptr<ConnectionCount> count;  // the same over reloads, by name
  uint32_t series = 0;
  std::vector<uint32_t> route_series;  // of requests without a route, then of http->routes
  size_t first_route_cells = 0;        // place of the first of them among those of all listeners
};

struct Snapshot {
  uint64_t generation = 0;
  config::Model model;
  std::string hash;
  uint64_t max_connections = 0;            // resolved: never 0
  std::shared_ptr<ConnectionCount> count;  // of the process
  std::vector<ListenerSpec> listeners;     // as in model.listeners
  std::vector<ClusterSpec> clusters;       // as in model.clusters

  // "weir.yaml:12:7", for the log line of a timeout that fired; empty for a default.
  std::string place(const config::Location& at) const { return model.where(at); }
  // "app, api": those it may send to.
  std::string cluster_names(const ListenerSpec& listener) const;
};

class SnapshotView : public ListNode {  // of its worker's list
 public:
  SnapshotView(std::shared_ptr<const Snapshot> snapshot, WorkerMetrics& metrics, uint64_t seed,
               Pools& pools);
  const Snapshot& snapshot() const { return *snapshot_; }
  Cluster& cluster(size_t i) { return *clusters_[i]; }
  // By ClusterSpec::series; null: this configuration has none.
  Cluster* cluster_of_series(uint32_t series);
  // Of a listener of this snapshot; `route`: one of its routes, or null.
  RouteCells& route_cells(const ListenerSpec& listener, const Route* route) {
    return *route_cells_[listener.first_route_cells + (route == nullptr ? 0 : route->index + 1)];
  }
  // After a health has changed.
  void rebuild_clusters();

 private:
  friend class SnapshotRef;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<std::unique_ptr<Cluster>> clusters_;
  std::unordered_map<uint32_t, Cluster*> by_series_;
  std::vector<RouteCells*> route_cells_;
  uint32_t refs_ = 0;
};

class SnapshotRef {
 public:
  SnapshotRef() = default;
  explicit SnapshotRef(SnapshotView* view) : view_(view) { ++view_->refs_; }
  SnapshotRef(const SnapshotRef& other) : view_(other.view_) {
    if (view_ != nullptr) ++view_->refs_;
  }
  SnapshotRef& operator=(SnapshotRef other) noexcept {
    std::swap(view_, other.view_);
    return *this;
  }
  ~SnapshotRef() {
    if (view_ != nullptr && --view_->refs_ == 0) delete view_;
  }
  SnapshotView* operator->() const { return view_; }
  SnapshotView& operator*() const { return *view_; }
  explicit operator bool() const { return view_ != nullptr; }
  friend bool operator==(const SnapshotRef&, const SnapshotRef&) = default;
  uint32_t uses() const { return view_->refs_; }

 private:
  SnapshotView* view_ = nullptr;
};

}  // namespace weir

// Snapshot: everything compiled from one configuration. Immutable; made by the control thread,
// published with one posted pointer, shared by all workers; freed with the last session or request
// that uses it.
//
// SnapshotView: the clusters of a snapshot on one worker. A cluster is made on first use; a cluster
// that did not change is the same object in the view of the previous snapshot. SnapshotRef: a
// reference of a session to its view, counted without atomics because a view stays on its worker.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/intrusive_list.h"
#include "base/network.h"
#include "config/model.h"
#include "routing/http_spec.h"
#include "routing/passthrough.h"
#include "tls/tls_server.h"
#include "upstream/cluster.h"

namespace weir {

// The number of open connections under one limit. Shared by all workers; two writes per connection.
class ConnectionCount {
 public:
  // Counts a connection. False: `most` are open already (0: no limit).
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

struct ListenerSpec {
  std::string name;
  config::Protocol protocol{};
  // In Snapshot::clusters. HTTP: for requests that no route matches; kNoCluster: none.
  size_t cluster = 0;
  std::vector<size_t> clusters;                    // all clusters of the listener, each once
  std::shared_ptr<const HttpSpec> http;            // null for TCP
  std::shared_ptr<const TlsServer> tls;            // null: none
  std::shared_ptr<const TrustedNetworks> proxies;  // peers that send a PROXY header; null: none
  std::shared_ptr<const Passthrough> passthrough;  // of TCP; null: none
  uint32_t max_handshakes = 0;                     // concurrent, of a worker; 0: no limit
  config::ListenerTimeouts timeouts;
  uint64_t max_connections = 0;            // 0: only the global limit
  std::shared_ptr<ConnectionCount> count;  // kept over reloads, by name
  uint32_t series = 0;
  std::vector<uint32_t> route_series;  // of requests without a route, then of http->routes
};

// The clusters of a snapshot, in the order of the model. Unchanged clusters are shared with the
// previous snapshot.
class ClusterSpecs {
 public:
  using Shared = std::shared_ptr<const ClusterSpec>;
  class Iterator {
   public:
    explicit Iterator(const Shared* at) : at_(at) {}
    const ClusterSpec& operator*() const { return **at_; }
    Iterator& operator++() { return ++at_, *this; }
    friend bool operator==(Iterator, Iterator) = default;

   private:
    const Shared* at_;
  };
  const ClusterSpec& operator[](size_t i) const { return *specs_[i]; }
  const Shared& shared(size_t i) const { return specs_[i]; }
  size_t size() const { return specs_.size(); }
  Iterator begin() const { return Iterator(specs_.data()); }
  Iterator end() const { return Iterator(specs_.data() + specs_.size()); }
  void push_back(Shared spec) { specs_.push_back(std::move(spec)); }
  void replace(size_t i, Shared spec) { specs_[i] = std::move(spec); }

 private:
  std::vector<Shared> specs_;
};

struct Snapshot {
  uint64_t generation = 0;
  config::Model model;
  std::string hash;
  uint64_t max_connections = 0;            // resolved: never 0
  std::shared_ptr<ConnectionCount> count;  // of the process
  size_t folded_routes = 0;                // counted as kOtherRoute
  std::vector<ListenerSpec> listeners;     // as in model.listeners
  ClusterSpecs clusters;                   // as in model.clusters
  // By name; index() fills both.
  std::unordered_map<std::string_view, size_t> listener_places, cluster_places;
  // Of each cluster, its index in the previous snapshot; kNoCluster: it is new.
  std::vector<size_t> clusters_before;

  // To be called when listeners and clusters are complete, and again after a copy. `before`: the
  // snapshot in force; null: none.
  void index(const Snapshot* before);
  // Null: not found.
  const ClusterSpec* cluster(std::string_view name) const;
  const ListenerSpec* listener(std::string_view name) const;
  const HostSpec* host_of(const Backend& backend) const;
  // "weir.yaml:12:7", for the log line of a timeout that fired; empty for a default.
  std::string place(const config::Location& at) const { return model.where(at); }
  // "app, api": all clusters of the listener.
  std::string cluster_names(const ListenerSpec& listener) const;
};

class SnapshotView : public ListNode {  // of its worker's list
 public:
  // `before`: the worker's view of the previous snapshot; null: none. Constant work per cluster.
  SnapshotView(std::shared_ptr<const Snapshot> snapshot, WorkerMetrics& metrics, uint64_t seed,
               Pools& pools, const SnapshotView* before);
  const Snapshot& snapshot() const { return *snapshot_; }
  Cluster& cluster(size_t i) {
    const Slot& slot = clusters_[i];
    return slot.cluster ? *slot.cluster : make(i);
  }
  // Null: not made yet.
  const Cluster* cluster_if_used(size_t i) const { return clusters_[i].cluster.get(); }
  // Makes clusters that changed and were in use; they take over pools and waiting requests. Stops
  // after about `hosts` backends. True: all clusters are done.
  bool renew(size_t hosts);
  // The cluster with the name of `spec`; null: this snapshot has none.
  Cluster* same_cluster(const ClusterSpec& spec);
  // The same for a listener, with its protocol.
  const ListenerSpec* same_listener(const ListenerSpec& spec) const;
  // Of a listener of this snapshot; `route`: one of its routes, or null.
  RouteCells& route_cells(const ListenerSpec& listener, const Route* route) {
    return metrics_.route(listener.route_series[route == nullptr ? 0 : route->index + 1]);
  }
  // `cluster`: whose backends changed; empty: all clusters.
  void health_changed(std::string_view cluster);

 private:
  friend class SnapshotRef;
  struct Slot {
    std::shared_ptr<Cluster> cluster;  // null: not used yet
    std::shared_ptr<Cluster> before;   // of the previous view, until `cluster` is made
  };
  Cluster& make(size_t i);

  std::shared_ptr<const Snapshot> snapshot_;
  WorkerMetrics& metrics_;
  Pools& pools_;
  const uint64_t seed_;
  std::vector<Slot> clusters_;
  size_t renewed_ = 0;  // slots that renew() has done
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

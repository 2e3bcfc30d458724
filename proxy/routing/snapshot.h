// Snapshot: everything compiled from one configuration. Immutable; made by the control thread,
// published with one posted pointer, shared by all workers; it dies when the last session that
// started with it has ended.
//
// SnapshotView: what one worker makes of it, its clusters. A cluster is made when it is first used;
// one that the snapshot before has as well, without any change, is the same object. SnapshotRef: a
// session's hold on the view it started with; counted without atomics, since a view never leaves
// its worker.
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
};

// The clusters of a snapshot, in its order. What did not change is shared with the one before.
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
  // Of each cluster, its place in the snapshot before; kNoCluster: it is new.
  std::vector<size_t> clusters_before;

  // When listeners and clusters are complete; once more after a copy. `before`: the one in force;
  // null: none.
  void index(const Snapshot* before);
  // Null: there is none.
  const ClusterSpec* cluster(std::string_view name) const;
  const ListenerSpec* listener(std::string_view name) const;
  const HostSpec* host_of(const Backend& backend) const;
  // "weir.yaml:12:7", for the log line of a timeout that fired; empty for a default.
  std::string place(const config::Location& at) const { return model.where(at); }
  // "app, api": those it may send to.
  std::string cluster_names(const ListenerSpec& listener) const;
};

class SnapshotView : public ListNode {  // of its worker's list
 public:
  // `before`: the worker's view of the snapshot before; null: none. Constant work for each cluster.
  SnapshotView(std::shared_ptr<const Snapshot> snapshot, WorkerMetrics& metrics, uint64_t seed,
               Pools& pools, const SnapshotView* before);
  const Snapshot& snapshot() const { return *snapshot_; }
  Cluster& cluster(size_t i) {
    const Slot& slot = clusters_[i];
    return slot.cluster ? *slot.cluster : make(i);
  }
  // Null: not made yet.
  const Cluster* cluster_if_used(size_t i) const { return clusters_[i].cluster.get(); }
  // Goes on with the clusters that have changed and were in use: with their pools, and with what
  // waits for them. Looks at `hosts` backends, or a cluster more. True: all are done.
  bool renew(size_t hosts);
  // What the cluster of another snapshot is in this one; null: this one has none.
  Cluster* same_cluster(const ClusterSpec& spec);
  // Of a listener of this snapshot; `route`: one of its routes, or null.
  RouteCells& route_cells(const ListenerSpec& listener, const Route* route) {
    return metrics_.route(listener.route_series[route == nullptr ? 0 : route->index + 1]);
  }
  // Of a backend of that cluster; of any when it is empty.
  void health_changed(std::string_view cluster);

 private:
  friend class SnapshotRef;
  struct Slot {
    std::shared_ptr<Cluster> cluster;  // null: not used yet
    std::shared_ptr<Cluster> before;   // what it was in the view before, until then
  };
  Cluster& make(size_t i);

  std::shared_ptr<const Snapshot> snapshot_;
  WorkerMetrics& metrics_;
  Pools& pools_;
  const uint64_t seed_;
  std::vector<Slot> clusters_;
  size_t renewed_ = 0;  // slots that renew() has looked at
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

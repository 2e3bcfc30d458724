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
#include <vector>

#include "base/address.h"
#include "base/intrusive_list.h"
#include "config/model.h"
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
  size_t cluster = 0;  // in Snapshot::clusters
  config::ListenerTimeouts timeouts;
  uint64_t max_connections = 0;            // 0: only the global limit
  std::shared_ptr<ConnectionCount> count;  // the same over reloads, by name
  uint32_t series = 0;
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
  std::string place(const config::Location& location) const;
};

class SnapshotView : public ListNode {  // of its worker's list
 public:
  SnapshotView(std::shared_ptr<const Snapshot> snapshot, WorkerMetrics& metrics, uint64_t seed);
  const Snapshot& snapshot() const { return *snapshot_; }
  Cluster& cluster(size_t i) { return *clusters_[i]; }
  // After a health has changed.
  void rebuild_clusters();

 private:
  friend class SnapshotRef;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<std::unique_ptr<Cluster>> clusters_;
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

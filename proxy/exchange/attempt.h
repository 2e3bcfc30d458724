// Attempt: one attempt to get a response from one backend: which backend, over which connection,
// what was moved and when.
//
// Owner: an Exchange, by value, from the choice of the backend until the next attempt or the end of
// the request; thread: the worker's. It is counted once, by the first call of end(). When it is
// destroyed, a connection that it still has is closed. Which backend it was can be asked after
// end(), too. The cluster outlives it: the exchange, or its BackendSearch, holds the snapshot.
#pragma once

#include <optional>

#include "base/check.h"
#include "exchange/channel.h"
#include "metrics/cells.h"
#include "upstream/cluster.h"
#include "upstream/private_connections.h"

namespace weir {

class Attempt {
 public:
  // `lease`: a kept connection; null: connect() makes one.
  Attempt(Cluster& cluster, BackendIndex backend, Lease lease, TimePoint now);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    DCHECK(counted_);
    drop();
  }

  Transport& open();  // a connection that is to be connected
  bool has_connection() const { return lease_ != nullptr; }
  Transport& transport() const { return lease_->transport; }
  Channel channel() const { return Channel(lease_->transport); }
  bool reused() const { return lease_->reused(); }
  bool is_private() const { return lease_ != nullptr && lease_->is_private(); }
  void make_private() { lease_->make_private(); }

  Cluster& cluster() const { return cluster_; }
  BackendIndex backend() const { return backend_; }
  const HostSpec& host() const { return cluster_.spec().hosts[backend_]; }
  BackendCells& cells() const { return cells_; }

  void on_connected(TimePoint now);
  void on_sent(TimePoint now) { sent_at_ = now; }
  void on_response(unsigned status, TimePoint now);
  // Bytes that were sent and received since the attempt began; the difference is added to metrics.
  void settle(uint64_t sent, uint64_t received);
  // The two counts begin anew, at 0.
  void restart_counts() { settled_sent_ = settled_received_ = 0; }

  // Counts the attempt, unless that was done. `failed`: why it came to nothing.
  void end(RetryCause failed);
  void end(std::optional<EndReason> failed);
  // Gives the connection back for further requests: to its pool, or to `own` if it is private;
  // `own` null: no further request comes from that client.
  void give_back(PrivateConnections* own, Duration keeps_for);
  void drop();  // closes the connection, if there is one still

  TimePoint began() const { return began_; }
  std::optional<Duration> connected_in() const { return connected_in_; }

 private:
  void count(std::optional<BackendError> error);
  void stop_watching();

  Cluster& cluster_;
  const BackendIndex backend_;
  BackendCells& cells_;
  Lease lease_;
  const TimePoint began_;
  TimePoint sent_at_{};
  std::optional<Duration> connected_in_;
  uint64_t settled_sent_ = 0;
  uint64_t settled_received_ = 0;
  unsigned status_ = 0;  // of its response; 0: none
  bool counted_ = false;
};

}  // namespace weir

// Attempt: one attempt to get a response from one backend: which backend, over which connection,
// what was moved and when.
//
// Owner: an Exchange, by value, from the choice of the backend until the next attempt or the end of
// the request; thread: the worker's. It is counted once, by the first call of end(). It has a
// connection, by `side`, until give_back(), drop() or its destruction; that connection counts as a
// use of the backend. Which backend it was can be asked after end(), too. The cluster outlives it:
// the exchange, or its BackendSearch, holds the snapshot.
#pragma once

#include <optional>

#include "base/check.h"
#include "exchange/backend_side.h"
#include "metrics/cells.h"
#include "upstream/cluster.h"

namespace weir {

class Attempt {
 public:
  // See BackendSide::begin().
  Attempt(BackendSide& side, Cluster& cluster, BackendIndex backend, Claim claim, TimePoint now);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    DCHECK(counted_);
    drop();
  }

  bool has_connection() const { return connected_; }
  bool answered() const { return status_ != 0; }  // the head of a final response was read
  BackendSide& side() const { return side_; }
  Channel channel() const { return side_.channel(); }  // while it has a connection

  Cluster& cluster() const { return cluster_; }
  BackendIndex backend() const { return backend_; }
  const HostSpec& host() const { return cluster_.spec().hosts[backend_]; }
  BackendCells& cells() const { return cells_; }

  void on_connected(TimePoint now);
  void on_sent(TimePoint now) { sent_at_ = now; }
  void on_response(unsigned status, TimePoint now);
  // For outlier detection, the first of them counts: the response has been relayed whole, or
  // `failed`: there was none that could be used, it was cut, or its trailers say so.
  void on_over(bool failed, TimePoint now);
  void on_no_connection(TimePoint now) { end_trial(Outlier::Trial::failed, now); }
  void on_timeout(TimePoint now);
  // It was the trial of an ejected backend, which stays ejected.
  bool failed_trial() const { return failed_trial_; }
  // Bytes that were sent and received since the attempt began; the difference is added to metrics.
  void settle(uint64_t sent, uint64_t received);
  // The two counts begin anew, at 0.
  void restart_counts() { settled_sent_ = settled_received_ = 0; }

  // Counts the attempt, unless that was done. `failed`: why it came to nothing.
  void end(RetryCause failed);
  void end(std::optional<EndReason> failed);
  // Gives the connection back for further requests; see BackendSide::over().
  void give_back(PrivateConnections* own);
  // Ends the connection, if there is one still. `answered`: the response was read to its end.
  void drop(bool answered = false);
  // It does not count: nothing was tried. The request goes over another connection to the same
  // backend, with this reservation.
  Reservation withdraw() {
    counted_ = true;
    end_trial(Outlier::Trial::withdrawn);
    return std::move(reservation_);
  }

  TimePoint began() const { return began_; }
  std::optional<Duration> connected_in() const { return connected_in_; }

 private:
  void count(std::optional<BackendError> error);
  bool end_trial(Outlier::Trial how, TimePoint now = {});

  BackendSide& side_;
  Cluster& cluster_;
  const BackendIndex backend_;
  BackendCells& cells_;
  const TimePoint began_;
  TimePoint sent_at_{};
  std::optional<Duration> connected_in_;
  uint64_t settled_sent_ = 0;
  uint64_t settled_received_ = 0;
  unsigned status_ = 0;  // of its response; 0: none
  Reservation reservation_;
  bool connected_ = true;  // or connecting
  bool counted_ = false;
  bool trial_ = false;  // under way
  bool failed_trial_ = false;
  bool judged_ = false;  // outlier detection has counted it
};

}  // namespace weir

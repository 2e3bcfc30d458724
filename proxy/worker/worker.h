// Worker: one thread's share of everything: its listening sockets, its sessions, its clusters, its
// counters.
//
// Owner: a WorkerThread (or a test, which steps the loop itself). Thread: its loop's; messages from
// the control thread call every function here on it. Other threads share with a worker only
// immutable snapshots, the atomics of backends, and the counts of open connections.
//
// Books, at the end of every turn and for each listener: accepted = active + Σ ended.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "exchange/http_resources.h"
#include "metrics/worker_metrics.h"
#include "net/listener.h"
#include "session/session.h"

namespace weir {

// A listening socket of the process, as one worker is told about it.
struct SocketAssignment {
  uint64_t socket = 0;  // its number, the same in all generations
  size_t listener = 0;  // in Snapshot::listeners
  int fd = -1;  // to be owned and accepted from; -1: known already, or another worker accepts
  bool shared = false;  // one worker accepts for all (UNIX sockets) and deals the connections out
  int backlog = 0;      // 0: as it is
  std::optional<TcpKeepalive> keepalive{};  // none: as it is
};

struct WorkerUpdate {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<SocketAssignment> sockets;  // all there are; one that is missing is closed
};

struct AcceptedConnection {
  uint64_t socket = 0;
  int fd = -1;
  Address client;
};

// The other workers and the control thread. Implementations post; none of these is called back
// into.
class WorkerPeers {
 public:
  virtual uint32_t count() const = 0;
  virtual void give(uint32_t worker, AcceptedConnection connection) = 0;
  virtual void on_empty(uint32_t worker) = 0;  // after begin_drain(): the last session has ended

 protected:
  ~WorkerPeers() = default;
};

// What a drain still waits for.
struct SessionSurvey {
  struct Listener {
    std::string name;
    std::map<WaitingFor, uint64_t> waiting;
  };
  std::map<uint32_t, Listener> listeners;  // by series
  std::vector<Session::View> oldest;       // oldest first
};

class Worker final : public SessionOwner, private Yielding {
 public:
  Worker(EventLoop& loop, uint32_t index, uint64_t seed, WorkerPeers& peers);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void apply(const WorkerUpdate& update);
  // Every worker has applied the last update: nobody gives connections of removed sockets any more.
  void forget_removed_sockets();
  void take(AcceptedConnection connection);
  // The health of a backend of `cluster` has changed; empty: of any cluster.
  void health_changed(std::string_view cluster = {});

  // The steps of a drain (control/drain.h).
  void close_listeners();  // accepts what waits in their queues first
  void begin_drain(TimePoint from,
                   Duration spread);  // closes sessions that have gone silent, bit by bit
  void cut_sessions(EndReason reason);
  void abort_sessions(EndReason reason);  // now, whatever they are doing

  // Ends everything; the last call on the worker's thread.
  void stop();

  WorkerReport report();
  // The same over several turns: a large configuration has many cells. True: it is complete.
  bool report_some(WorkerMetrics::PartialReport& partial);
  SessionSurvey survey(size_t oldest) const;
  void forget(const SeriesIds& ids) { metrics_.forget(ids); }
  size_t active() const { return active_; }

 private:
  class Binding;

  void open_session(const ListenerSpec& listener, const SnapshotRef& snapshot,
                    AcceptedConnection connection);
  template <typename Opened>
  void begin(Opened& session, int fd);
  void refuse(const ListenerSpec& listener, int fd, const Address& client, RejectReason reason);
  void close_silent();
  void update_self();
  void renew_clusters();
  void on_resume() override { renew_clusters(); }

  // SessionOwner
  void release(Session& session) override;
  const SnapshotRef& current() const override { return current_; }
  ListenerCells& listener_cells(uint32_t series) override { return metrics_.listener(series); }
  bool draining() const override { return draining_; }
  uint32_t index() const override { return index_; }

  PipeResources pipe_resources_;
  const uint32_t index_;
  uint64_t seed_;
  WorkerPeers& peers_;
  WorkerMetrics metrics_;
  Pools pools_;
  HttpResources http_;
  SnapshotRef current_;
  IntrusiveList<SnapshotView, ::weir::ListNode> views_;  // all that are alive, for health changes
  std::map<uint64_t, std::unique_ptr<Binding>> bindings_;
  std::map<uint64_t, std::unique_ptr<Binding>> removed_;
  IntrusiveList<Session, SessionNode> sessions_;
  size_t active_ = 0;
  uint64_t next_serial_ = 1;
  bool draining_ = false;
  TimePoint drain_began_{};
  Duration spread_{};
  size_t to_close_ = 0;  // sessions there were when the drain began
  size_t closed_ = 0;    // of them, by us
  Timer drain_timer_;
};

}  // namespace weir

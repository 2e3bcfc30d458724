// Worker: the listening sockets, sessions, clusters and counters of one thread of the data path.
//
// Owner: a WorkerThread (or a test, which steps the loop itself). Thread: its loop's; messages from
// the control thread call every function here on that thread. Other threads share with a worker
// only immutable snapshots, the atomics of backends, and the counts of open connections.
//
// Books, at the end of every turn and for each listener: accepted = active + Σ ended.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "metrics/worker_metrics.h"
#include "net/listener.h"
#include "session/http1_client.h"
#include "session/http2_request.h"
#include "session/session.h"
#include "worker/open_sessions.h"

namespace weir {

// A listening socket of the process, as the control thread assigns it to one worker.
struct SocketAssignment {
  uint64_t socket = 0;  // its number, the same in all generations
  size_t listener = 0;  // in Snapshot::listeners
  int fd = -1;  // the worker owns it and accepts; -1: it has it already, or another worker accepts
  bool shared = false;  // one worker accepts (UNIX sockets) and distributes the connections
  int backlog = 0;      // 0: unchanged
  std::optional<TcpKeepalive> keepalive{};  // none: unchanged
};

struct WorkerUpdate {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<SocketAssignment> sockets;  // all of the process; a socket that is missing is closed
};

struct AcceptedConnection {
  uint64_t socket = 0;
  int fd = -1;
  Address client;
};

// The other workers and the control thread. Implementations post messages and do not call the
// worker.
class WorkerPeers {
 public:
  virtual uint32_t count() const = 0;
  virtual void give(uint32_t worker, AcceptedConnection connection) = 0;
  virtual void on_empty(uint32_t worker) = 0;  // after begin_drain(): the last session has ended

 protected:
  ~WorkerPeers() = default;
};

// The sessions that a drain waits for.
struct SessionSurvey {
  struct Listener {
    std::string name;
    std::map<WaitingFor, uint64_t> waiting;
    int64_t streams = 0;  // of HTTP/2, in progress on all its connections
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
  // Every worker has applied the last update: no worker passes on connections of removed sockets.
  void forget_removed_sockets();
  void take(AcceptedConnection connection);
  // The health of a backend of `cluster` has changed; empty: of any cluster.
  void health_changed(std::string_view cluster = {});

  // The steps of a drain (control/drain.h).
  void close_listeners();  // first accepts the connections in their queues
  void begin_drain(TimePoint from,
                   Duration spread);  // closes silent sessions, spread over time
  void cut_sessions(EndReason reason);
  void abort_sessions(EndReason reason);  // at once, whatever their state

  // Ends all sessions and listeners; the last call on the worker's thread.
  void stop();

  WorkerReport report();
  // The same in several turns, because a large configuration has many cells. True: complete.
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
  Http1Clients http1_clients_{http_};
  Http2Requests http2_requests_{http_};
  SnapshotRef current_;
  IntrusiveList<SnapshotView, ::weir::ListNode> views_;  // all of this worker, for health changes
  std::map<uint64_t, std::unique_ptr<Binding>> bindings_;
  std::map<uint64_t, std::unique_ptr<Binding>> removed_;
  OpenSessions sessions_;
  size_t active_ = 0;
  uint64_t next_serial_ = 1;
  bool draining_ = false;
  TimePoint drain_began_{};
  Duration spread_{};
  size_t to_close_ = 0;  // sessions when the drain began
  size_t closed_ = 0;    // of these, by the drain
  Timer drain_timer_;
};

}  // namespace weir

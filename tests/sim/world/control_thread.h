// ControlThread: the actions of the control thread on a worker: new configurations, changes of
// health, a drain. The worker gets them as messages, as from the real thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "network/kernel.h"
#include "worker/worker.h"
#include "world/scenario.h"

namespace weir::sim {

class ControlThread {
 public:
  static constexpr size_t kListeners = 3, kClusters = 3, kBackends = 4;

  ControlThread(Kernel& kernel, const Scenario& scenario, EventLoop& loop, Worker& worker);

  void publish();      // a random configuration; the first one opens every listener
  void flip_health();  // of one backend
  void begin_drain();
  bool busy() const { return to_do_ > 0; }  // planned events have not happened yet

  static Address listener_address(size_t i);
  static Address backend_address(size_t cluster, size_t backend);
  static size_t backend_number(const Address& address) { return address.port() - 9000u; }
  // Whether the event has happened at any time.
  bool drained() const { return drain_began_ != kNever; }
  TimePoint drain_began() const { return drain_began_; }
  bool health_flipped() const { return health_flipped_; }

  void plan();  // schedules all events of the scenario at random times

 private:
  void plan_at(Duration when, void (ControlThread::*what)());
  void post(std::function<void(Worker&)> message);
  std::shared_ptr<Snapshot> make_snapshot(const std::set<size_t>& listeners);
  void add_clusters(Snapshot& snapshot);
  void load_tls();
  void add_http(ListenerSpec& spec, const Snapshot& snapshot);
  void end_shortage();
  void begin_shortage();

  Kernel& kernel_;
  const Scenario& scenario_;
  EventLoop& loop_;
  Worker& worker_;
  std::map<size_t, std::shared_ptr<Backend>> backends_;
  std::array<std::shared_ptr<ClusterShared>, kClusters> shared_;
  std::map<size_t, std::shared_ptr<ConnectionCount>> counts_;
  std::shared_ptr<ConnectionCount> count_ = std::make_shared<ConnectionCount>();
  std::map<size_t, uint64_t> sockets_;  // by listener
  TicketKeys tickets_;
  std::shared_ptr<TlsServer> tls_server_;  // null: none, as the next
  std::shared_ptr<TlsClient> tls_client_;
  uint64_t next_socket_ = 1;
  uint64_t generation_ = 0;
  std::shared_ptr<const Snapshot> last_;
  size_t to_do_ = 0;
  TimePoint drain_began_ = kNever;
  bool health_flipped_ = false;
};

}  // namespace weir::sim

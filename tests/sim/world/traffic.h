// Traffic: the traffic between the clients and backends of a history, and its checks. One for TCP
// sessions, one for HTTP exchanges; the world around them is the same.
#pragma once

#include <string>
#include <vector>

#include "metrics/worker_metrics.h"
#include "network/kernel.h"
#include "peers/wires.h"
#include "world/control_thread.h"
#include "world/scenario.h"

namespace weir::sim {

// Counts of one history, summed over all seeds: a simulation without errors proves nothing.
using Tally = std::map<std::string, uint64_t>;

// The input of a verdict, besides the results of the peers.
struct Evidence {
  const Scenario& scenario;
  const Kernel& kernel;
  const ControlThread& control;
  const WorkerReport& report;  // when the last session had ended
  std::string access_log;
  const Wires& wires;
};

class Traffic {
 public:
  virtual ~Traffic() = default;
  // A client that connects to one of the listeners, `wire` being its end.
  virtual void open_client(std::shared_ptr<Wire> wire, const Address& from) = 0;
  virtual void open_backend(std::shared_ptr<Wire> wire, const Address& at) = 0;
  virtual bool clients_over() const = 0;
  // Whether backends end with their sessions; else when the worker does.
  virtual bool backends_over() const = 0;
  virtual std::vector<std::string> stuck() const = 0;  // a line for each peer that is not over
  virtual std::vector<std::string> judge(const Evidence& evidence, Tally& tally) = 0;
};

std::unique_ptr<Traffic> make_tcp_traffic(const Scenario& scenario, Network& network);
std::unique_ptr<Traffic> make_http2_over_tcp_traffic(const Scenario& scenario, Network& network);
std::unique_ptr<Traffic> make_http_traffic(const Scenario& scenario, Network& network);

}  // namespace weir::sim

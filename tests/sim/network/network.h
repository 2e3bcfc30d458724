// Network: virtual time, the scheduled events, and the sockets between two hosts.
//
// All random choices come from one generator, so a seed determines a whole history. One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/random.h"
#include "base/time.h"

namespace weir::sim {

class Endpoint;

// Delays, limits and errors of the network. Probabilities are of 1000.
struct NetworkConditions {
  Duration latency = 100us;      // maximum, for each segment
  size_t segment = 1448;         // bytes that arrive at once, at most
  size_t window = 64 * 1024;     // of a receiver, at most
  size_t send_buffer = 65536;    // at most
  uint64_t short_calls = 0;      // reads and writes that move less than they could
  uint64_t false_blocks = 0;     // EAGAIN although something could be moved
  uint64_t false_edges = 0;      // wake-ups without an event
  uint64_t refused_watches = 0;  // epoll_ctl fails
  uint64_t dead_accepts = 0;     // ECONNABORTED
  uint64_t no_splice = 0;        // sockets without splice(2)
  uint64_t no_pipes = 0;         // pipe2 fails
  uint64_t urgent = 0;           // splices that find urgent data before everything else
};

// A listening socket. Its queue holds weir's ends of the connections that clients have opened.
struct ListeningSocket {
  Address address;
  std::vector<std::shared_ptr<Endpoint>> queue;
};

// The outcome of an attempt to connect to a backend.
struct ConnectPlan {
  int error_now = 0;     // connect(2) itself fails
  int error_later = 0;   // after the delay
  bool never = false;    // no response
  bool at_once = false;  // connect(2) succeeds
  Duration delay = 100us;
};

class Network {
 public:
  Network(uint64_t seed, const NetworkConditions& conditions);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  TimePoint now() const { return now_; }
  Random& random() { return random_; }
  const NetworkConditions& conditions() const { return conditions_; }
  bool chance(uint64_t of_1000) { return random_.below(1000) < of_1000; }
  Duration latency() {
    return Duration(1000 + random_.below(uint64_t(conditions_.latency.count())));
  }

  void after(Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
  void at(TimePoint when, std::function<void()> what);
  // Advances time and runs the events that are due.
  void pass(Duration duration);
  TimePoint next_event() const { return events_.empty() ? kNever : events_.top().at; }

  std::shared_ptr<Endpoint> make_endpoint();
  std::shared_ptr<ListeningSocket> listen(const Address& address);
  void unlisten(const Address& address) { listening_.erase(address.text()); }
  // A client connects; returns its end. The other end enters the listener's queue, or the connect
  // is refused.
  std::shared_ptr<Endpoint> open_connection(const Address& to, const Address& from);
  // Sockets whose application has closed them, until their last bytes are out.
  void keep(std::shared_ptr<Endpoint> orphan) { orphans_.insert(std::move(orphan)); }
  void drop(const std::shared_ptr<Endpoint>& orphan) { orphans_.erase(orphan); }

 private:
  struct Event {
    TimePoint at;
    uint64_t order;
    std::function<void()> what;
    friend bool operator<(const Event& a, const Event& b) {
      return a.at != b.at ? a.at > b.at : a.order > b.order;  // the queue's top is the earliest
    }
  };

  Random random_;
  const NetworkConditions conditions_;
  TimePoint now_{std::chrono::hours(1)};
  uint64_t order_ = 0;
  std::priority_queue<Event> events_;
  std::map<std::string, std::weak_ptr<ListeningSocket>> listening_;
  std::set<std::shared_ptr<Endpoint>> orphans_;
};

}  // namespace weir::sim

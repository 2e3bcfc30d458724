// Sessions through weir of which the test holds both outer ends, with bytes in transit.
#pragma once

#include <vector>

#include "support/proxy_process.h"

namespace weir {

struct SessionPair {
  Socket client, server;
  explicit operator bool() const { return client && server; }
};

// One session to a backend in the test. No other client may connect to it during the call.
inline SessionPair open_pair(const Address& at, Acceptor& backend, bool small = false) {
  SessionPair pair{Socket::connect(at), backend.accept()};
  if (small) {
    pair.client.shrink_buffers();
    pair.server.shrink_buffers();
  }
  return pair;
}
inline std::vector<SessionPair> open_pairs(size_t n, const Address& at, Acceptor& backend,
                                           bool small = false) {
  std::vector<SessionPair> pairs;
  for (size_t i = 0; i < n; ++i) pairs.push_back(open_pair(at, backend, small));
  return pairs;
}

inline bool echoes(Socket& socket, const std::string& text) {
  return socket.send(text) && socket.receive(text.size()) == text;
}

// The number of sessions of `listener` that wait for this, as weir reports it.
inline uint64_t waiting(const ProxyProcess& weir, const std::string& listener,
                        const std::string& what) {
  const nlohmann::json json = weir.get("/v1/drain").json();
  if (!json.is_object()) return 0;
  for (const nlohmann::json& one : json["listeners"])
    if (one["name"] == listener) return one["waiting_for"].value(what, uint64_t{0});
  return 0;
}
inline bool await_waiting(const ProxyProcess& weir, const std::string& listener,
                          const std::string& what, uint64_t n) {
  const TimePoint until = std::chrono::steady_clock::now() + kPatience;
  uint64_t last = 0;
  while ((last = waiting(weir, listener, what)) != n)
    if (std::chrono::steady_clock::now() > until) {
      std::cerr << last << " sessions of " << listener << " wait for " << what << ", not " << n
                << ": " << weir.get("/v1/drain").body << '\n';
      return false;
    }
  return true;
}

// Sends some more bytes of each flow, as far as the sockets accept them.
inline void push(std::vector<Flow>& flows) {
  for (Flow& flow : flows) {
    for (int chunk = 0; chunk < 4 && flow.sent < flow.size; ++chunk) {
      const size_t n = std::min<size_t>(flow.size - flow.sent, 65536);
      flow.sent += flow.from->send_some(pattern(flow.sent, n));
    }
  }
}
// Sends on flows whose receivers do not read, until all sessions of `listener` wait for `what` in
// weir, and some bytes more. False: timeout.
inline bool fill(std::vector<Flow>& flows, const ProxyProcess& weir, const std::string& listener,
                 const std::string& what) {
  const TimePoint until = std::chrono::steady_clock::now() + kPatience;
  for (int stuck = 0; stuck < 3;) {
    if (std::chrono::steady_clock::now() > until) return false;
    push(flows);
    stuck = waiting(weir, listener, what) == flows.size() ? stuck + 1 : 0;
  }
  for (const Flow& flow : flows)
    if (flow.sent == flow.size) return false;  // the kernel has buffered all bytes
  return true;
}

}  // namespace weir

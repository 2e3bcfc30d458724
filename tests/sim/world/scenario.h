// Scenario: the choices of a seed before the first event: the conditions, the timeouts, and the
// rate of injected errors. Half of the seeds are polite: every peer behaves correctly and nothing
// times out, so every session has to end in order, with every byte delivered. The network injects
// errors in polite seeds, too.
#pragma once

#include "config/model.h"
#include "network/network.h"
#include "peers/talker.h"

namespace weir::sim {

enum class Protocol : uint8_t { tcp, http };

// What weir relays, and what its clients and backends use. With `tcp` and HTTP/2 on both sides weir
// does not take part in HTTP/2: a test of the peers.
struct Stack {
  Protocol protocol = Protocol::tcp;
  bool with_tls = false;
  bool http2_clients = false, http2_backends = false;
};

struct Scenario {
  Scenario(uint64_t seed, const Stack& stack);

  Script client_script(Random& random) const;
  Script backend_script(Random& random) const;
  TlsBehavior tls_behavior(Random& random, TlsBehavior::Role role) const;
  ConnectPlan connect_plan(Random& random, uint64_t backend) const;

  const Stack stack;
  NetworkConditions conditions;
  bool polite = false;
  bool bulk = false;  // few sessions with many bytes: splice(2)
  size_t clients = 0;
  Duration clients_within = 2s;
  config::ListenerTimeouts timeouts;
  Duration connect_timeout = 300ms;
  // Of HTTP.
  config::Timeout response_header{300s, {}}, response_idle{300s, {}};
  config::Timeout pool_idle{60s, {}};
  config::Pool pool;
  config::ClusterQueue queue;
  uint32_t concurrency = 0;
  config::BackendProtocol backend_protocol{};
  config::Retry retry;
  config::ListenerLimits limits;
  config::Timeout request;  // of the whole request
  bool cancel_on_close = true;
  uint32_t max_streams = 100;  // of an HTTP/2 client
  bool idle_closes = false;    // backends close kept connections at any time
  // The sides that use TLS.
  bool tls_clients = false, tls_backends = false;
  uint32_t max_handshakes = 0;
  uint64_t max_connections = 1u << 20;
  uint64_t listener_limit = 0;
  size_t reloads = 0;
  size_t health_flips = 0;
  size_t descriptor_shortages = 0;
  bool drain = false;
  Duration drain_at = 0ms;
  Duration drain_timeout = 1s;
  Duration drain_spread = 0ms;
  Duration drain_linger = 500ms;

 private:
  void choose_conditions(Random& random);
  void choose_faults(Random& random);
  void choose_http(Random& random);
  void choose_tls(Random& random);
  void choose_polite_drain(Random& random);
  uint64_t amount(Random& random) const;
};

}  // namespace weir::sim

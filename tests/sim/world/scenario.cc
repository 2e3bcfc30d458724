#include "world/scenario.h"

#include "world/choices.h"

namespace weir::sim {

Scenario::Scenario(uint64_t seed, const Stack& spoken) : stack(spoken) {
  Random random(mix(seed ^ 0x5ce7a210));
  polite = seed / 8 % 2 == 0;  // in every block, by turns
  bulk = random.below(4) == 0;
  clients = bulk ? 2 + random.below(6) : 5 + random.below(40);
  choose_conditions(random);
  reloads = random.below(4);
  queue.timeout = config::Timeout{300s, {}};
  if (random.below(3) == 0) concurrency = static_cast<uint32_t>(1 + random.below(3));
  if (polite)
    timeouts = {.idle = {600s, {}}, .half_close = {600s, {}}, .max_age = {}};
  else
    choose_faults(random);
  if (polite) connect_timeout = 10s;
  if (stack.protocol == Protocol::http)
    choose_http(random);
  else if (stack.http2_clients)
    clients = 2 + random.below(8);
  if (stack.with_tls) choose_tls(random);
}

// On one side, or on both. Each handshake costs the machine a millisecond.
void Scenario::choose_tls(Random& random) {
  const uint64_t sides = random.below(4);
  tls_clients = sides != 0;
  tls_backends = sides != 1;
  const bool may_choose = tls_backends && stack.http2_backends && stack.protocol == Protocol::http;
  if (may_choose && random.below(2) == 0) backend_protocol = config::BackendProtocol::automatic;
  timeouts.tls_handshake.value = polite ? 600s : 100ms + up_to(random, 2s);
  if (polite) return;
  if (tls_backends) connect_timeout += 300ms;
  if (random.below(6) == 0) max_handshakes = static_cast<uint32_t>(1 + random.below(4));
}

// The timeout is long enough for every session: none is cut.
void Scenario::choose_polite_drain(Random& random) {
  drain = random.below(4) == 0;
  drain_at = up_to(random, clients_within * 3 / 2);
  drain_timeout = 40s;
  drain_spread = random.below(2) == 0 ? 0ms : up_to(random, 3s);
}

void Scenario::choose_http(Random& random) {
  clients = bulk ? 2 + random.below(4) : 3 + random.below(20);
  if (stack.http2_clients) {
    clients = 1 + random.below(8);  // each with many requests
    max_streams = one_of(random, {100u, 100u, 10u, 3u, 1u});
  }
  if (stack.http2_backends) {
    backend_protocol = config::BackendProtocol::http2;
    pool.max_streams = one_of(random, {100u, 100u, 10u, 3u, 1u});
  }
  idle_closes = random.below(2) == 0;
  cancel_on_close = random.below(2) == 0;
  retry.budget = 1;  // a request that is safe to repeat is always repeated
  if (random.below(2) == 0) pool.max_connections = 1 + random.below(2);
  if (random.below(4) == 0) pool.max_idle = random.below(3);
  if (random.below(4) == 0) pool.max_requests = 1 + random.below(4);
  if (random.below(4) == 0) pool.max_age.value = up_to(random, 1s);
  if (random.below(3) == 0) pool_idle.value = up_to(random, 500ms);
  for (config::Timeout* timeout :
       {&timeouts.request_header, &timeouts.request_body, &timeouts.client_idle,
        &timeouts.keep_alive, &timeouts.tunnel_idle})
    timeout->value = 300s;
  if (random.below(6) == 0) limits.max_requests_per_connection = 1 + random.below(6);
  if (polite) return choose_polite_drain(random);
  if (random.below(5) == 0) limits.max_body_size = 1 + random.below(20000);
  if (random.below(5) == 0) limits.min_body_rate = 1 + random.below(20000);
  if (random.below(5) == 0) request.value = up_to(random, 2s);
  if (random.below(3) != 0) {
    for (config::Timeout* timeout :
         {&timeouts.request_header, &timeouts.request_body, &timeouts.client_idle,
          &timeouts.keep_alive, &timeouts.tunnel_idle, &response_header, &response_idle})
      timeout->value = 200ms + up_to(random, 3s);
  }
  retry.attempts = static_cast<uint32_t>(random.below(4));
  retry.budget = one_of(random, {0.0, 0.2, 1.0});
  if (random.below(3) == 0)
    retry.on = {"safe", "reset_before_response", "timeout", "gateway_error"};
  if (random.below(4) == 0) retry.per_try_timeout.value = up_to(random, 1s);
}

void Scenario::choose_conditions(Random& random) {
  conditions.latency = one_of(random, {20us, 200us, 2000us});
  conditions.segment = bulk ? 65536 : one_of<size_t>(random, {64, 1448, 16384});
  conditions.window = bulk ? 262144 : one_of<size_t>(random, {600, 4096, 65536});
  conditions.send_buffer = bulk ? 262144 : one_of<size_t>(random, {600, 4096, 65536});
  conditions.short_calls = one_of(random, {0, 20, 200});
  conditions.false_blocks = one_of(random, {0, 20, 200});
  conditions.false_edges = one_of(random, {0, 20});
  conditions.no_splice = one_of(random, {0, 300});
  conditions.no_pipes = one_of(random, {0, 300});
  conditions.urgent = one_of(random, {0, 50});
}

void Scenario::choose_faults(Random& random) {
  const bool short_ones = random.below(3) != 0;  // else only the peers end a session
  timeouts.idle.value = short_ones ? 300ms + up_to(random, 3s) : 60s;
  timeouts.half_close.value = random.below(4) == 0 ? 0ms : short_ones ? up_to(random, 2s) : 60s;
  if (random.below(4) == 0) timeouts.max_age.value = 100ms + up_to(random, 4s);
  connect_timeout = 50ms + up_to(random, 400ms);
  conditions.dead_accepts = one_of(random, {0, 30});
  conditions.refused_watches = one_of(random, {0, 0, 20});
  if (random.below(3) != 0) queue.timeout = config::Timeout{up_to(random, 2s), {}};
  if (random.below(2) == 0) queue.max = random.below(5);
  if (random.below(4) == 0) max_connections = 3 + random.below(20);
  if (random.below(4) == 0) listener_limit = 2 + random.below(10);
  health_flips = random.below(8);
  descriptor_shortages = random.below(3);
  drain = random.below(2) == 0;
  drain_at = up_to(random, clients_within * 3 / 2);
  drain_timeout = up_to(random, 4s);
  drain_spread = random.below(3) == 0 ? 0ms : up_to(random, drain_timeout);
  drain_linger = up_to(random, 500ms);
}

uint64_t Scenario::amount(Random& random) const {
  const uint64_t most = bulk ? 3u << 20 : std::min<uint64_t>(conditions.window * 20, 200000);
  switch (random.below(4)) {
    case 0: return 0;
    case 1: return Book::kHeader + random.below(300);
    case 2: return Book::kHeader + random.below(20000 < most ? 20000 : most);
    default: return Book::kHeader + random.below(most);
  }
}

Script Scenario::client_script(Random& random) const {
  Script script;
  script.to_send = amount(random);
  script.chunk = bulk ? 65536 : one_of<size_t>(random, {100, 1448, 16384});
  script.pace = one_of(random, {100us, 1000us, 10000us});
  if (bulk) script.pace = one_of(random, {100us, 1000us});
  // A client closes after this time; polite clients never need so long.
  script.give_up_after = polite ? 3000s : 8s;
  if (polite) return script;
  switch (random.below(drain ? 12 : 10)) {
    case 0: script.finish = Script::Finish::close; break;
    case 1: script.finish = Script::Finish::stay; break;
    case 2: script.finish = Script::Finish::await_end; break;
    case 3: script.abort_after = up_to(random, 1s); break;
    case 4: script.close_after = up_to(random, 1s); break;
    case 5: script.read_at_most = random.below(5000); break;
    case 6: script.abort_after = up_to(random, 20ms); break;
    case 10:
    case 11: script.finish = Script::Finish::stay; break;
    default: break;
  }
  return script;
}

Script Scenario::backend_script(Random& random) const {
  Script script = client_script(random);
  script.echo = random.below(3) == 0;
  if (script.finish == Script::Finish::half_close && random.below(2) == 0)
    script.finish = Script::Finish::await_end;
  if (!script.echo && random.below(2) == 0) script.speak_after = 1 + random.below(Book::kHeader);
  if (random.below(4) == 0) script.delay = up_to(random, polite ? Duration(2s) : Duration(5s));
  return script;
}

TlsBehavior Scenario::tls_behavior(Random& random, TlsBehavior::Role role) const {
  using Role = TlsBehavior::Role;
  TlsBehavior behavior;
  if (role == Role::client ? !tls_clients : !tls_backends) return behavior;
  behavior.role = role;
  behavior.http2 = role == Role::client ? stack.http2_clients : stack.http2_backends;
  behavior.old = random.below(4) == 0;
  behavior.resumes = random.below(2) == 0;
  if (random.below(4) == 0) behavior.key_update_every = 1 + random.below(20);
  // The response may arrive after its close, and then its last bytes are lost.
  behavior.requests_key_update = !polite || role == Role::client || stack.protocol == Protocol::tcp;
  if (polite) return behavior;
  switch (random.below(10)) {
    case 0: behavior.silent_after = random.below(role == Role::client ? 400 : 1500); break;
    case 1: behavior.garbage = true; break;
    case 2: behavior.tls_end = TlsBehavior::TlsEnd::none; break;
    case 3: behavior.tls_end = TlsBehavior::TlsEnd::partial_record; break;
    default: break;
  }
  return behavior;
}

ConnectPlan Scenario::connect_plan(Random& random, uint64_t backend) const {
  ConnectPlan plan;
  plan.at_once = random.below(10) == 0;
  plan.delay = up_to(random, one_of(random, {100us, 5000us}));
  if (polite) return plan;
  switch (backend % 8) {  // each backend has its own fault, some of the time
    case 1: plan.error_now = random.below(2) == 0 ? ECONNREFUSED : 0; break;
    case 2: plan.error_later = random.below(2) == 0 ? ECONNREFUSED : 0; break;
    case 3: plan.never = random.below(3) == 0; break;
    case 4: plan.error_now = random.below(3) == 0 ? EADDRNOTAVAIL : 0; break;
    case 5: plan.error_later = random.below(3) == 0 ? EHOSTUNREACH : 0; break;
    case 6: plan.delay = up_to(random, 2 * connect_timeout); break;
    default: break;
  }
  return plan;
}

}  // namespace weir::sim

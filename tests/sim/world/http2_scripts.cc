#include "world/http2_scripts.h"

#include "world/choices.h"
#include "world/http_scripts.h"

namespace weir::sim {
namespace {

using Fault = Answer::Fault;

bool happens(Random& random, uint64_t of_1000) {
  return random.below(1000) < of_1000;
}

Http2Settings choose_settings(Random& random) {
  Http2Settings settings;
  settings.window = one_of(random, {65535u, 65535u, 1u << 20, 20000u, 5000u});
  settings.header_table = one_of(random, {4096u, 4096u, 0u, 100u, 65536u});
  settings.frame_size = one_of(random, {16384u, 16384u, 65536u, 1u << 20});
  settings.max_streams = one_of(random, {100u, 100u, 10u, 3u, 1u});
  return settings;
}

// Windows and limits that let nothing pass do so for a short time.
Http2Behavior http2_behavior(const Scenario& scenario, Random& random) {
  Http2Behavior behavior;
  behavior.settings = choose_settings(random);
  Duration last = 0ms;
  for (uint64_t changes = random.below(4); changes > 0; --changes) {
    last += up_to(random, one_of<Duration>(random, {2ms, 100ms, 500ms}));
    behavior.changes.emplace_back(last, choose_settings(random));
  }
  if (happens(random, 250)) {
    const uint32_t window = one_of(random, {0u, 1u, 10u});
    behavior.settings.window = window;
    if (happens(random, 300)) behavior.settings.max_streams = 0;
    behavior.changes.emplace_back(last + up_to(random, 200ms), choose_settings(random));
  }
  if (happens(random, 250)) {
    behavior.part = one_of(random, {1, 7, 100});
    behavior.parts = 1 + random.below(200);
  }
  if (happens(random, 500)) behavior.connection_window = 1 << 20;
  if (happens(random, 150)) behavior.holds = up_to(random, 50ms);
  if (!scenario.bulk) behavior.data = one_of<size_t>(random, {16384, 16384, 1000, 100});
  if (happens(random, 200)) behavior.padding = 1 + random.below(255);
  behavior.empty_end = happens(random, 200);
  if (happens(random, 300)) behavior.ping_every = up_to(random, 500ms);
  if (!scenario.polite && happens(random, 60)) behavior.withheld_after = random.below(20000);
  return behavior;
}

void choose_resets(Http2ClientScript& script, Random& random) {
  if (happens(random, 500)) return;
  const bool at_once = happens(random, 100);
  for (Http2Ask& ask : script.asks) {
    if (at_once)
      ask.reset_after = 0ms;
    else if (happens(random, 150))
      ask.reset_after = up_to(random, one_of<Duration>(random, {2ms, 20ms, 500ms}));
    else if (happens(random, 150))
      ask.reset_in_body = random.below(5000);
  }
}

void allow_streams(Http2Behavior& behavior) {
  behavior.settings.max_streams = 100;
  for (auto& [when, settings] : behavior.changes) settings.max_streams = 100;
}

}  // namespace

Http2ClientScript http2_client_script(const Scenario& scenario, Ledger& ledger) {
  Random& random = ledger.network().random();
  Http2ClientScript script;
  script.behavior = http_behavior(scenario, random);
  script.http2 = http2_behavior(scenario, random);
  script.ahead = one_of<size_t>(random, {1, 3, 10, 30});
  if (happens(random, 600)) script.delay = up_to(random, one_of(random, {1ms, 50ms, 300ms}));
  const size_t requests = 1 + random.below(scenario.bulk ? 6 : 30);
  for (size_t i = 0; i < requests; ++i) {
    Request& request = ledger.add_request();
    choose_request(request, scenario, random);
    request.http2 = true;
    request.old = request.closes = false;
    request.trailers = request.framing == Framing::chunked && happens(random, 300);
    script.asks.push_back({.request = request.number});
  }
  script.direct = scenario.stack.protocol == Protocol::tcp;
  if (script.direct)
    for (const Http2Ask& ask : script.asks) ledger.request(ask.request)->fixed = false;
  script.awaits_end = !script.direct && happens(random, 500);
  script.stays_open = !script.direct && scenario.polite && !scenario.drain &&
                      scenario.limits.max_requests_per_connection == 0;
  if (scenario.polite) return script;
  script.strict = !script.direct;
  choose_client_faults(script.behavior, random);
  choose_resets(script, random);
  const bool stops = script.behavior.send_at_most != ~0ull ||
                     script.behavior.read_at_most != ~0ull || script.http2.withheld_after != ~0ull;
  for (const Http2Ask& ask : script.asks) ledger.request(ask.request)->stops = stops;
  if (happens(random, 100)) script.goaway_after = up_to(random, 1s);
  if (happens(random, 150)) {
    script.flood = static_cast<FloodKind>(random.below(kFloodKinds));
    script.flood_after = up_to(random, 500ms);
  }
  script.stays = happens(random, 200);
  return script;
}

Http2BackendScript http2_backend_script(const Scenario& scenario, Random& random) {
  const bool direct = scenario.stack.protocol == Protocol::tcp;
  Http2BackendScript script;
  script.behavior = http_behavior(scenario, random);
  script.http2 = http2_behavior(scenario, random);
  if (happens(random, 500)) script.delay = up_to(random, one_of(random, {1ms, 20ms, 300ms}));
  if (scenario.idle_closes && happens(random, 500))
    script.idle = up_to(random, one_of<Duration>(random, {500us, 20ms, 1s}));
  script.idle_goaway = happens(random, 500) || direct || scenario.polite;
  if (happens(random, 300)) script.goaway_after = 1 + static_cast<uint32_t>(random.below(12));
  script.goaway_twice = happens(random, 500);
  if (happens(random, 300)) script.disowns = random.below(6);
  // Streams that are opened before the limit is known would be refused. libnghttp2 does not say
  // which.
  if (scenario.polite && !direct) allow_streams(script.http2);
  uint64_t unkind = 0;
  if (!scenario.polite) {
    script.behavior.give_up_after = 12s;
    script.strict = !direct;
    script.goaway_error = one_of(random, {0u, 0u, 2u, 11u});
    script.flood =
        one_of(random, {FloodKind::ping, FloodKind::settings, FloodKind::unknown,
                        FloodKind::window_overflow, FloodKind::bad_block, FloodKind::too_large,
                        FloodKind::wrong_stream, FloodKind::push_promise, FloodKind::garbage});
    unkind = one_of<uint64_t>(random, {0, 100, 400});
  }
  script.decide = [&scenario, &random, unkind](Answer& answer, const Request& request) {
    choose_answer(answer, request, scenario, unkind, random);
    if (answer.fault == Fault::none && happens(random, scenario.polite ? 20 : 50) &&
        request.refusals == 0 && request.is_kept())
      answer.fault = Fault::refuses;
  };
  return script;
}

}  // namespace weir::sim

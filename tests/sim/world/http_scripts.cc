#include "world/http_scripts.h"

#include "world/choices.h"

namespace weir::sim {
namespace {

using Fault = Answer::Fault;

bool chance(Random& random, uint64_t of_1000) {
  return random.below(1000) < of_1000;
}

// Some are empty, most are short.
uint64_t body_size(const Scenario& scenario, Random& random) {
  const uint64_t most = scenario.bulk                        ? 1u << 20
                        : scenario.conditions.segment < 1000 ? 20000
                                                             : 100000;
  switch (random.below(5)) {
    case 0: return 0;
    case 1:
    case 2: return 1 + random.below(200);
    case 3: return 1 + random.below(5000);
    default: return 1 + random.below(most);
  }
}

}  // namespace

HttpBehavior http_behavior(const Scenario& scenario, Random& random) {
  HttpBehavior behavior;
  behavior.chunk = scenario.bulk ? 65536 : one_of<size_t>(random, {300, 1448, 16384});
  behavior.pace = scenario.bulk ? 200us : one_of(random, {100us, 500us, 2000us});
  if (chance(random, 100)) behavior.pause = up_to(random, 200ms);
  return behavior;
}

void choose_request(Request& request, const Scenario& scenario, Random& random) {
  request.method = one_of(random, {"GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE"});
  if (request.method == "POST" || request.method == "PUT") {
    request.framing = chance(random, 500) ? Framing::length : Framing::chunked;
    request.body = body_size(scenario, random);
    request.expects = chance(random, 150);
  }
  request.fixed = chance(random, 80);
  if (chance(random, 80) && request.framing != Framing::chunked && !request.expects)
    request.old = true;
  request.closes = chance(random, 50);
}

namespace {

void choose_fault(Answer& answer, Random& random) {
  answer.fault = one_of(random, {Fault::closes_before, Fault::resets_before, Fault::resets_in_body,
                                 Fault::closes_in_body, Fault::garbage, Fault::two_framings,
                                 Fault::more_than_asked, Fault::stalls, Fault::unasked_switch});
}

}  // namespace

void choose_answer(Answer& answer, const Request& request, const Scenario& scenario,
                   uint64_t unkind, Random& random) {
  answer.framing = one_of(random, {Framing::length, Framing::length, Framing::chunked,
                                   Framing::chunked, Framing::until_close});
  answer.body = body_size(scenario, random);
  answer.status = one_of(random, {200u, 200u, 200u, 404u, 500u, 204u, 304u});
  answer.trailers = chance(random, 300);
  answer.announces = chance(random, 80);
  if (chance(random, 100)) answer.interims = 1 + static_cast<int>(random.below(2));
  if (request.eager || (request.tunnel > 0 && chance(random, 800))) {
    answer.status = 101;
    answer.interims = 0;
    answer.tunnel = 1 + body_size(scenario, random);
  }
  if (scenario.polite) return;
  if (answer.status != 101 && chance(random, 100)) answer.early = true;
  if (answer.status != 101 && chance(random, 50)) answer.status = 503;
  if (chance(random, unkind)) choose_fault(answer, random);
  if (answer.fault == Fault::unasked_switch && request.tunnel > 0) answer.fault = Fault::stalls;
  if (answer.fault == Fault::more_than_asked && answer.status == 101) answer.fault = Fault::none;
  // After a body that ends with the connection, these bytes would be part of the body.
  if (answer.fault == Fault::more_than_asked) answer.framing = Framing::length;
}

void choose_client_faults(HttpBehavior& behavior, Random& random) {
  behavior.give_up_after = 8s;
  switch (random.below(12)) {
    case 0: behavior.abort_after = up_to(random, 1s); break;
    case 1: behavior.abort_after = up_to(random, 20ms); break;
    case 2: behavior.give_up_after = up_to(random, 1s); break;
    case 3: behavior.read_at_most = random.below(5000); break;
    case 4: behavior.send_at_most = random.below(2000); break;
    default: break;
  }
}

ClientScript http_client_script(const Scenario& scenario, Ledger& ledger) {
  Random& random = ledger.network().random();
  ClientScript script;
  script.behavior = http_behavior(scenario, random);
  script.ahead = chance(random, 500) ? 1 : 2 + random.below(6);
  if (chance(random, 600)) script.delay = up_to(random, one_of(random, {1ms, 50ms, 500ms}));
  script.half_closes = chance(random, 150) && !scenario.cancel_on_close;
  script.finish = one_of(random, {ClientScript::Finish::close, ClientScript::Finish::half_close});
  const size_t requests = 1 + random.below(scenario.bulk ? 4 : 12);
  for (size_t i = 0; i < requests; ++i) {
    Request& request = ledger.add_request();
    choose_request(request, scenario, random);
    const bool last = i + 1 == requests;
    if (!last || scenario.stack.http2_backends || !chance(random, 200)) {
      script.requests.push_back(request.number);
      continue;
    }
    const uint32_t number = request.number;
    request = {};
    request.number = number;
    request.tunnel = 1 + body_size(scenario, random);
    // Only for a client that is certain of the response.
    request.eager = scenario.polite && request.tunnel < 8000;
    script.half_closes = false;  // it has bytes to send
    script.requests.push_back(number);
  }
  script.stays_open =
      scenario.polite && !scenario.drain && scenario.limits.max_requests_per_connection == 0;
  if (scenario.polite) return script;
  choose_client_faults(script.behavior, random);
  if (chance(random, 200)) script.finish = ClientScript::Finish::stay;
  return script;
}

BackendScript http_backend_script(const Scenario& scenario, Random& random) {
  BackendScript script;
  script.behavior = http_behavior(scenario, random);
  if (chance(random, 500)) script.delay = up_to(random, one_of(random, {1ms, 20ms, 300ms}));
  if (scenario.idle_closes && chance(random, 500))
    script.idle = up_to(random, one_of<Duration>(random, {500us, 20ms, 1s}));
  if (chance(random, 100)) script.keep_alive = 1 + static_cast<uint32_t>(random.below(5));
  if (!scenario.polite) script.behavior.give_up_after = 12s;
  const uint64_t unkind = one_of<uint64_t>(random, {0, 100, 400});
  script.decide = [&scenario, &random, unkind](Answer& answer, const Request& request) {
    choose_answer(answer, request, scenario, unkind, random);
  };
  return script;
}

}  // namespace weir::sim

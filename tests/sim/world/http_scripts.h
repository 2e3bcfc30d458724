// Requests of HTTP clients and responses of backends, drawn from a scenario. In a polite one all
// peers follow HTTP, slowly at times, and backends close idle connections at any time.
#pragma once

#include "peers/http_backend.h"
#include "peers/http_client.h"
#include "world/scenario.h"

namespace weir::sim {

HttpBehavior http_behavior(const Scenario& scenario, Random& random);
void choose_request(Request& request, const Scenario& scenario, Random& random);
// `unkind` of 1000 answers have a fault, if the scenario is not polite.
void choose_answer(Answer& answer, const Request& request, const Scenario& scenario,
                   uint64_t unkind, Random& random);
void choose_client_faults(HttpBehavior& behavior, Random& random);

ClientScript http_client_script(const Scenario& scenario, Ledger& ledger);
BackendScript http_backend_script(const Scenario& scenario, Random& random);

}  // namespace weir::sim

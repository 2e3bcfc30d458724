// Requests of HTTP clients and responses of backends, drawn from a scenario. In a polite one all
// peers follow HTTP, slowly at times, and backends close idle connections at any time.
#pragma once

#include "peers/http_backend.h"
#include "peers/http_client.h"
#include "world/scenario.h"

namespace weir::sim {

ClientScript http_client_script(const Scenario& scenario, Ledger& ledger);
BackendScript http_backend_script(const Scenario& scenario, Random& random);

}  // namespace weir::sim

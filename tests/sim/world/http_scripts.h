// What HTTP clients ask for and how backends answer, drawn from a scenario. Of a polite one
// everybody does what HTTP says, slowly at times, and backends close idle connections when they
// like.
#pragma once

#include "peers/http_backend.h"
#include "peers/http_client.h"
#include "world/scenario.h"

namespace weir::sim {

ClientScript http_client_script(const Scenario& scenario, Ledger& ledger);
BackendScript http_backend_script(const Scenario& scenario, Random& random);

}  // namespace weir::sim

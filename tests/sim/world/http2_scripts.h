// Requests of HTTP/2 clients and responses of HTTP/2 backends, drawn from a scenario.
#pragma once

#include "peers/http2_backend.h"
#include "peers/http2_client.h"
#include "world/scenario.h"

namespace weir::sim {

Http2ClientScript http2_client_script(const Scenario& scenario, Ledger& ledger);
Http2BackendScript http2_backend_script(const Scenario& scenario, Random& random);

}  // namespace weir::sim

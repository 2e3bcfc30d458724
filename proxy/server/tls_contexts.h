// Reads the files that the TLS of a configuration names. Slow, so it runs on the loader's thread,
// at every load and reload: certificates change without the configuration.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "net/tls_client.h"
#include "net/tls_server.h"

namespace weir {

struct TlsContexts {
  std::map<std::string, std::shared_ptr<TlsServer>> listeners;  // by name
  std::map<std::string, std::shared_ptr<TlsClient>> clusters;
  TicketKeys::FileKeys ticket_keys;  // of global.tls_tickets.file; empty: none
};

// The error says which file, and where it is named, which is also in `at` then.
Result<TlsContexts> load_tls(const config::Model& model, config::Location& at);

}  // namespace weir

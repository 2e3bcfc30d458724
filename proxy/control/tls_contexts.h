// Reads the files that the TLS of a configuration names. Slow, so it runs on the loader's thread,
// at every load and reload: certificates change without the configuration.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "config/load.h"
#include "tls/tls_client.h"
#include "tls/tls_server.h"
#include "tls/tls_tickets.h"

namespace weir {

using FileDigests = std::map<std::string, std::string>;  // by path, of what was read

struct TlsContexts {
  std::map<std::string, std::shared_ptr<TlsServer>> listeners;  // by name
  std::map<std::string, std::shared_ptr<TlsClient>> clusters;
  TicketKeys::FileKeys ticket_keys;  // of global.tls_tickets.file; empty: none
  FileDigests digests;
};

// What a reload finds in force.
struct TlsInForce {
  std::map<std::string, std::shared_ptr<const TlsServer>> listeners;
  std::map<std::string, std::shared_ptr<const TlsClient>> clusters;
  FileDigests digests;
};

// Adds what it finds to the diagnostics of `loaded`, and the places of the system's authorities to
// what is watched; the contexts are usable only while that is valid. `before` is null at a start.
// A file that is not valid any more is an error where it is new, because that is a mistake, and a
// warning where it is in force or where weir starts: what else is configured has to be served.
TlsContexts load_tls(config::Loaded& loaded, const TlsInForce* before = nullptr,
                     Duration patience = FileReader::kPatience);

}  // namespace weir

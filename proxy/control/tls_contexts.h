// Reads the files that the TLS of a configuration names, and those with the keys of sticky cookies.
// Slow, so it runs on the loader's thread, at every load and reload: certificates change without
// the configuration.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "config/load.h"
#include "tls/tls_client.h"
#include "tls/tls_server.h"
#include "tls/tls_tickets.h"
#include "upstream/sticky_tags.h"

namespace weir {

using FileDigests = std::map<std::string, std::string>;  // by path

struct TlsContexts {
  std::map<std::string, std::shared_ptr<TlsServer>> listeners;  // by name
  std::map<std::string, std::shared_ptr<TlsClient>> clusters;
  TicketKeys::FileKeys ticket_keys;  // of global.tls_tickets.file; empty: none
  std::map<std::string, std::vector<StickyKey>> sticky_keys;  // of clusters with a key_file
  FileDigests digests;
};

// The TLS in force, for a reload.
struct TlsInForce {
  std::map<std::string, std::shared_ptr<const TlsServer>> listeners;
  std::map<std::string, std::shared_ptr<const TlsClient>> clusters;
  FileDigests digests;
};

// Adds its findings to the diagnostics of `loaded`, and the files of the system's authorities to
// the watched paths; the contexts are usable only while `loaded` is valid. `before` is null at a
// start. A file that has expired is an error if it is new, because that is a mistake. If it is in
// force, or at a start, it is a warning, because weir has to serve the rest of the configuration.
TlsContexts load_tls(config::Loaded& loaded, const TlsInForce* before = nullptr,
                     Duration patience = FileReader::kPatience);

}  // namespace weir

// Server: the process: its control thread and its workers, from start to exit.
//
// run_server() blocks until the process is to exit. The order of the start: descriptor limit,
// configuration, log, sockets, admin, first round of health checks, workers, ready. The
// DrainCoordinator sets the order of the end; the admin server closes last.
#pragma once

#include <functional>
#include <string>

#include "base/standard_streams.h"
#include "config/load.h"

namespace weir {

struct ServerOptions {
  std::function<config::Loaded()> load;  // reads the configuration, whole; called at every reload
  std::string config_path;               // shown to operators; empty when there is no file
  std::string version, revision;
  // The admin API listens here when the configuration has no admin section and the directory exists
  // and is writable; empty: nowhere.
  std::string default_admin_socket = {};
  ClosedStreams closed_streams = {};  // at start; weir has opened them as /dev/null
};

// The exit code: 0; 1: it could not start; 4: a drain has cut a session; 78: the configuration
// is invalid.
int run_server(const ServerOptions& options);

}  // namespace weir

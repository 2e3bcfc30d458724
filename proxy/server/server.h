// Server: the process: its control thread, its workers, and everything in between start and exit.
//
// run_server() blocks until the process is to exit. The order of the start: descriptor limit,
// configuration, log, sockets, admin, first round of health checks, workers, ready. The order of
// the end is the DrainCoordinator's; the admin server stays until there is nothing left to tell.
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
  // Where the admin API is served when the configuration has no admin section and the directory is
  // there and writable; empty: nowhere.
  std::string default_admin_socket = {};
  ClosedStreams closed_streams = {};  // they are /dev/null now
};

// The exit code: 0; 1: it could not start; 4: a drain had to cut something; 78: the configuration
// is invalid.
int run_server(const ServerOptions& options);

}  // namespace weir

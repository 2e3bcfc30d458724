// Finds the configuration file and the admin address when the command line does not name them.
// Reads the environment; any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/admin_client.h"

namespace weir::cli {

// What the flags -c and --admin said; empty when they were not given.
struct Target {
  std::string config;
  std::string admin;
};

// -c, else $WEIR_CONFIG, else the first of /etc/weir/weir.yaml and ./weir.yaml that exists.
Result<std::string> find_config(const std::string& given);

// --admin, else $WEIR_ADMIN, else what the configuration's admin section says (its socket first),
// else the socket of the packaged unit.
Result<AdminClient> find_admin(const Target&);

}  // namespace weir::cli

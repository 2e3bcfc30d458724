// Finds the configuration file and the admin address when the command line does not name them.
// Reads the environment and files; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/admin_client.h"
#include "cli/console.h"
#include "config/diagnostic.h"

namespace weir::cli {

// The flags -c and --admin; empty: not given.
struct Target {
  std::string config;
  std::string admin;
};

// -c, else $WEIR_CONFIG, else the first of /etc/weir/weir.yaml and ./weir.yaml that exists.
Result<std::string> find_config(const std::string& given);

struct FoundAdmin {
  std::optional<AdminClient> client;
  Error error{"", ""};                       // if there is no client
  Exit code = kUsage;                        // if there is no client
  std::vector<config::Diagnostic> mistakes;  // of the configuration file; none: it is valid

  explicit operator bool() const { return client.has_value(); }
  const AdminClient& operator*() const { return *client; }
};

// --admin, else $WEIR_ADMIN, else the admin section of the configuration (its socket first), else
// default_admin_socket(). The file may have become invalid since weir started: then only its admin
// section is read. If that fails too, the result is an error, not a guess.
FoundAdmin find_admin(const Target&);

// The admin socket of `weir run` without an admin section: $WEIR_RUNTIME_DIR/admin.sock, by default
// /run/weir/admin.sock.
std::string default_admin_socket();

}  // namespace weir::cli

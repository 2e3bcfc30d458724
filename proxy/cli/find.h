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

// What the flags -c and --admin said; empty when they were not given.
struct Target {
  std::string config;
  std::string admin;
};

// -c, else $WEIR_CONFIG, else the first of /etc/weir/weir.yaml and ./weir.yaml that exists.
Result<std::string> find_config(const std::string& given);

struct FoundAdmin {
  std::optional<AdminClient> client;
  Error error{"", ""};                       // when there is none
  Exit code = kUsage;                        // for that
  std::vector<config::Diagnostic> mistakes;  // of the file that was asked; none: it is valid

  explicit operator bool() const { return client.has_value(); }
  const AdminClient& operator*() const { return *client; }
};

// --admin, else $WEIR_ADMIN, else what the configuration's admin section says (its socket first),
// else default_admin_socket(). The running weir must be found when its file has been broken since:
// the section is read alone when the whole cannot be. When it cannot, the address is not guessed.
FoundAdmin find_admin(const Target&);

// Where `weir run` listens when the file has no admin section: $WEIR_RUNTIME_DIR/admin.sock, as a
// rule /run/weir/admin.sock.
std::string default_admin_socket();

}  // namespace weir::cli

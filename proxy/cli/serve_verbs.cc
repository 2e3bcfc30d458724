// The verbs that become the server: run and proxy.
#include <filesystem>

#include "cli/ad_hoc.h"
#include "cli/exchange.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "config/load.h"
#include "server/server.h"

namespace weir::cli {

int run_server_with(const std::string& config, const Console& console) {
  Result<std::string> path = find_config(config);
  if (!path) return complain_of(path.error(), console);
  std::error_code error;
  std::string absolute = std::filesystem::absolute(*path, error).string();
  if (error) return complain_of({error.message(), *path}, console);
  auto load = [path = *path] { return config::load(path, config::process_environment()); };
  return run_server({load, absolute, version(), revision(), default_admin_socket()});
}

int run_proxy(const ProxyOptions& options, const Console& console) {
  Result<std::string> text = ad_hoc_config(options);
  if (!text) return complain_of(text.error(), console);
  if (options.print_config) {
    console.print(*text);
    return kOk;
  }
  auto load = [text = *text] {
    return config::load_text(text, "weir proxy", config::process_environment());
  };
  return run_server({load, "", version(), revision()});
}

}  // namespace weir::cli

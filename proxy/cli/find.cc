#include "cli/find.h"

#include <unistd.h>

#include <cstdlib>

#include "config/load.h"

namespace weir::cli {
namespace {

constexpr const char* kConfigPlaces[] = {"/etc/weir/weir.yaml", "weir.yaml"};
constexpr const char* kDefaultAdmin = "unix:/run/weir/admin.sock";

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

Result<std::string> find_config(const std::string& given) {
  if (!given.empty()) return given;
  if (std::string path = from_environment("WEIR_CONFIG"); !path.empty()) return path;
  for (const char* place : kConfigPlaces) {
    if (::access(place, F_OK) == 0) return std::string(place);
  }
  return Error{
      "no configuration: give -c FILE, set WEIR_CONFIG, or write /etc/weir/weir.yaml or "
      "./weir.yaml",
      ""};
}

Result<AdminClient> find_admin(const Target& target) {
  std::string address = target.admin;
  if (address.empty()) address = from_environment("WEIR_ADMIN");
  if (!address.empty()) return AdminClient::parse(address);
  if (Result<std::string> path = find_config(target.config)) {
    config::Loaded loaded = config::load(*path, config::process_environment());
    if (!loaded.model.admin.socket.empty())
      return AdminClient::parse("unix:" + loaded.model.admin.socket);
    if (!loaded.model.admin.bind.empty())
      return AdminClient::parse("http://" + loaded.model.admin.bind);
  }
  return AdminClient::parse(kDefaultAdmin);
}

}  // namespace weir::cli

#include "config/validate_admin.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/address.h"

namespace weir::config {
namespace {

bool is_loopback(const Address& address) {
  const auto host = address.host();
  if (address.family() == Address::Family::ipv4) return host[0] == 127;
  const bool zeros = std::all_of(host.begin(), host.end() - 1, [](uint8_t b) { return b == 0; });
  return zeros && host.back() == 1;
}

void check_address(const Admin& admin, const Places& places, Findings& findings) {
  if (admin.bind.empty() || admin.read_only) return;
  const Result<Address> address = Address::parse(admin.bind);
  if (!address || !address->is_ip() || is_loopback(*address)) return;
  findings.add(Code::W255, places.of("admin.bind"),
               fmt::format("admin.bind {} is not a loopback address: every client that can connect "
                           "may reload and drain weir",
                           admin.bind),
               "write 127.0.0.1 instead, or add `read_only: true` and a `socket`");
}

void check_socket(const Admin& admin, const Places& places, Findings& findings) {
  constexpr uint32_t kWritableByOthers = 0002;
  if (admin.socket.empty()) {
    for (const char* key : {"admin.socket_mode", "admin.socket_group"})
      if (places.written(key))
        findings.add(Code::W256, places.of(key), "the admin server has no `socket`",
                     fmt::format("{} has no effect; add `socket: /path`", key));
  } else if ((admin.socket_mode & kWritableByOthers) != 0) {
    findings.add(Code::W255, places.of("admin.socket_mode"),
                 fmt::format("admin.socket_mode {:04o} lets every user of this machine connect: "
                             "each of them may reload and drain weir",
                             admin.socket_mode),
                 "write 0660, and set `socket_group` to the group that may connect");
  }
}

}  // namespace

bool is_admin_path(std::string_view path) {
  constexpr std::string_view kPages[] = {"/",       "/live",   "/ready",   "/livez",
                                         "/readyz", "/health", "/healthz", "/v1"};
  return path.starts_with("/v1/") ||
         std::find(std::begin(kPages), std::end(kPages), path) != std::end(kPages);
}

void validate_admin(const Model& model, const Places& places, Findings& findings) {
  check_address(model.admin, places, findings);
  check_socket(model.admin, places, findings);
  if (is_admin_path(model.metrics.path))
    findings.add(Code::E269, places.of("metrics.path"),
                 fmt::format("'{}' is another page of the admin server, or one that probes ask for",
                             model.metrics.path),
                 "choose a path of its own, such as /metrics");
}

}  // namespace weir::config

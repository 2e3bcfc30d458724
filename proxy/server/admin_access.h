// AdminAccess: what the admin server takes over TCP. A value; part of the configuration.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir {

// A field of every answer of an admin server: a client knows by it that the port is not somebody
// else's.
inline constexpr const char* kAdminServerField = "Weir-Admin";

struct AdminAccess {
  std::vector<std::string> hosts;  // names in requests, in lower case
  bool read_only = false;          // only what changes nothing

  // Whether the authority of a request, valid, is an IP address, localhost or one of `hosts`.
  bool knows_host(std::string_view authority) const;
};

}  // namespace weir

// AdminAccess: which requests the admin server accepts over TCP. A value; part of the
// configuration.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir {

// A field of every response of an admin server. It shows clients that the port does not belong to
// another service.
inline constexpr const char* kAdminServerField = "Weir-Admin";

struct AdminAccess {
  std::vector<std::string> hosts;  // names in requests, in lower case
  bool read_only = false;          // only requests that change nothing

  // Whether the authority of a request, valid, is an IP address, localhost or one of `hosts`.
  bool knows_host(std::string_view authority) const;
};

}  // namespace weir

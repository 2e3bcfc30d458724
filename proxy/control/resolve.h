// The addresses of the host names of a configuration. A name may have several addresses, or none
// while its lookup fails. The configuration can be used in both cases.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/address.h"
#include "config/model.h"

namespace weir {

struct LookupAnswer {
  std::vector<Address> addresses;  // without ports
  std::string failure;             // why there is no address: "cannot look up 'db': …"
};

// getaddrinfo(3): blocks for as long as the name servers take, and cannot be interrupted.
LookupAnswer look_up_host(const std::string& host);

// Sorts them and removes duplicates: name servers change the order of the same addresses.
void sort_addresses(std::vector<Address>& addresses);

struct BackendAddresses {
  std::vector<Address> addresses;
  std::string failure;  // why there is none
  friend bool operator==(const BackendAddresses&, const BackendAddresses&) = default;
};

// By the text of the configuration ("db.internal:5432").
using ResolvedAddresses = std::map<std::string, BackendAddresses>;

// "api.internal" of "api.internal:443"; empty for a numeric address and for a UNIX socket.
std::string host_name_of(const std::string& address);
// All host names of a configuration, each once.
std::set<std::string> host_names(const config::Model& model);

}  // namespace weir

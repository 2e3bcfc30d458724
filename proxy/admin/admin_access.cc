#include "admin/admin_access.h"

#include <algorithm>

#include "base/address.h"
#include "http/chars.h"
#include "http/semantics.h"

namespace weir {

bool AdminAccess::knows_host(std::string_view authority) const {
  std::string host(split_authority(authority).host);
  std::transform(host.begin(), host.end(), host.begin(), ascii_lower);
  if (host.empty()) return false;
  if (host == "localhost" || Address::parse(host + ":0")) return true;
  return std::find(hosts.begin(), hosts.end(), host) != hosts.end();
}

}  // namespace weir

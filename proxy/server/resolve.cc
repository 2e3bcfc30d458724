#include "server/resolve.h"

#include <fmt/format.h>
#include <netdb.h>

#include <memory>

namespace weir {
namespace {

Result<Address> resolve(const std::string& text) {
  if (Result<Address> numeric = Address::parse(text)) return numeric;
  const Result<HostPort> parts = split_host_port(text);
  if (!parts) return parts.error();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(parts->host.c_str(), nullptr, &hints, &found);
  if (error != 0)
    return Error{fmt::format("cannot look up '{}': {}", parts->host, ::gai_strerror(error)), ""};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  return Address::from(found->ai_addr, found->ai_addrlen).with_port(parts->port);
}

}  // namespace

Result<ResolvedAddresses> resolve_backends(const config::Model& model) {
  ResolvedAddresses addresses;
  for (const config::Cluster& cluster : model.clusters) {
    for (const config::Backend& backend : cluster.backends) {
      if (addresses.contains(backend.address)) continue;
      Result<Address> address = resolve(backend.address);
      if (!address) {
        return Error{fmt::format("backend '{}' of cluster '{}': {}", backend.name, cluster.name,
                                 address.error().message),
                     model.where(backend.location)};
      }
      addresses.emplace(backend.address, *address);
    }
  }
  return addresses;
}

}  // namespace weir

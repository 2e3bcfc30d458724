#include "control/resolve.h"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace weir {
namespace {

bool before(const Address& a, const Address& b) {
  if (a.family() != b.family()) return a.family() < b.family();
  return std::ranges::lexicographical_compare(a.host(), b.host());
}

}  // namespace

LookupAnswer look_up_host(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    const char* why = error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error);
    return {{}, fmt::format("cannot look up '{}': {}", host, why)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  LookupAnswer answer;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next)
    if (const Address address = Address::from(one->ai_addr, one->ai_addrlen); address.is_ip())
      answer.addresses.push_back(address);
  if (answer.addresses.empty())
    answer.failure = fmt::format("cannot look up '{}': it has no address", host);
  return answer;
}

void sort_addresses(std::vector<Address>& addresses) {
  std::sort(addresses.begin(), addresses.end(), before);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
}

std::string host_name_of(const std::string& address) {
  if (Address::parse(address)) return {};
  const Result<HostPort> parts = split_host_port(address);
  return parts ? parts->host : std::string();
}

std::set<std::string> host_names(const config::Model& model) {
  std::set<std::string> names;
  for (const config::Cluster& cluster : model.clusters)
    for (const config::Backend& backend : cluster.backends)
      if (std::string name = host_name_of(backend.address); !name.empty())
        names.insert(std::move(name));
  return names;
}

}  // namespace weir

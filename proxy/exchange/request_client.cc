#include "exchange/request_client.h"

namespace weir {

RequestClient::RequestClient(const RequestHead& head, const Address& from, bool tls,
                             const HttpSpec& http) {
  if (IpAddress ip; ip.assign(from)) peer = address = ip;
  if (tls) peer_scheme = scheme = "https";
  trusted = http.trusted.contains(from);
  if (!trusted) return;
  address = client_address(head, from, http.trusted);
  scheme = client_scheme(head, {{}, true, peer_scheme, {}}, http.trusted);
}

Hop RequestClient::hop(HopMemory& memory) const {
  return {peer ? peer->text(memory[0]) : std::string_view("unknown"), trusted, peer_scheme,
          is_named() ? address->text(memory[1]) : std::string_view()};
}

}  // namespace weir

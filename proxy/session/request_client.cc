#include "session/request_client.h"

namespace weir {

Hop hop_of(ExchangeOwner& owner, const HttpSpec& http,
           std::span<char, IpAddress::kTextSize> memory) {
  const Address& peer = owner.session().client_address();
  IpAddress client;
  const bool known = client.assign(peer);
  return {known ? client.text(memory) : std::string_view("unknown"), http.trusted.contains(peer),
          owner.client().tls() != nullptr ? "https" : "http"};
}

std::string_view client_scheme(const RequestHead& head, ExchangeOwner& owner,
                               const HttpSpec& http) {
  const std::string_view own = owner.client().tls() != nullptr ? "https" : "http";
  if (http.trusted.empty()) return own;
  const Hop hop{{}, http.trusted.contains(owner.session().client_address()), own};
  return client_scheme(head, hop, http.trusted);
}

std::string_view named_client(const RequestHead& head, const Address& peer, const HttpSpec& http,
                              std::span<char, IpAddress::kTextSize> memory) {
  if (http.trusted.empty()) return {};
  const std::optional<IpAddress> client = client_address(head, peer, http.trusted);
  IpAddress own;
  if (!client || (own.assign(peer) && own == *client)) return {};
  return client->text(memory);
}

}  // namespace weir

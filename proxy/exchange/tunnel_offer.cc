#include "exchange/tunnel_offer.h"

#include "http/semantics.h"

namespace weir {

bool offers_tunnel(const RequestHead& request, const Route& route) {
  if (request.form() == TargetForm::authority) return true;
  return request.framing() == BodyFraming::none && offers_upgrade(request, route.upgrades);
}

std::string_view tunnel_protocol(const RequestHead& request, const Route& route) {
  if (request.form() == TargetForm::authority || request.framing() != BodyFraming::none) return {};
  return offered_protocol(request, route.upgrades);
}

bool opens_tunnel(const RequestHead& request, const ResponseHead& response, const Route& route) {
  return response.opens_tunnel() || answers_upgrade(request, response, route.upgrades);
}

}  // namespace weir

#include "health/probe.h"

#include "health/health_check.h"
#include "health/http2_probe.h"
#include "health/http_probe.h"
#include "health/tcp_probe.h"

namespace weir {

Address check_address(const CheckTarget& target) {
  const Address& address = target.backend->address();
  return target.spec.port == 0 ? address
                               : address.with_port(static_cast<uint16_t>(target.spec.port));
}

std::string authority_of(const config::HealthCheck& spec, const Backend& backend) {
  if (!spec.host.empty()) return spec.host;
  if (backend.address().is_unix()) return "localhost";
  const std::string& text = backend.text();
  return spec.port == 0 ? text : text.substr(0, text.rfind(':') + 1) + std::to_string(spec.port);
}

bool checks_by_http2(const CheckTarget& target) {
  switch (target.spec.type) {
    case config::HealthCheck::Type::tcp: return false;
    case config::HealthCheck::Type::http: return target.http2;
    case config::HealthCheck::Type::grpc: return true;
  }
  CHECK_UNREACHABLE();
}

std::unique_ptr<Probe> make_probe(const CheckTarget& target) {
  const config::HealthCheck& spec = target.spec;
  const Backend& backend = *target.backend;
  if (checks_by_http2(target))
    return std::make_unique<Http2Probe>(spec, backend, target.tls != nullptr);
  if (spec.type == config::HealthCheck::Type::http)
    return std::make_unique<HttpProbe>(spec, backend);
  return std::make_unique<TcpProbe>(spec);
}

std::string in_quotes(const std::string& text) {
  constexpr size_t kShown = 32;
  return "'" + text.substr(0, kShown) + (text.size() <= kShown ? "'" : "…'");
}

}  // namespace weir

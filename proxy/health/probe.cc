#include "health/probe.h"

#include "health/http_probe.h"
#include "health/tcp_probe.h"

namespace weir {

std::unique_ptr<Probe> make_probe(const config::HealthCheck& spec, const Backend& backend) {
  switch (spec.type) {
    case config::HealthCheck::Type::tcp: return std::make_unique<TcpProbe>(spec);
    case config::HealthCheck::Type::http: return std::make_unique<HttpProbe>(spec, backend);
    case config::HealthCheck::Type::grpc: break;  // its probe is missing
  }
  CHECK_UNREACHABLE();
}

std::string in_quotes(const std::string& text) {
  constexpr size_t kShown = 32;
  return "'" + text.substr(0, kShown) + (text.size() <= kShown ? "'" : "…'");
}

}  // namespace weir

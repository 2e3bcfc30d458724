#include "health/tcp_probe.h"

#include <fmt/format.h>

namespace weir {

// The expected bytes, for messages.
std::string TcpProbe::shown() const {
  if (!spec_.expect.empty()) return in_quotes(spec_.expect);
  std::string text;
  for (const char c : spec_.expect_hex)
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", static_cast<unsigned char>(c));
  return in_quotes(text);
}

Probe::Finding TcpProbe::receive(std::string_view bytes) {
  if (!expects_response()) return {};  // bytes that no setting expects
  answer_.append(bytes.substr(0, kAnswerLimit - answer_.size()));
  if (answer_.find(expected()) != std::string::npos) return {Finding::Is::good, {}};
  if (answer_.size() < kAnswerLimit) return {};
  return {Finding::Is::bad, "no " + shown() + " in the first 4096 bytes"};
}

Probe::Finding TcpProbe::receive_end() {
  if (!expects_response()) return {Finding::Is::bad, "closed before all was sent"};
  return {Finding::Is::bad, "closed before " + shown()};
}

}  // namespace weir

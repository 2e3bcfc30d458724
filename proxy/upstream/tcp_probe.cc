#include "upstream/tcp_probe.h"

namespace weir {

Probe::Finding TcpProbe::hear(std::string_view bytes) {
  if (!wants_answer()) return {};  // it speaks before all is sent, and nobody listens
  answer_.append(bytes.substr(0, kAnswerLimit - answer_.size()));
  if (answer_.find(spec_.expect) != std::string::npos) return {Finding::Is::good, {}};
  if (answer_.size() < kAnswerLimit) return {};
  return {Finding::Is::bad, "no " + quoted(spec_.expect) + " in the first 4096 bytes"};
}

Probe::Finding TcpProbe::hear_end() {
  if (!wants_answer()) return {Finding::Is::bad, "closed before all was sent"};
  return {Finding::Is::bad, "closed before " + quoted(spec_.expect)};
}

}  // namespace weir

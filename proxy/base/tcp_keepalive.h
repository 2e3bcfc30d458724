// TCP keepalive of a connection: when the kernel probes a silent peer, and when it gives the
// connection up. A value of the configuration, which net/keepalive.h sets.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace weir {

struct TcpKeepalive {
  Duration idle = std::chrono::minutes(2);       // silence before the first probe; 0: off
  Duration interval = std::chrono::seconds(15);  // between probes
  uint32_t probes = 4;                           // without an answer, until the connection ends
  bool enabled() const { return idle > Duration::zero(); }
  static TcpKeepalive off() {
    TcpKeepalive result;
    result.idle = Duration::zero();
    return result;
  }
  friend bool operator==(const TcpKeepalive&, const TcpKeepalive&) = default;
};

}  // namespace weir

// A TlsPeer against weir in another process: steps that wait for the other side, with a timeout.
#pragma once

#include <poll.h>

#include "support/tls_peer.h"

namespace weir::test {

// The result of the handshake; `going_on` after the timeout.
inline TlsPeer::State handshake(TlsPeer& peer, Duration patience = kPatience) {
  const TimePoint until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const TlsPeer::State state = peer.step_handshake();
    if (state != TlsPeer::State::going_on || std::chrono::steady_clock::now() > until) return state;
    wait_ready(peer.socket().fd(), SSL_want_write(peer.ssl()) ? POLLOUT : POLLIN, 1s);
  }
}

// Receives until the input ends with `end`, the other side ends, or the timeout expires.
inline std::string receive_until(TlsPeer& peer, const std::string& end,
                                 Duration patience = kPatience) {
  const TimePoint until = std::chrono::steady_clock::now() + patience;
  std::string got;
  for (;;) {
    got += peer.receive();
    if (got.ends_with(end) || peer.ended() || peer.cut_off()) return got;
    if (std::chrono::steady_clock::now() > until) return got;
    wait_ready(peer.socket().fd(), POLLIN, 1s);
  }
}

}  // namespace weir::test

// An HttpFixture whose peers speak TLS: steps that let the loop under test turn in between.
#pragma once

#include "support/http_fixture.h"
#include "support/tls_peer.h"

namespace weir::test {

class TlsFixture : public HttpFixture {
 protected:
  // How the handshake has ended.
  TlsPeer::State shaken(TlsPeer& peer) {
    TlsPeer::State state = TlsPeer::State::going_on;
    EXPECT_TRUE(run_until([&] {
      state = peer.shake();
      return state != TlsPeer::State::going_on;
    })) << peer.error();
    return state;
  }
  // What comes until it holds `end`, or until the other side has ended.
  std::string text(TlsPeer& peer, const std::string& end) {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      got += peer.receive();
      return got.find(end) != std::string::npos || peer.ended() || peer.cut_off();
    })) << got;
    return got;
  }
};

}  // namespace weir::test

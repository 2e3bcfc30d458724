// An HttpFixture whose peers use TLS: its steps run the loop under test in between.
#pragma once

#include "support/http_fixture.h"
#include "support/tls_peer.h"

namespace weir::test {

class TlsFixture : public HttpFixture {
 protected:
  // The result of the handshake.
  TlsPeer::State handshake(TlsPeer& peer) {
    TlsPeer::State state = TlsPeer::State::going_on;
    EXPECT_TRUE(run_until([&] {
      state = peer.step_handshake();
      return state != TlsPeer::State::going_on;
    })) << peer.error();
    return state;
  }
  // Receives up to `end`, or to the end of the other side.
  std::string text(TlsPeer& peer, const std::string& end) {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      got += peer.receive();
      return got.find(end) != std::string::npos || peer.ended() || peer.cut_off();
    })) << got;
    return got;
  }
  // The response to one request. The backend answers "hello" if it receives it; responses of weir
  // itself end with a line break.
  std::string answer(TlsPeer& peer) {
    std::string got;
    Socket server;
    EXPECT_TRUE(run_until([&] {
      if (!server && wait_ready(backend.fd(), POLLIN, 1ms)) {
        server = backend.accept(1s);
        message(server);
        server.send(ok("hello", "Connection: close\r\n"));
      }
      got += peer.receive();
      const bool is_whole =
          got.ends_with("hello") || (got.ends_with('\n') && !got.ends_with("\r\n"));
      return is_whole || peer.ended() || peer.cut_off();
    })) << got;
    return got;
  }
};

// A listener "l" with TLS in front of the backend.
class TlsListenerFixture : public TlsFixture {
 protected:
  // `listener`: further keys of it.
  void secure(const std::string& tls, const std::string& listener = "protocol: http, cluster: c") {
    apply("listeners: [{ name: l, bind: '127.0.0.1:0', " + listener + ", tls: {" + tls +
          "} }]\nclusters:\n" + cluster_text("c", backend.address(), ""));
  }
  static std::string certificate(const IssuedFiles& files, const std::string& more = "") {
    return "certificates: [" + entry(files, more) + "]";
  }
  static std::string entry(const IssuedFiles& files, const std::string& more = "") {
    return "{ cert: '" + files.cert + "', key: '" + files.key + "'" + more + " }";
  }
  std::unique_ptr<TlsPeer> peer(const TlsPeer::Wish& wish) {
    return std::make_unique<TlsPeer>(client(), wish);
  }
  // One request and its response over an open connection.
  std::string exchanged(TlsPeer& peer, const std::string& request, Socket& server) {
    EXPECT_TRUE(peer.send(request));
    if (!server) server = accepted();
    const std::string seen = message(server);
    EXPECT_TRUE(server.send(ok("hello")));
    EXPECT_THAT(text(peer, "hello"), testing::StartsWith("HTTP/1.1 200 "));
    return seen;
  }
  uint64_t errors(TlsError error) { return cells("l").tls_errors[error].value; }

  TestAuthority authority;
  IssuedFiles site = authority.issue({.hosts = {"a.test"}, .common_name = "a"});
};

}  // namespace weir::test

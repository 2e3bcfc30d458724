// HTTP/2 through one worker: an HttpFixture whose clients are H2Peers. They receive and send before
// each turn of the loop. At the end of a test its clients leave, and no stream may be left.
#pragma once

#include <algorithm>
#include <cctype>

#include "http/websocket.h"
#include "support/h2_peer.h"
#include "support/http_fixture.h"

namespace weir::test {

class Http2Fixture : public HttpFixture {
 protected:
  Http2Fixture() {
    before_turn = [this] {
      for (const auto& peer : peers_) peer->step();
    };
  }
  ~Http2Fixture() override {
    before_turn = [] {};
  }  // the loop turns when the worker stops

  // A client that has begun with HTTP/2.
  H2Peer& h2() { return h2(client()); }
  H2Peer& h2(Socket socket, bool begins = true) {
    return *peers_.emplace_back(std::make_unique<H2Peer>(std::move(socket), begins));
  }

  // A request that has arrived at the backend, over the next connection to it.
  struct Call {
    H2Peer& peer;
    uint32_t id;
    Socket server;
    std::string head;     // as the backend receives it
    std::string request;  // the same in lower case
    H2Peer::Stream& stream() const { return peer[id]; }
  };
  Call called(H2Peer& peer, uint32_t id) {
    Call call{peer, id, accepted(), {}, {}};
    call.head = message(call.server);
    call.request = lower(call.head);
    return call;
  }
  Call called_get(H2Peer& peer, const std::string& path = "/") {
    return called(peer, peer.get(path));
  }
  // POST without a length and without an end.
  Call called_upload(H2Peer& peer, const std::string& path = "/up",
                     const H2FieldList& fields = {}) {
    return called(peer, peer.ask("POST", path, fields, false));
  }
  // An extended CONNECT (RFC 8441).
  uint32_t ask_websocket(H2Peer& peer, const std::string& path = "/chat") {
    H2FieldList fields = H2Peer::request_fields("CONNECT", path, {{"sec-websocket-version", "13"}});
    fields.insert(fields.begin(), {":protocol", "websocket"});
    return peer.send_head(fields, false);
  }
  // The 101 with the accept for this key; empty: for the key of the request.
  static std::string switching(const Call& call, std::string key = {}) {
    constexpr std::string_view kName = "sec-websocket-key: ";
    const size_t at = call.request.find(kName);
    if (key.empty() && at != std::string::npos)
      key = call.head.substr(at + kName.size(), sizeof(WebSocketKey));
    const WebSocketAccept accept = accept_for(key);
    return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Accept: " +
           std::string(accept.data(), accept.size()) + "\r\n\r\n";
  }
  Call open_websocket(H2Peer& peer) {
    Call call = called(peer, ask_websocket(peer));
    EXPECT_TRUE(call.server.send(switching(call)));
    EXPECT_TRUE(has_status(peer, call.id, 200));
    return call;
  }
  // The backend sends the bytes, and the client the rest: until the stream is over.
  H2Peer::Stream& answered(Call& call, const std::string& response) {
    EXPECT_TRUE(call.server.send(response));
    return ended(call.peer, call.id);
  }
  H2Peer::Stream& ended(H2Peer& peer, uint32_t id) {
    EXPECT_TRUE(run_until([&] { return peer[id].over(); })) << "stream " << id;
    return peer[id];
  }
  using HttpFixture::ended;
  bool has_body(H2Peer& peer, uint32_t id, const std::string& end) {
    return run_until([&] { return peer[id].body.ends_with(end); });
  }
  bool has_status(H2Peer& peer, uint32_t id, unsigned status) {
    return run_until([&] { return peer[id].status == status; });
  }
  bool gets_goaways(H2Peer& peer, size_t n) {
    return run_until([&] { return peer.goaways.size() >= n; });
  }
  bool ends_with_fin(H2Peer& peer) {
    return run_until([&] { return peer.end() == Socket::End::fin; });
  }
  // Its connection is at its end, for this reason, when the client has closed, too.
  bool left_because(H2Peer& peer, EndReason reason) {
    peer.socket().close();
    return run_until([&] { return ended("l", reason) == 1; });
  }
  // The backend sends as much as is taken; returns how much.
  size_t send_all_that_is_taken(Socket& server, size_t most) {
    const std::string data(65536, 'd');
    size_t sent = 0;
    for (int quiet = 0; quiet < 8 && sent < most;) {
      const size_t n = server.send_some(std::string_view(data).substr(0, most - sent));
      quiet = n > 0 ? 0 : quiet + 1;
      sent += n;
      turns(3);
    }
    return sent;
  }
  int64_t buffered() { return worker.report().self.buffer_bytes.value; }
  uint64_t streams_ended(StreamEnd how) { return cells("l").http2_streams_ended[how].value; }
  uint64_t errors(H2ErrorReason reason) { return cells("l").http2_errors[reason].value; }
  static std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  }

  void TearDown() override {
    for (const auto& peer : peers_) peer->socket().reset();
    // A reset that came with bytes is found by a recheck of the socket.
    EXPECT_TRUE(run_until([&] {
      advance(100ms);
      return worker.active() == 0;
    }));
    EXPECT_EQ(cells("l").http2_streams_active.value, 0);
    HttpFixture::TearDown();
  }

 private:
  std::vector<std::unique_ptr<H2Peer>> peers_;
};

}  // namespace weir::test

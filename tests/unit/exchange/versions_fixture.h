// ExchangeFixture with a connection or a stream on either side, in all four combinations: a stream
// ends its body itself, and has trailers apart.
#pragma once

#include "unit/exchange/exchange_fixture.h"

namespace weir::test {

struct Sides {
  const char* name;
  bool client_stream, backend_stream;
  friend void PrintTo(const Sides& sides, std::ostream* out) { *out << sides.name; }
};

class VersionsFixture : public ExchangeFixture, public testing::WithParamInterface<Sides> {
 protected:
  VersionsFixture() {
    if (client_streams()) client.stream.carries_one_message();
    backend.streams = backend_streams();
  }
  static bool client_streams() { return GetParam().client_stream; }
  static bool backend_streams() { return GetParam().backend_stream; }

  void begin_upload(const std::string& path = "/") {
    ask("PUT " + path + " HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n");
  }
  static std::string framed(bool stream, const std::string& data) {
    return stream ? data : fmt::format("{:x}\r\n{}\r\n", data.size(), data);
  }
  static void end(FakeStream& body, bool stream, const std::string& trailers) {
    stream ? body.finishes(trailers) : body.sends("0\r\n" + trailers + "\r\n");
  }
  void client_sends(const std::string& data) {
    client.stream.sends(framed(client_streams(), data));
  }
  void client_ends(const std::string& trailers = "") {
    end(client.stream, client_streams(), trailers);
  }
  void answer_delimited() {
    backend.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  }
  void backend_sends(const std::string& data) {
    backend.stream->sends(framed(backend_streams(), data));
  }
  void backend_ends(const std::string& trailers = "") {
    end(*backend.stream, backend_streams(), trailers);
  }
  // The message ends with its head.
  void answer_bodiless(const std::string& head) {
    backend.heads.send(head);
    backend_streams() ? backend.stream->finishes() : backend.stream->become_readable();
  }

  // The body after the head; where it is complete, '|' and the trailers.
  static std::string body_of(const FakeStream& peer, bool stream) {
    std::string text = peer.received.substr(peer.received.find('>') + 1);
    if (stream) return text + (peer.ended ? "|" + peer.trailers_received : "");
    std::string body;
    while (!text.empty()) {
      const size_t size = std::stoul(text, nullptr, 16), data = text.find("\r\n") + 2;
      if (size == 0) return body + "|" + text.substr(data, text.size() - data - 2);
      body += text.substr(data, size);
      text.erase(0, data + size + 2);
    }
    return body;
  }
  std::string at_client() const { return body_of(client.stream, client_streams()); }
  std::string at_backend() const { return body_of(*backend.stream, backend_streams()); }

  // A tunnel by the means of the client's version, in so far as the backend answers.
  void ask_for_tunnel() {
    begin();
    if (client_streams()) return client.asks_for("websocket", "/chat");
    client.asks(
        "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  }
  void open_tunnel() {
    ask_for_tunnel();
    ASSERT_EQ(stage(), ExchangeStage::await_response);
    if (backend_streams()) return backend.answers("HTTP/1.1 200 OK\r\n\r\n");
    backend.answers(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
  }
};

// All four, for INSTANTIATE_TEST_SUITE_P.
inline auto all_sides() {
  return testing::Values(Sides{"ConnectionToConnection", false, false},
                         Sides{"ConnectionToStream", false, true},
                         Sides{"StreamToConnection", true, false},
                         Sides{"StreamToStream", true, true});
}
inline std::string name_of(const testing::TestParamInfo<Sides>& sides) {
  return sides.param.name;
}

}  // namespace weir::test

// HTTP/2 to backends with TLS: which version of HTTP the two agree on, and what follows from it for
// the requests that wait for the connection.
#include "http/websocket.h"
#include "support/h2_backend.h"
#include "support/h2_peer.h"
#include "support/tls_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using State = TlsPeer::State;

class Http2TlsBackendTest : public TlsFixture {
 protected:
  void secure(const std::string& protocol, const std::string& more = "") {
    serve("cluster: c, retry: { attempts: 0 }",
          "protocol: " + protocol + ", tls: { ca: '" + authority.file() + "' }" + more);
  }
  // The backend's end of the next connection, after a handshake in which it agrees on `alpn`.
  std::unique_ptr<TlsPeer> met(const std::vector<std::string>& alpn) {
    TlsPeer::Wish wish;
    wish.server = true;
    wish.certificate = here;
    wish.alpn = alpn;
    auto peer = std::make_unique<TlsPeer>(accepted(), wish);
    handshake(*peer);
    return peer;
  }
  std::unique_ptr<H2Accepted> with_http2(std::unique_ptr<TlsPeer> peer) {
    auto server = std::make_unique<H2Accepted>(std::move(peer));
    server->begin({});
    return server;
  }
  bool await_requests(H2Accepted& server, size_t n) {
    return run_until([&] {
      server.step();
      return server.requests.size() >= n;
    });
  }
  Socket asking(const std::string& path = "/") {
    Socket one = client();
    EXPECT_TRUE(one.send(get(path)));
    turns(3);
    return one;
  }
  std::string answer_to(Socket& socket, H2Accepted& server, const std::string& end) {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      server.step();
      got += socket.receive(4096, 1ms);
      return got.find(end) != std::string::npos;
    })) << got;
    return got;
  }
  BackendCells cells() { return backend_cells("c", backend.address().text()); }
  static std::string websocket() {
    return get("/chat",
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  }

  const std::vector<std::string> kBoth{"h2", "http/1.1"};
  TestAuthority authority;
  IssuedFiles here = authority.issue({.hosts = {"IP:127.0.0.1"}, .common_name = "here"});
};

TEST_F(Http2TlsBackendTest, BackendThatAgreesOnHttp2IsServedSo) {
  secure("http2");
  Socket one = asking();
  auto peer = met({"h2"});
  EXPECT_EQ(peer->alpn(), "h2");
  auto server = with_http2(std::move(peer));
  ASSERT_TRUE(await_requests(*server, 1));
  EXPECT_THAT(server->request(1).fields, HasSubstr(":scheme=https"));
  server->answer(1, "hello");
  EXPECT_THAT(answer_to(one, *server, "hello"), StartsWith("HTTP/1.1 200 "));
}

// RFC 9113 3.2.
TEST_F(Http2TlsBackendTest, BackendThatDoesNotAgreeOnHttp2IsNoBackend) {
  secure("http2");
  Socket one = asking();
  auto peer = met({});
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(cells().connect_errors[ConnectError::alpn].value, 1u);
}

TEST_F(Http2TlsBackendTest, BackendMayChooseHttp2) {
  secure("auto");
  Socket one = asking("/1"), two = asking("/2");
  auto server = with_http2(met({"h2", "http/1.1"}));
  ASSERT_TRUE(await_requests(*server, 2)) << "both have waited for one connection";
  server->answer(1, "first");
  server->answer(3, "second");
  EXPECT_THAT(answer_to(one, *server, "first"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer_to(two, *server, "second"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(cells().connects.value, 1u);
}

TEST_F(Http2TlsBackendTest, BackendMayChooseHttp1) {
  secure("auto");
  Socket one = asking("/1"), two = asking("/2");
  EXPECT_EQ(cells().connects.value, 1u) << "what the backend chooses is not known yet";
  auto first = met({"http/1.1"});
  EXPECT_THAT(text(*first, "\r\n\r\n"), StartsWith("GET /1 HTTP/1.1"));
  auto second = met({"http/1.1"});
  EXPECT_THAT(text(*second, "\r\n\r\n"), StartsWith("GET /2 HTTP/1.1"));
  EXPECT_TRUE(first->send(ok("one")));
  EXPECT_TRUE(second->send(ok("two")));
  EXPECT_THAT(until(one, "one"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(until(two, "two"), StartsWith("HTTP/1.1 200 "));
  // Kept as any connection of HTTP/1.
  EXPECT_EQ(cells().idle.value, 2);
  Socket three = asking("/3");
  EXPECT_EQ(cells().connects.value, 2u);
}

TEST_F(Http2TlsBackendTest, ChoiceOfTheBackendIsRemembered) {
  secure("auto");
  Socket one = asking("/1");
  auto first = met({"http/1.1"});
  text(*first, "\r\n\r\n");
  Socket two = asking("/2"), three = asking("/3");
  EXPECT_EQ(cells().connects.value, 3u) << "each has a connection of its own";
  auto second = with_http2(met({"h2"}));
  ASSERT_TRUE(await_requests(*second, 1)) << "each handshake may correct it";
  second->answer(1, "two");
  EXPECT_THAT(answer_to(two, *second, "two"), StartsWith("HTTP/1.1 200 "));
  Socket four = asking("/4");
  ASSERT_TRUE(await_requests(*second, 2));
}

// RFC 9113 7: the backend wants HTTP/1.1 for this request.
TEST_F(Http2TlsBackendTest, RequestThatRequiresHttp1IsSentOverIt) {
  secure("auto");
  Socket one = client();
  ASSERT_TRUE(one.send(post("/1", "body")));
  auto server = with_http2(met(kBoth));
  ASSERT_TRUE(await_requests(*server, 1));
  server->reset(1, H2Error::http_1_1_required);
  server->step();
  auto other = met(kBoth);
  EXPECT_EQ(other->alpn(), "http/1.1") << "weir offers nothing else";
  EXPECT_THAT(text(*other, "body"), StartsWith("POST /1 HTTP/1.1"));
  EXPECT_TRUE(other->send(ok("one")));
  EXPECT_THAT(until(one, "one"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(cluster_cells("c").retry_causes[RetryCause::refused_stream].value, 1u);
  EXPECT_EQ(cells().request_errors.sum(), 0u);
  Socket two = asking("/2");
  EXPECT_TRUE(await_requests(*server, 2)) << "other requests go on with HTTP/2";
}

TEST_F(Http2TlsBackendTest, RequestThatRequiresHttp1IsABadGatewayWithoutIt) {
  secure("http2");
  Socket one = asking();
  auto server = with_http2(met(kBoth));
  ASSERT_TRUE(await_requests(*server, 1));
  server->reset(1, H2Error::http_1_1_required);
  server->step();
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(cells().connects.value, 1u);
}

// Its body is no longer here.
TEST_F(Http2TlsBackendTest, LongRequestThatRequiresHttp1IsABadGateway) {
  secure("auto");
  Socket one = client();
  ASSERT_TRUE(one.send(post("/", std::string(50'000, 'x'))));
  auto server = with_http2(met(kBoth));
  ASSERT_TRUE(await_requests(*server, 1));
  ASSERT_TRUE(run_until([&] { return server->step(), server->request(1).body.size() >= 20'000; }));
  server->reset(1, H2Error::http_1_1_required);
  server->step();
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 502 "));
}

// RFC 8441 3: the backend does not allow extended CONNECT.
TEST_F(Http2TlsBackendTest, WebSocketUsesHttp1WhereHttp2DoesNotAllowIt) {
  secure("auto", ", pool: { max_connections: 1 }");
  Socket one = client();
  ASSERT_TRUE(one.send(websocket()));
  auto server = with_http2(met(kBoth));
  for (int i = 0; i < 5; ++i) server->step(), turns(1);
  EXPECT_EQ(server->requests.size(), 0u);
  auto other = met(kBoth);
  EXPECT_EQ(other->alpn(), "http/1.1");
  EXPECT_THAT(text(*other, "\r\n\r\n"), HasSubstr("Upgrade: websocket\r\n"));
  EXPECT_TRUE(
      other->send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  "Upgrade: websocket\r\n\r\nhello"));
  EXPECT_THAT(until(one, "hello"), StartsWith("HTTP/1.1 101 "));
}

TEST_F(Http2TlsBackendTest, WebSocketOfAClientWithHttp2UsesHttp1WhereHttp2DoesNotAllowIt) {
  secure("auto");
  H2Peer peer(client());
  before_turn = [&] { peer.step(); };
  H2FieldList fields =
      H2Peer::request_fields("CONNECT", "/chat", {{"sec-websocket-version", "13"}});
  fields.insert(fields.begin(), {":protocol", "websocket"});
  const uint32_t id = peer.send_head(fields, false);
  auto server = with_http2(met(kBoth));
  for (int i = 0; i < 5; ++i) server->step(), turns(1);
  auto other = met(kBoth);
  const std::string head = text(*other, "\r\n\r\n");
  const size_t key = head.find("Sec-WebSocket-Key: ");
  ASSERT_NE(key, std::string::npos) << head;
  const WebSocketAccept accept = accept_for(std::string_view(head).substr(key + 19, 24));
  EXPECT_TRUE(
      other->send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  "Upgrade: websocket\r\nSec-WebSocket-Accept: " +
                  std::string(accept.data(), accept.size()) + "\r\n\r\nhello"));
  EXPECT_TRUE(run_until([&] { return peer[id].body == "hello"; }));
  EXPECT_EQ(peer[id].status, 200u);
  before_turn = [] {};
}

TEST_F(Http2TlsBackendTest, WebSocketIsABadGatewayWhereHttp2DoesNotAllowItAndNothingElseIsAllowed) {
  secure("http2");
  Socket one = client();
  ASSERT_TRUE(one.send(websocket()));
  auto server = with_http2(met(kBoth));
  for (int i = 0; i < 5; ++i) server->step(), turns(1);
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 502 "));
  EXPECT_EQ(cells().connects.value, 1u);
}

// It would keep the places on the shared connection from all requests behind it.
TEST_F(Http2TlsBackendTest, RequestThatRequiresHttp1DoesNotWaitForRoom) {
  secure("auto", ", pool: { max_connections: 1 }");
  Socket busy = asking("/busy");
  auto server = with_http2(met(kBoth));
  ASSERT_TRUE(await_requests(*server, 1));
  Socket one = client();
  ASSERT_TRUE(one.send(websocket()));
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 503 "));
  server->answer(1, "busy");
  EXPECT_THAT(answer_to(busy, *server, "busy"), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace weir::test

// Upgrade: weir offers the backend exactly the protocols that the client offers and the route
// allows, and the backend may only switch to one of them (RFC 9110 7.8).
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpUpgradeTest : public HttpFixture {
 protected:
  void serve_upgrade(const std::string& protocols) {
    serve("routes: [{ match: { path_prefix: / }, cluster: c, upgrade: [" + protocols + "] }]");
  }
  static std::string offer(const std::string& protocols) {
    return get("/", "Connection: Upgrade\r\nUpgrade: " + protocols + "\r\n");
  }
  // The Upgrade field that the backend receives; empty: none.
  std::string offered(const std::string& request) {
    Sides sides = asked(request);
    sides.server.close();
    const size_t at = sides.request.find("\r\nUpgrade: ");
    if (at == std::string::npos) return "";
    EXPECT_EQ(sides.request.find("\r\nUpgrade: ", at + 1), std::string::npos) << sides.request;
    EXPECT_THAT(sides.request, HasSubstr("\r\nConnection: upgrade\r\n"));
    return sides.request.substr(at + 11, sides.request.find("\r\n", at + 11) - at - 11);
  }
  // The first line that the client receives when the backend switches to this.
  std::string switched(const std::string& request, const std::string& fields) {
    Sides sides = asked(request);
    const std::string head =
        answered(sides, "HTTP/1.1 101 Switching Protocols\r\n" + fields + "\r\n");
    sides.client.close();
    rest(sides.server);
    return head.substr(0, 12);
  }
  static constexpr const char* kSwitched = "HTTP/1.1 101";
  static constexpr const char* kRefused = "HTTP/1.1 502";
};

TEST_F(HttpUpgradeTest, OffersOnlyWhatTheRouteAllows) {
  serve();
  EXPECT_EQ(offered(offer("websocket, foo")), "websocket");
  EXPECT_EQ(offered(offer("foo, websocket")), "websocket");
  EXPECT_EQ(offered(offer("foo, bar")), "");
  EXPECT_EQ(offered(offer("h2c, websocket")), "websocket");
}

TEST_F(HttpUpgradeTest, OffersAllAllowedProtocolsInTheOrderOfTheClient) {
  serve_upgrade("websocket, x-a, x-b");
  EXPECT_EQ(offered(offer("x-b,  foo ,X-A/2,\twebsocket")), "x-b, X-A/2, websocket");
}

TEST_F(HttpUpgradeTest, ReadsAListOverSeveralLinesInAnyCase) {
  serve();
  EXPECT_EQ(offered(get("/",
                        "UPGRADE: foo\r\nConnection: keep-alive\r\nConnection: x, uPGRADE\r\n"
                        "upgrade: ,WebSocket,\r\n")),
            "WebSocket");
  EXPECT_EQ(offered(get("/", "Upgrade: websocket\r\nConnection: keep-alive\r\n")), "")
      << "Connection does not name it";
}

TEST_F(HttpUpgradeTest, VersionInTheRouteIsTheOnlyOneAndANameAllowsAll) {
  serve_upgrade("SPDY/3.1, TLS");
  EXPECT_EQ(offered(offer("SPDY/3.1")), "SPDY/3.1");
  EXPECT_EQ(offered(offer("spdy/3.1")), "spdy/3.1") << "the case of names makes no difference";
  EXPECT_EQ(offered(offer("SPDY/3, SPDY, SPDY/3.10")), "");
  EXPECT_EQ(offered(offer("tls/1.0, TLS/1.2, TLS")), "tls/1.0, TLS/1.2, TLS");
  EXPECT_EQ(switched(offer("SPDY/3.1"), "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"), kSwitched);
}

TEST_F(HttpUpgradeTest, SwitchToAnotherProtocolIsRefusedAndLogged) {
  LogCapture log;
  serve();
  const std::string both = offer("websocket, foo");
  EXPECT_EQ(switched(both, "Connection: upgrade\r\nUpgrade: foo\r\n"), kRefused);
  EXPECT_EQ(switched(both, "Connection: upgrade\r\nUpgrade: websocket, foo\r\n"), kRefused);
  EXPECT_EQ(switched(both, "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: foo\r\n"),
            kRefused);
  EXPECT_EQ(switched(offer("foo"), "Connection: upgrade\r\nUpgrade: foo\r\n"), kRefused);
  EXPECT_EQ(switched(both, "Upgrade: websocket\r\n"), kRefused) << "Connection does not name it";
  EXPECT_TRUE(has_line(log.events(), {"backend.malformed_response", "not offered"}));
}

TEST_F(HttpUpgradeTest, ResponseMayHaveAnyFormOfList) {
  serve_upgrade("websocket, x-a");
  const std::string both = offer("x-a, WebSocket");
  EXPECT_EQ(switched(both, "Connection: keep-alive, UPGRADE\r\nUpgrade: websocket\r\n"), kSwitched);
  EXPECT_EQ(switched(both, "Connection: upgrade\r\nUpgrade: ,websocket ,\r\n"), kSwitched);
  EXPECT_EQ(switched(both, "Connection: upgrade\r\nUpgrade: x-a\r\nUpgrade: websocket\r\n"),
            kSwitched)
      << "layers, RFC 9110 7.8";
}

TEST_F(HttpUpgradeTest, NoneOffersNothing) {
  serve_upgrade("none");
  EXPECT_EQ(offered(offer("websocket")), "");
  EXPECT_EQ(switched(offer("websocket"), "Connection: upgrade\r\nUpgrade: websocket\r\n"),
            kRefused);
}

}  // namespace
}  // namespace weir::test

// The rules for fields apply to every head and every trailer that weir relays: `remove` and `set`
// of a route, server_header, hop-by-hop fields.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpFieldRulesTest : public HttpFixture {
 protected:
  void serve_rules(const std::string& server_header) {
    serve("server_header: " + server_header +
          ", routes: [{ match: { path_prefix: / }, cluster: c, upgrade: [websocket], headers: { "
          "response: { remove: [X-Inner], set: { X-Set: weir }, add: { X-Add: more } }, "
          "request: { remove: [X-Inner], set: { X-Set: weir } } } }]");
  }
  // The fields of a backend that the rules change.
  static constexpr const char* kFields =
      "Server: inner/1\r\nX-Inner: SECRET\r\nX_Inner: SECRET\r\nX-Set: SECRET\r\n"
      "Connection: x-hop\r\nX-Hop: SECRET\r\nKeep-Alive: timeout=SECRET\r\nX-Kept: 1\r\n";
  static std::string interim(const std::string& status) {
    return "HTTP/1.1 " + status + "\r\n" + kFields + "\r\n";
  }
  // The same names as trailers.
  static constexpr const char* kTrailers =
      "Server: SECRET\r\nX-Inner: SECRET\r\nX_Inner: SECRET\r\nX-Set: SECRET\r\nX-Hop: SECRET\r\n"
      "Content-Length: SECRET\r\nX-Kept: 1\r\n";
};

TEST_F(HttpFieldRulesTest, InterimResponsesObeyRemoveAndSetAndServerHeader) {
  for (const std::string server : {"remove", "edge"}) {
    serve_rules(server);
    for (const std::string status : {"100 Continue", "102 Processing", "103 Early Hints"}) {
      Sides sides = asked(get("/"));
      ASSERT_TRUE(sides.server.send(interim(status)));
      EXPECT_EQ(message(sides.client), "HTTP/1.1 " + status + "\r\nX-Kept: 1\r\n\r\n");
      const std::string head = answered(sides, ok("", kFields));
      EXPECT_THAT(head, Not(testing::ContainsRegex("SECRET|inner/1")));
      EXPECT_THAT(head, HasSubstr("X-Set: weir\r\nX-Add: more\r\n"));
      sides.server.close();  // the next request uses its own connection
    }
  }
}

TEST_F(HttpFieldRulesTest, InterimResponsesKeepTheServerFieldByDefault) {
  serve();
  Sides sides = asked(get("/"));
  EXPECT_EQ(answered(sides, "HTTP/1.1 103 Early Hints\r\nServer: inner/1\r\n\r\n"),
            "HTTP/1.1 103 Early Hints\r\nServer: inner/1\r\n\r\n");
  answered(sides, ok(""));
}

TEST_F(HttpFieldRulesTest, SwitchOfProtocolsObeysTheRules) {
  for (const std::string server : {"remove", "edge"}) {
    serve_rules(server);
    Sides sides = asked(get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n"));
    const std::string head =
        answered(sides, std::string("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n") +
                            kFields + "Connection: upgrade\r\n\r\n");
    EXPECT_THAT(head, StartsWith("HTTP/1.1 101 "));
    EXPECT_THAT(head, Not(testing::ContainsRegex("SECRET|inner/1")));
    EXPECT_THAT(head, HasSubstr("X-Set: weir\r\nX-Add: more\r\n"));
    if (server == "edge") {
      EXPECT_THAT(head, HasSubstr("Server: edge\r\n"));
    }
    sides.client.close();
    rest(sides.server);
  }
}

TEST_F(HttpFieldRulesTest, TrailersOfAResponseObeyTheRulesOfItsRoute) {
  serve_rules("remove");
  Sides sides = asked(get("/"));
  ASSERT_TRUE(sides.server.send(
      std::string("HTTP/1.1 200 OK\r\nConnection: x-hop\r\nTransfer-Encoding: chunked\r\n\r\n") +
      "1\r\na\r\n0\r\n" + kTrailers + "\r\n"));
  EXPECT_THAT(with_trailers(sides.client), EndsWith("a\r\n0\r\nX-Kept: 1\r\n\r\n"));
}

TEST_F(HttpFieldRulesTest, TrailersOfARequestObeyTheRulesOfItsRoute) {
  serve_rules("remove");
  Sides sides =
      asked(std::string("POST / HTTP/1.1\r\nHost: a\r\nConnection: x-hop\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n1\r\na\r\n0\r\n") +
            kTrailers + "X-Forwarded-For: SECRET\r\nX-Forwarded-Ssl: SECRET\r\n\r\n");
  EXPECT_EQ(message(sides.server), "1\r\na\r\n0\r\nX-Kept: 1\r\n\r\n");
  answered(sides, ok(""));
}

TEST_F(HttpFieldRulesTest, EveryXForwardedFieldOfAnUntrustedPeerIsRemoved) {
  serve();
  const std::string request = asked(get("/",
                                        "X-Forwarded-Ssl: SECRET\r\nX-FORWARDED-User: SECRET\r\n"
                                        "X_Forwarded_Scheme: SECRET\r\nX-Forwarder: 1\r\n"))
                                  .request;
  EXPECT_THAT(request, Not(HasSubstr("SECRET")));
  EXPECT_THAT(request, HasSubstr("X-Forwarder: 1\r\n"));
}

TEST_F(HttpFieldRulesTest, TrustedPeerMaySetUnknownXForwardedFields) {
  serve("cluster: c, trusted_proxies: [127.0.0.1]");
  EXPECT_THAT(asked(get("/", "X-Forwarded-Ssl: on\r\n")).request,
              HasSubstr("X-Forwarded-Ssl: on\r\n"));
}

}  // namespace
}  // namespace weir::test

// Which fields of a request reach the backend, and which fields of a response reach the client.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

// The number of such lines: "Name: value".
size_t lines(const std::string& head, const std::string& line) {
  size_t n = 0;
  for (size_t at = 0; (at = head.find("\r\n" + line, at)) != std::string::npos; ++at) ++n;
  return n;
}

class HttpFieldsTest : public HttpFixture {
 protected:
  // The head that the backend receives, and the head that the client receives.
  std::string relayed(const std::string& request) {
    Sides sides = asked(request);
    sides.server.close();  // the next request uses its own connection
    return sides.request;
  }
  std::string returned(const std::string& response, const std::string& request = get("/")) {
    Sides sides = asked(request);
    EXPECT_TRUE(sides.server.send(response));
    const std::string head = message(sides.client);
    sides.server.close();
    return head;
  }
};

TEST_F(HttpFieldsTest, AbsoluteTargetOverridesHostAndIsForwardedAsAPath) {
  serve();
  const std::string head =
      relayed("GET http://real.example:81/a?b HTTP/1.1\r\nHost: other.example\r\n\r\n");
  EXPECT_THAT(head, StartsWith("GET /a?b HTTP/1.1\r\nHost: real.example:81\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("other.example")));
  EXPECT_THAT(relayed("GET http://real.example HTTP/1.1\r\nHost: x\r\n\r\n"),
              StartsWith("GET / HTTP/1.1\r\nHost: real.example\r\n"));
  EXPECT_THAT(relayed("GET http://real.example?q HTTP/1.1\r\nHost: x\r\n\r\n"),
              StartsWith("GET /?q HTTP/1.1\r\n"));
}

TEST_F(HttpFieldsTest, OptionsForTheServerKeepsItsAsterisk) {
  serve();
  EXPECT_THAT(relayed("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
              StartsWith("OPTIONS * HTTP/1.1\r\nHost: a\r\n"));
}

TEST_F(HttpFieldsTest, UnknownMethodsAreForwarded) {
  serve();
  for (const std::string method : {"PROPFIND", "FOO", "M-SEARCH", "get", "X!#$%&'*+-.^_`|~9"})
    EXPECT_THAT(relayed(method + " / HTTP/1.1\r\nHost: a\r\n\r\n"),
                StartsWith(method + " / HTTP/1.1\r\n"));
}

TEST_F(HttpFieldsTest, OneEmptyLineBeforeARequestIsIgnored) {
  serve();
  EXPECT_THAT(relayed("\r\n" + get("/")), StartsWith("GET / HTTP/1.1\r\n"));
}

TEST_F(HttpFieldsTest, HeadMayArriveInAnyTwoParts) {
  serve();
  const std::string request = post("/x?y=z", "body", "X-A: 1\r\nX-B:  two \t\r\n");
  Sides sides = asked(request);
  const std::string whole = sides.request + until(sides.server, "body");
  answered(sides, ok(""));
  const auto without_id = [](std::string head) {
    const size_t at = head.find("X-Request-Id: ");
    return head.erase(at, head.find('\n', at) - at);
  };
  for (size_t split = 1; split < request.size(); ++split) {
    ASSERT_TRUE(sides.client.send(request.substr(0, split)));
    turns(3);
    ASSERT_TRUE(sides.client.send(request.substr(split)));
    ASSERT_EQ(without_id(until(sides.server, "body")), without_id(whole)) << split;
    ASSERT_THAT(answered(sides, ok("")), StartsWith("HTTP/1.1 200 ")) << split;
  }
}

TEST_F(HttpFieldsTest, ResponseMayArriveInAnyTwoParts) {
  serve();
  const std::string response =
      "HTTP/1.1 200 OK\r\nDate: today\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n"
      "3;x\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n";
  Sides sides = asked(get("/"));
  for (size_t split = 1; split < response.size(); ++split) {
    ASSERT_TRUE(sides.server.send(response.substr(0, split)));
    turns(3);
    ASSERT_TRUE(sides.server.send(response.substr(split)));
    const std::string got = until(sides.client, "X-T: 1\r\n\r\n");
    ASSERT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\nDate: today\r\nX-A: 1\r\n")) << split;
    std::string body = got.substr(got.find("\r\n\r\n") + 4);
    std::string data;
    for (char c : body.substr(0, body.rfind("0\r\n")))
      if (c >= 'a' && c <= 'e') data += c;
    ASSERT_EQ(data, "abcde") << got;
    ask_again(sides, get("/"));
  }
}

TEST_F(HttpFieldsTest, HopByHopFieldsOfRequestsAreRemoved) {
  serve();
  const std::string head = relayed(get(
      "/",
      "Connection: keep-alive, x-one\r\nConnection: X-Two\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\n"
      "Keep-Alive: 300\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nTrailer: X-T\r\n"
      "Proxy-Authorization: Basic x\r\nHTTP2-Settings: AAA\r\n"));
  for (const std::string name : {"Connection", "X-One", "X-Two", "Keep-Alive", "Proxy-Connection",
                                 "TE", "Trailer", "Proxy-Authorization", "HTTP2-Settings"})
    EXPECT_EQ(lines(head, name + ":"), 0u) << head;
  EXPECT_EQ(lines(head, "X-Three: 3\r\n"), 1u);
}

TEST_F(HttpFieldsTest, HopByHopFieldsOfResponsesAreRemoved) {
  serve();
  const std::string head = returned(
      "HTTP/1.1 200 OK\r\nConnection: close, x-one\r\nX-One: 1\r\nX-Two: 2\r\nKeep-Alive: "
      "timeout=5\r\n"
      "Proxy-Connection: close\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTrailer: X\r\n"
      "Content-Length: 0\r\n\r\n");
  for (const std::string name : {"Connection", "X-One", "Keep-Alive", "Proxy-Connection",
                                 "Proxy-Authenticate", "Upgrade", "Trailer"})
    EXPECT_EQ(lines(head, name + ":"), 0u) << head;
  EXPECT_EQ(lines(head, "X-Two: 2\r\n"), 1u);
}

TEST_F(HttpFieldsTest, HostileConnectionListRemovesNoProtectedField) {
  serve("cluster: c, via: true");
  Sides sides = asked(post("/", "abc",
                           "Connection: content-length, host, x-forwarded-for, x-forwarded-proto, "
                           "x-request-id, via, authorization, cookie, transfer-encoding, close\r\n"
                           "Authorization: a\r\nCookie: b\r\n"));
  EXPECT_EQ(until(sides.server, "abc"), "abc");
  for (const std::string line :
       {"Host: example.com\r\n", "Content-Length: 3\r\n", "X-Forwarded-For: 127.0.0.1\r\n",
        "X-Forwarded-Proto: http\r\n", "X-Request-Id: ", "Via: 1.1 weir\r\n",
        "Authorization: a\r\n", "Cookie: b\r\n"})
    EXPECT_EQ(lines(sides.request, line), 1u) << line << sides.request;
  EXPECT_THAT(answered(sides, ok("")), HasSubstr("Connection: close\r\n")) << "as it asked";
}

TEST_F(HttpFieldsTest, UpgradeIsForwardedWithoutH2c) {
  serve();
  const std::string alone = relayed(
      get("/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"));
  EXPECT_THAT(alone, Not(testing::ContainsRegex("[Uu]pgrade|h2c|Settings")));
  const std::string with = relayed(get("/", "Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n"));
  EXPECT_THAT(with, Not(HasSubstr("H2C")));
  EXPECT_THAT(relayed(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n")),
              HasSubstr("Upgrade: websocket\r\n"));
  EXPECT_THAT(relayed(get("/", "Upgrade: websocket\r\n")), Not(HasSubstr("websocket")))
      << "Connection does not name it";
  EXPECT_THAT(relayed(get("/", "Connection: upgrade\r\nUpgrade: tea\r\n")), Not(HasSubstr("tea")))
      << "the route does not allow it";
}

TEST_F(HttpFieldsTest, ForwardedFieldsOfUntrustedClientsAreRemovedWithTheirAliases) {
  serve();
  const std::string head = relayed(get(
      "/",
      "X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded_For: 6.6.6.6\r\n"
      "x.forwarded.for: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
      "X_Forwarded_Host: evil\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n"
      "Content_Length: 5\r\nTransfer_Encoding: chunked\r\nX-Request-Id: evil\r\nX_Kept: 1\r\n"));
  EXPECT_THAT(head, Not(testing::ContainsRegex("6\\.6\\.6\\.6|evil|https|chunked|Content.Length")));
  EXPECT_EQ(lines(head, "X-Forwarded-For: 127.0.0.1\r\n"), 1u);
  EXPECT_EQ(lines(head, "X-Forwarded-Proto: http\r\n"), 1u);
  EXPECT_EQ(lines(head, "X-Forwarded-Host: example.com\r\n"), 1u);
  EXPECT_EQ(lines(head, "X_Kept: 1\r\n"), 1u);
}

TEST_F(HttpFieldsTest, ForwardedFieldsOfTrustedProxiesAreKeptAndExtended) {
  serve("cluster: c, trusted_proxies: 127.0.0.0/8, forwarded: both");
  const std::string head = relayed(
      get("/",
          "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nX-Forwarded-Proto: https\r\n"
          "X-Forwarded-Host: outer.example\r\nForwarded: for=1.2.3.4\r\nX-Request-Id: abc-1\r\n"
          "X_Forwarded_For: 6.6.6.6\r\nX-Real-IP: 1.2.3.4\r\n"));
  EXPECT_EQ(lines(head, "X-Forwarded-For: 1.2.3.4, 5.6.7.8, 127.0.0.1\r\n"), 1u) << head;
  EXPECT_EQ(lines(head, "X-Forwarded-Proto: https\r\n"), 1u);
  EXPECT_EQ(lines(head, "X-Forwarded-Host: outer.example\r\n"), 1u);
  EXPECT_EQ(lines(head, "Forwarded: for=1.2.3.4, for=127.0.0.1;host=example.com;proto=http\r\n"),
            1u);
  EXPECT_EQ(lines(head, "X-Request-Id: abc-1\r\n"), 1u);
  EXPECT_EQ(lines(head, "X-Real-IP: 1.2.3.4\r\n"), 1u);
  EXPECT_THAT(head, Not(HasSubstr("6.6.6.6")));
}

TEST_F(HttpFieldsTest, ForwardsTheSchemeOfATrustedForwardedField) {
  serve("cluster: c, trusted_proxies: 127.0.0.1");
  const std::string head = relayed(get("/", "Forwarded: for=1.2.3.4;proto=https\r\n"));
  EXPECT_EQ(lines(head, "X-Forwarded-Proto: https\r\n"), 1u) << head;
}

TEST_F(HttpFieldsTest, ForwardsTheClientOfATrustedForwardedField) {
  serve("cluster: c, trusted_proxies: 127.0.0.1");
  const std::string head = relayed(get("/", "Forwarded: for=6.6.6.6, for=1.2.3.4\r\n"));
  EXPECT_EQ(lines(head, "X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\n"), 1u) << head;
}

TEST_F(HttpFieldsTest, LogsTheClientThatATrustedProxyReportsAndThePeer) {
  serve("trusted_proxies: [127.0.0.1, 10.0.0.0/8], routes: [{ respond: { status: 204 } }]");
  LogCapture log;
  answer_to(get("/xff", "X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.1.1\r\n"));
  answer_to(get("/forwarded", "Forwarded: for=6.6.6.6, for=\"[2001:db8::1]:80\";proto=https\r\n"));
  answer_to(get("/hidden", "Forwarded: for=6.6.6.6, for=_hidden\r\n"));
  answer_to(get("/direct"));
  answer_to(get("/both", "X-Forwarded-For: 203.0.113.8\r\nForwarded: for=6.6.6.6\r\n"));
  const std::string lines = log.access();
  EXPECT_TRUE(has_line(lines, {"path=/xff", "client=203.0.113.7 peer=127.0.0.1:"}));
  EXPECT_TRUE(has_line(lines, {"path=/forwarded", "client=2001:db8::1 peer=127.0.0.1:"}));
  EXPECT_TRUE(has_line(lines, {"path=/hidden", "client=127.0.0.1:"}));
  EXPECT_TRUE(has_line(lines, {"path=/direct", "client=127.0.0.1:"}));
  EXPECT_TRUE(has_line(lines, {"path=/both", "client=203.0.113.8 peer=127.0.0.1:"}));
  EXPECT_FALSE(has_line(lines, {"path=/direct", "peer="}));
  EXPECT_THAT(lines, Not(HasSubstr("6.6.6.6")));
}

TEST_F(HttpFieldsTest, LogsAnUntrustedPeerAsTheClient) {
  serve("trusted_proxies: 10.0.0.0/8, routes: [{ respond: { status: 204 } }]");
  LogCapture log;
  answer_to(get("/", "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n"));
  const std::string lines = log.access();
  EXPECT_TRUE(has_line(lines, {"status=204", "client=127.0.0.1:"}));
  EXPECT_THAT(lines, Not(testing::ContainsRegex("6\\.6\\.6\\.6|peer=")));
}

TEST_F(HttpFieldsTest, EachRequestHasItsOwnId) {
  serve();
  const auto id = [](const std::string& head) {
    const size_t at = head.find("X-Request-Id: ") + 14;
    return head.substr(at, head.find('\r', at) - at);
  };
  const std::string first = id(relayed(get("/"))), second = id(relayed(get("/")));
  EXPECT_THAT(first, MatchesRegex("[0-9a-f]{16}"));
  EXPECT_NE(first, second);
}

TEST_F(HttpFieldsTest, ViaIsAddedInBothDirectionsWhenConfigured) {
  serve("cluster: c, via: true");
  Sides sides = asked(get("/", "Via: 1.0 before\r\n"));
  EXPECT_EQ(lines(sides.request, "Via: 1.0 before\r\n"), 1u);
  EXPECT_EQ(lines(sides.request, "Via: 1.1 weir\r\n"), 1u);
  EXPECT_EQ(
      lines(answered(sides, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), "Via: 1.0 weir\r\n"),
      1u);
}

TEST_F(HttpFieldsTest, ViaIsUnchangedByDefault) {
  serve();
  Sides sides = asked(get("/", "Via: 1.0 before\r\n"));
  EXPECT_EQ(lines(sides.request, "Via: "), 1u);
  EXPECT_EQ(lines(answered(sides, ok("")), "Via: "), 0u);
}

TEST_F(HttpFieldsTest, DateIsAddedOnlyWhenMissing) {
  serve();
  const std::string kept = returned("HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(lines(kept, "Date: then\r\n"), 1u);
  EXPECT_EQ(lines(kept, "Date: "), 1u);
  EXPECT_THAT(returned(ok("")),
              testing::ContainsRegex("\r\nDate: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} "
                                     "[0-9:]{8} GMT\r\n"));
}

TEST_F(HttpFieldsTest, ServerFieldIsRelayedByDefault) {
  serve();
  EXPECT_EQ(lines(returned(ok("", "Server: nginx/1\r\n")), "Server: nginx/1\r\n"), 1u);
}

TEST_F(HttpFieldsTest, ServerFieldIsRemovedWhenConfigured) {
  serve("cluster: c, server_header: remove");
  EXPECT_EQ(lines(returned(ok("", "Server: nginx/1\r\n")), "Server:"), 0u);
}

TEST_F(HttpFieldsTest, ServerFieldIsReplacedAlsoInAnswersOfWeir) {
  serve("server_header: front, routes: [{ match: { path: /b }, cluster: c }]");
  const std::string head = returned(ok("", "Server: nginx/1\r\n"), get("/b"));
  EXPECT_EQ(lines(head, "Server: front\r\n"), 1u);
  EXPECT_EQ(lines(head, "Server:"), 1u);
  EXPECT_EQ(lines(answer_to(get("/")), "Server: front\r\n"), 1u);
}

TEST_F(HttpFieldsTest, RoutesEditAlsoFieldsThatConnectionNames) {
  serve(
      "routes: [{ match: { path_prefix: / }, cluster: c, headers: { request: { set: { X-Set: new "
      "}, "
      "add: { X-Add: more }, remove: [X-Gone] }, response: { set: { X-Frame: deny }, remove: "
      "[X-Inner] } } }]");
  Sides sides = asked(get("/",
                          "Connection: x-set, x-add\r\nX-Set: old\r\nx_set: old\r\nX-Add: one\r\n"
                          "X-Gone: 1\r\nX_Gone: 1\r\n"));
  EXPECT_EQ(lines(sides.request, "X-Set: new\r\n"), 1u) << sides.request;
  EXPECT_EQ(lines(sides.request, "X-Add: more\r\n"), 1u);
  EXPECT_THAT(sides.request, Not(testing::ContainsRegex("old|X.Gone")));
  const std::string head = answered(sides, ok("", "X-Frame: allow\r\nX-Inner: 1\r\n"));
  EXPECT_EQ(lines(head, "X-Frame: deny\r\n"), 1u);
  EXPECT_THAT(head, Not(testing::ContainsRegex("allow|X-Inner")));
}

}  // namespace
}  // namespace weir::test

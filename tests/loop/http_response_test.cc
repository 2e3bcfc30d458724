// Responses: interim ones, responses without a body, responses that are not HTTP, and responses to
// HTTP/1.0 clients.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpResponseTest : public HttpFixture {
 protected:
  void SetUp() override { serve(); }
  static std::string old(const std::string& path, const std::string& fields = "") {
    return "GET " + path + " HTTP/1.0\r\nHost: a\r\n" + fields + "\r\n";
  }
  static constexpr const char* kExpecting =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
};

TEST_F(HttpResponseTest, OnlyTheBackendSendsA100) {
  Sides sides = asked(kExpecting);
  EXPECT_THAT(sides.request, HasSubstr("Expect: 100-continue\r\n"));
  EXPECT_TRUE(receives_nothing(sides.client)) << "weir does not make one";
  ASSERT_TRUE(sides.server.send("HTTP/1.1 100 Continue\r\n\r\n"));
  EXPECT_EQ(message(sides.client), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(sides.client.send("abc"));
  EXPECT_EQ(bytes(sides.server, 3), "abc");
  const std::string head = answered(sides, ok(""));
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(head, Not(HasSubstr("Connection: close")));
  EXPECT_THAT(ask_again(sides, get("/next")), StartsWith("GET /next "));
}

TEST_F(HttpResponseTest, FinalResponseInsteadOfA100ClosesBothConnections) {
  Sides sides = asked(kExpecting);
  EXPECT_THAT(answered(sides, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
              HasSubstr("\r\nConnection: close\r\n"))
      << "the body may still come, and would be taken for a request";
  EXPECT_TRUE(ends_as(sides.client, Socket::End::fin));
  rest(sides.server);
}

TEST_F(HttpResponseTest, ExpectationOfAnHttp10ClientIsIgnored) {
  Sides sides =
      asked("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(sides.request, Not(HasSubstr("Expect")));
  ASSERT_TRUE(sides.server.send("HTTP/1.1 100 Continue\r\n\r\n"));
  EXPECT_TRUE(receives_nothing(sides.client)) << "it does not know interim responses";
}

TEST_F(HttpResponseTest, InterimResponsesAreRelayedInOrder) {
  Sides sides = asked(get("/"));
  ASSERT_TRUE(
      sides.server.send("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n"
                        "Connection: x\r\nX: 1\r\n\r\n" +
                        ok("end")));
  const std::string all = until(sides.client, "end");
  EXPECT_THAT(all, StartsWith("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
                              "Link: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpResponseTest, Unrequested101IsA502) {
  for (const auto& [request, response] : std::vector<std::pair<std::string, std::string>>{
           {get("/"), "Connection: upgrade\r\nUpgrade: websocket\r\n"},
           {get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n"),
            "Connection: upgrade\r\nUpgrade: other\r\n"},
           {get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n"),
            "Connection: upgrade\r\nUpgrade: websocket, other\r\n"},
           {get("/", "Connection: upgrade\r\nUpgrade: websocket\r\n"), ""},
           {get("/", "Connection: upgrade\r\nUpgrade: h2c\r\n"),
            "Connection: upgrade\r\nUpgrade: h2c\r\n"}}) {
    Sides sides = asked(request);
    const std::string head =
        answered(sides, "HTTP/1.1 101 Switching Protocols\r\n" + response + "\r\nSECRET");
    EXPECT_THAT(head, StartsWith("HTTP/1.1 502 "));
    rest(sides.server);
    sides.client.finish();
    EXPECT_THAT(rest(sides.client), Not(HasSubstr("SECRET")));
  }
}

TEST_F(HttpResponseTest, InvalidResponseIsNotForwarded) {
  for (const std::string& response :
       {std::string("SECRET\r\n\r\n"), std::string("HTTP/2.0 200 SECRET\r\n\r\n"),
        std::string("ICY 200 SECRET\r\n\r\n"), std::string("HTTP/1.1 20 SECRET\r\n\r\n"),
        std::string("HTTP/1.1 2000 SECRET\r\n\r\n"), std::string("HTTP/1.1 099 SECRET\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\nX: SECRET\n\n"),
        std::string("HTTP/1.1 200 OK\r\nX: SECRET\r\n folded\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nX : SECRET\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nX: SEC\0RET\r\n\r\n", 32),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nTransfer-Encoding: "
                    "chunked\r\n\r\nSECRET"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 5\r\n\r\nSECRET"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 6\r\n\r\nSECRET"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: +6\r\n\r\nSECRET"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nSECRET"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nSECRET"),
        std::string(
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nSECRET\r\n0\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nX: SECRET") + std::string(70'000, 'x') + "\r\n\r\n"}) {
    SCOPED_TRACE(response.substr(0, 100));
    Sides sides = asked(get("/"));
    sides.server.send_some(response);
    const std::string answer = until(sides.client, "502 Bad Gateway\nrequest ");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 502 "));
    EXPECT_THAT(answer, Not(HasSubstr("SECRET")));
    rest(sides.server);
  }
}

TEST_F(HttpResponseTest, BytesAfterAResponseAreNotForwarded) {
  Sides sides = asked(get("/mine"));
  EXPECT_THAT(answered(sides, ok("") + ok("SECRET")), StartsWith("HTTP/1.1 200 "));
  Socket other = client();
  ASSERT_TRUE(other.send(get("/other")));
  Socket second = accepted();
  EXPECT_THAT(message(second), StartsWith("GET /other "));
  EXPECT_TRUE(receives_nothing(other));
  ASSERT_TRUE(second.send(ok("hers")));
  EXPECT_THAT(until(other, "hers"), Not(HasSubstr("SECRET")));
  ASSERT_TRUE(sides.client.send(get("/again")));
  EXPECT_THAT(message(second), StartsWith("GET /again "));
  rest(sides.server);
}

TEST_F(HttpResponseTest, BytesOnAnIdleKeptConnectionAreNotForwarded) {
  Sides sides = asked(get("/mine"));
  answered(sides, ok(""));
  turns(5);
  ASSERT_TRUE(sides.server.send(ok("SECRET")));
  ASSERT_TRUE(sides.client.send(get("/again")));
  Socket second = accepted();
  message(second);
  ASSERT_TRUE(second.send(ok("hers")));
  EXPECT_THAT(until(sides.client, "hers"), Not(HasSubstr("SECRET")));
}

TEST_F(HttpResponseTest, HeadAnd204And304HaveNoBodyDespiteTheirFields) {
  Sides sides = asked("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(answered(sides, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
  ask_again(sides, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(answered(sides, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
              HasSubstr("\r\nContent-Length: 100\r\n"));
  ask_again(sides, get("/"));
  EXPECT_THAT(answered(sides, "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n"),
              HasSubstr("\r\nContent-Length: 100\r\n"));
  ask_again(sides, get("/"));
  const std::string none = answered(sides, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_THAT(none, Not(testing::ContainsRegex("Content-Length|Transfer-Encoding")));
  ask_again(sides, get("/"));
  EXPECT_THAT(answered(sides, ok("x")), HasSubstr("Content-Length: 1\r\n"));
  EXPECT_EQ(bytes(sides.client, 1), "x");
}

TEST_F(HttpResponseTest, ConnectionClosesAfterA204ThatAnnouncesABody) {
  Sides sides = asked(get("/"));
  const std::string head =
      answered(sides, "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nSECRET");
  EXPECT_THAT(head, Not(HasSubstr("Content-Length")));
  rest(sides.server);
  ASSERT_TRUE(sides.client.send(get("/next")));
  Socket second = accepted();
  message(second);
  ASSERT_TRUE(second.send(ok("next")));
  EXPECT_THAT(until(sides.client, "next"), Not(HasSubstr("SECRET")));
}

TEST_F(HttpResponseTest, ErrorOfWeirForHeadHasNoBody) {
  serve("routes: [{ match: { path: /x }, cluster: c }]");
  Socket one = client();
  ASSERT_TRUE(one.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/second")));
  const std::string both = until(one, "request ");
  EXPECT_THAT(both, StartsWith("HTTP/1.1 404 "));
  EXPECT_NE(both.find("\r\n\r\nHTTP/1.1 404 "), std::string::npos) << both;
}

TEST_F(HttpResponseTest, Http10ConnectionClosesWithoutKeepAlive) {
  Sides sides = asked(old("/"));
  EXPECT_THAT(sides.request, StartsWith("GET / HTTP/1.1\r\n"));
  EXPECT_THAT(answered(sides, ok("")), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(ends_as(sides.client, Socket::End::fin));

  Socket kept = client();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(kept.send(old("/", "Connection: keep-alive\r\n")));
    message(sides.server);
    ASSERT_TRUE(sides.server.send(ok("")));
    EXPECT_THAT(message(kept), HasSubstr("\r\nConnection: keep-alive\r\n"));
  }
}

TEST_F(HttpResponseTest, Http10ClientGetsNoChunks) {
  Sides sides = asked(old("/", "Connection: keep-alive\r\n"));
  ASSERT_TRUE(
      sides.server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n"));
  const std::string all = rest(sides.client);
  EXPECT_THAT(all, EndsWith("\r\n\r\nabcde"));
  EXPECT_THAT(all, Not(testing::ContainsRegex("chunked|keep-alive")));
  EXPECT_EQ(sides.client.end(), Socket::End::fin);
}

TEST_F(HttpResponseTest, Http10BackendConnectionIsKeptOnlyWithKeepAlive) {
  Sides sides = asked(get("/"));
  answered(sides, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
  rest(sides.server);
  ASSERT_TRUE(sides.client.send(get("/")));
  sides.server = accepted();
  message(sides.server);
  answered(sides, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(ask_again(sides, get("/third")), StartsWith("GET /third "));
}

TEST_F(HttpResponseTest, RelaysRequestTrailersExceptFramingRoutingAndAuthFields) {
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_TRUE(sides.client.send(
      "1\r\na\r\n0\r\nX-Sum: 7\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\n"
      "Authorization: x\r\nX-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\n"
      "Connection: close\r\nCookie: x\r\n\r\n"));
  EXPECT_EQ(message(sides.server), "1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n");
}

TEST_F(HttpResponseTest, RelaysResponseTrailersExceptFramingRoutingAndAuthFields) {
  Sides sides = asked(get("/"));
  ASSERT_TRUE(sides.server.send(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 7\r\n"
      "Set-Cookie: a=b\r\nContent-Length: 5\r\nContent-Type: text/html\r\nLocation: /\r\n\r\n"));
  message(sides.client);
  EXPECT_EQ(message(sides.client), "1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n");
}

}  // namespace
}  // namespace weir::test

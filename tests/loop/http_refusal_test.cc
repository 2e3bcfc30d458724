// Refused requests: the status that the client receives, the end of its connection, and that no
// backend gets them. Each of the strict rules of RFC 9112 as bytes on a socket.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string escaped(std::string_view bytes) {
  std::string text;
  for (char c : bytes.substr(0, 200)) {
    if (c == '\r' || c == '\n' || c < ' ')
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      text += c;
  }
  return text;
}

std::string head(const std::string& fields, const std::string& line = "POST / HTTP/1.1") {
  return line + "\r\nHost: a\r\n" + fields + "\r\n";
}

class HttpRefusalTest : public HttpFixture {
 protected:
  void SetUp() override { serve("cluster: c, limits: { max_body_size: 1KiB }"); }

  // One complete answer with Connection: close; then FIN. No backend receives the request.
  void expect_refused(const std::string& bytes, const std::string& status) {
    SCOPED_TRACE(escaped(bytes));
    Socket one = client();
    ASSERT_TRUE(one.send(bytes));
    const std::string answer = rest(one);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + status + " "));
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos) << answer;
    const size_t body = answer.find("\r\n\r\n") + 4;
    EXPECT_THAT(answer, HasSubstr(fmt::format("\r\nContent-Length: {}\r\n", answer.size() - body)));
    EXPECT_EQ(one.end(), Socket::End::fin);
    EXPECT_TRUE(no_connection_arrives());
  }
  void expect_all_refused(const std::vector<std::string>& inputs, const std::string& status) {
    for (const std::string& input : inputs) expect_refused(input, status);
  }
};

TEST_F(HttpRefusalTest, LinesThatDoNotEndInCrlfAreA400) {
  expect_all_refused(
      {"GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n",
       "GET / HTTP/1.1\r\nHost: a\r\rX: 1\r\n\r\n", "GET / HTTP/1.1\rHost: a\r\n\r\n",
       "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "\nGET / HTTP/1.1\r\n"},
      "400");
}

TEST_F(HttpRefusalTest, InvalidRequestLinesAreA400) {
  expect_all_refused({"GET\r\n\r\n", "GET /\r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
                      "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
                      " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
                      "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / http/1.1\r\nHost: a\r\n\r\n",
                      "GET / HTTP/1.1x\r\nHost: a\r\n\r\n", "GET / HTTP/11\r\nHost: a\r\n\r\n",
                      "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
                     "400");
}

TEST_F(HttpRefusalTest, TargetsInTheWrongFormForTheMethodAreA400) {
  expect_all_refused(
      {head("", "GET * HTTP/1.1"), head("", "GET a:80 HTTP/1.1"), head("", "GET a HTTP/1.1"),
       head("", "GET ftp://a/ HTTP/1.1"), head("", "GET http:/// HTTP/1.1"),
       head("", "GET http://u@a/ HTTP/1.1"), head("", "CONNECT / HTTP/1.1"),
       head("", "CONNECT a HTTP/1.1"), head("", "GET /#f HTTP/1.1"), head("", "GET /\xff HTTP/1.1"),
       head("", std::string("GET /\0 HTTP/1.1", 15)), head("", "GET /\x7f HTTP/1.1"),
       head("", "GET /\x01 HTTP/1.1")},
      "400");
}

// The end of such a request is known: the connection may stay open.
TEST_F(HttpRefusalTest, AmbiguousPathsAreA400) {
  for (const std::string path :
       {"/%zz", "/%0", "/%00", "/../a", "/%2e%2e/a", "/..;/b", "/..%2fa", "/a%5c..\\..%5cb"}) {
    Socket one = client();
    ASSERT_TRUE(one.send(get(path) + get("/next")));
    EXPECT_THAT(message(one), StartsWith("HTTP/1.1 400 ")) << path;
    Socket server = accepted();
    EXPECT_THAT(message(server), StartsWith("GET /next ")) << path;
    one.reset();
    rest(server);
  }
}

TEST_F(HttpRefusalTest, AmbiguousFieldLinesAreA400) {
  expect_all_refused(
      {head("X : 1\r\n"), head("X\t: 1\r\n"), head(" X: 1\r\n"), head("X: 1\r\n folded\r\n"),
       head("X: 1\r\n\tfolded\r\n"), head("X\r\n"), head(": 1\r\n"), head("X Y: 1\r\n"),
       head("X(: 1\r\n"), head(std::string("X: a\0b\r\n", 8)), head("X: a\x01\r\n"),
       head("X: a\x7f\r\n"), head("X: a\rb\r\n"), head("X\xff: 1\r\n")},
      "400");
}

TEST_F(HttpRefusalTest, HostMustBePresentOnceAndValid) {
  expect_all_refused(
      {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
       "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
       "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
       "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
       "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
       "GET http://a/ HTTP/1.1\r\n\r\n", "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      "400");
}

TEST_F(HttpRefusalTest, LengthsOtherThanOneNumberAreA400) {
  for (const std::string value : {"+3", "-1", "0 0", "3,3", "3, 3", "0x3", "3;", "", "3a", "1e2",
                                  "9223372036854775808", "99999999999999999999999999"})
    expect_refused(head("Content-Length: " + value + "\r\n") + "abc", "400");
  expect_all_refused({head("Content-Length: 3\r\nContent-Length: 3\r\n") + "abc",
                      head("Content-Length: 3\r\nContent-Length: 4\r\n") + "abc",
                      head("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
                      head("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n") + "0\r\n\r\n"},
                     "400");
}

TEST_F(HttpRefusalTest, TransferCodingsOtherThanOneChunkedAreRefused) {
  for (const std::string value :
       {"xchunked", "chunked, identity", "identity", "gzip", "chunked,chunked", "chunked;q=1",
        "\"chunked\"", "", "chunked gzip",
        "\x0b"
        "chunked"})
    expect_refused(head("Transfer-Encoding: " + value + "\r\n") + "0\r\n\r\n", "400");
  expect_refused(head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
                 "400");
  expect_refused(head("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), "400");
  expect_refused(head("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0") + "0\r\n\r\n", "400");
  expect_refused(head("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n", "501");
}

TEST_F(HttpRefusalTest, UnknownVersionsAndMethodsAreRefusedWith505And501) {
  for (const std::string version : {"HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.0", "HTTP/1.9"})
    expect_refused(head("", "GET / " + version), "505");
  expect_refused(head("", std::string(64, 'M') + " / HTTP/1.1"), "501");
}

TEST_F(HttpRefusalTest, HeadsThatAreTooLargeHaveTheirOwnStatuses) {
  expect_refused(head("", "GET /" + std::string(40'000, 'a') + " HTTP/1.1"), "414");
  expect_refused(head("X: " + std::string(40'000, 'a') + "\r\n"), "431");
  std::string fields;
  for (int i = 0; i < 120; ++i) fields += fmt::format("X{}: 1\r\n", i);
  expect_refused(head(fields), "431");
}

TEST_F(HttpRefusalTest, UnknownExpectationIsA417) {
  expect_refused(head("Content-Length: 3\r\nExpect: magic\r\n") + "abc", "417");
}

TEST_F(HttpRefusalTest, BodyThatIsTooLargeIsA413BeforeOrAfterItArrives) {
  expect_refused(head("Content-Length: 1025\r\n"), "413");
  Sides sides = asked(head("Transfer-Encoding: chunked\r\n"));
  ASSERT_TRUE(sides.client.send("401\r\n" + std::string(1025, 'x') + "\r\n0\r\n\r\n"));
  EXPECT_THAT(rest(sides.client), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(rest(sides.server), Not(HasSubstr("0\r\n\r\n")))
      << "a truncated body must not be completed";
}

// The request to the backend has begun by then: it is not completed.
TEST_F(HttpRefusalTest, InvalidChunksAreA400AndTheBackendConnectionIsAborted) {
  for (const std::string& body :
       {std::string("z\r\n"), std::string("\r\n"), std::string("1\nx"), std::string("1 \r\nx"),
        std::string("0x1\r\nx"), std::string("-1\r\nx"), std::string("1\r\nxy\r\n"),
        std::string("1\r\nx\n0\r\n\r\n"), std::string("11111111111111111\r\n"),
        std::string("1;a\nb\r\nx"), std::string("1;") + std::string(70'000, 'e'),
        std::string("0\r\nX : 1\r\n\r\n"), std::string("0\r\n folded: 1\r\n\r\n"),
        std::string("0\r\nX\r\n\r\n"), std::string("0\nX: 1\r\n\r\n")}) {
    SCOPED_TRACE(escaped(body));
    Sides sides = asked(head("Transfer-Encoding: chunked\r\n"));
    ASSERT_TRUE(sides.client.send(body));
    EXPECT_THAT(rest(sides.client), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(rest(sides.server), Not(EndsWith("0\r\n\r\n")));
  }
  Sides sides = asked(head("Transfer-Encoding: chunked\r\n"));
  ASSERT_TRUE(sides.client.send("0\r\nX: " + std::string(70'000, 't') + "\r\n\r\n"));
  EXPECT_THAT(rest(sides.client), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpRefusalTest, BytesAfterARefusedRequestAreNotParsedAsARequest) {
  Socket one = client();
  ASSERT_TRUE(one.send(head("Content-Length: 3, 3\r\n") + get("/smuggled")));
  const std::string all = rest(one);
  EXPECT_EQ(all.find("HTTP/1.1 ", 1), std::string::npos) << all;
  EXPECT_TRUE(no_connection_arrives());
}

TEST_F(HttpRefusalTest, EarlierRequestsAreAnsweredInOrderBeforeTheInvalidOne) {
  Socket one = client();
  ASSERT_TRUE(one.send(get("/good") + "BAD\r\n\r\n"));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send(ok("fine")));
  const std::string all = rest(one);
  EXPECT_THAT(all, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(all, HasSubstr("fineHTTP/1.1 400 "));
}

// RFC 9110 9.3.6: the bytes after a CONNECT may be for the tunnel.
TEST_F(HttpRefusalTest, ClosesAfterAConnectThatOpensNoTunnel) {
  const std::string connect = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";
  const std::string inside = "GET /inside HTTP/1.1\r\nHost: a\r\n\r\n";
  expect_refused(connect + inside, "405");
  serve("allow_connect: true, routes: [{ match: { path: /x }, cluster: c }]");
  expect_refused(connect + inside, "404");
  serve("allow_connect: true, routes: [{ respond: { status: 403, body: no } }]");
  expect_refused(connect + inside, "403");
}

TEST_F(HttpRefusalTest, ClosesAfterAConnectThatTheBackendRefuses) {
  serve("allow_connect: true, cluster: c");
  Sides sides =
      asked("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nGET /inside HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(
      sides.server.send("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: "
                        "0\r\n\r\n"));
  const std::string answer = rest(sides.client);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 407 "));
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos) << answer;
  turns(10);
  EXPECT_EQ(sides.server.receive_all(1ms), "") << "the request after CONNECT was forwarded";
}

TEST_F(HttpRefusalTest, LogsTheReadablePartsOfARefusedRequest) {
  serve("cluster: c, limits: { max_header_size: 1KiB }");
  LogCapture log;
  expect_refused("GET /no-version\r\nHost: a.test\r\n\r\n", "400");
  expect_refused("GET /two-hosts HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400");
  expect_refused("GET /field HTTP/1.1\r\nhost: b.test\r\nbad name: x\r\n\r\n", "400");
  expect_refused("PUT /large HTTP/1.1\r\nHost: c.test\r\nX: " + std::string(2000, 'x'), "431");
  expect_refused("GET /version HTTP/3.0\r\nHost: d.test\r\n\r\n", "505");
  expect_refused("GET /lf HTTP/1.1\nHost: e.test\n\n", "400");
  expect_refused("\x16\x03\x01 hello\r\n\r\n", "400");
  expect_refused("GET /long" + std::string(9000, 'y') + " HTTP/1.1\r\nHost: f\r\n\r\n", "414");
  const std::string lines = log.access();
  EXPECT_TRUE(has_line(lines, {"status=400", "method=GET", "host=a.test", "path=/no-version"}));
  EXPECT_TRUE(has_line(lines, {"status=400", "method=GET", "host=a ", "path=/two-hosts"}));
  EXPECT_TRUE(has_line(lines, {"status=400", "method=GET", "host=b.test", "path=/field"}));
  EXPECT_TRUE(has_line(lines, {"status=431", "method=PUT", "host=c.test", "path=/large"}));
  EXPECT_TRUE(has_line(lines, {"status=505", "method=GET", "path=/version"}));
  EXPECT_TRUE(has_line(lines, {"status=400", "method=GET", "path=/lf"}));
  EXPECT_TRUE(has_line(lines, {"status=414", "method=GET", "path=/longyyy"}));
  EXPECT_THAT(lines, Not(HasSubstr("hello"))) << "no method, no request";
}

TEST_F(HttpRefusalTest, LogsARequestThatTimesOutInItsHead) {
  serve("cluster: c, timeouts: { request_header: 5s }");
  LogCapture log;
  Socket one = client();
  ASSERT_TRUE(one.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n"));
  turns(10);
  advance(6s);
  EXPECT_THAT(rest(one), StartsWith("HTTP/1.1 408 "));
  EXPECT_TRUE(has_line(log.access(), {"status=408", "method=GET", "host=a.test", "path=/slow"}));
}

TEST_F(HttpRefusalTest, LogsARequestThatIsCutInItsHeadAndNoConnectionWithoutARequest) {
  serve("cluster: c");
  LogCapture log;
  Socket fin = client(), reset = client(), silent = client();
  ASSERT_TRUE(fin.send("GET /fin HTTP/1.1\r\nHost: a.test\r\n"));
  ASSERT_TRUE(reset.send("PUT /reset HTT"));
  turns(10);
  fin = {};
  silent = {};
  reset.reset();
  ASSERT_TRUE(run_until([&] { return ended("l", EndReason::client_closed) == 2; }));
  ASSERT_TRUE(run_until([&] { return ended("l", EndReason::client_reset) == 1; }));
  const std::string lines = log.access();
  EXPECT_TRUE(has_line(
      lines, {"status=0", "reason=client_closed", "method=GET", "host=a.test", "path=/fin"}));
  EXPECT_TRUE(has_line(lines, {"status=0", "reason=client_reset", "method=PUT", "path=/reset"}));
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2) << lines;
}

}  // namespace
}  // namespace weir::test

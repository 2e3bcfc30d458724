// Limits of heads and trailers: each is a key or a documented number, and means the same in both
// directions.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpLimitsTest : public HttpFixture {
 protected:
  void serve_limits(const std::string& limits) { serve("cluster: c, limits: { " + limits + " }"); }
  // Sends all bytes, while the worker reads.
  void send_all(Socket& socket, const std::string& text) {
    size_t sent = 0;
    EXPECT_TRUE(run_until([&] {
      sent += socket.send_some(std::string_view(text).substr(sent));
      return sent == text.size();
    }));
  }
  Sides asked_long(const std::string& request) {
    Sides sides{client(), {}, {}};
    send_all(sides.client, request);
    sides.server = accepted();
    sides.request = message(sides.server);
    return sides;
  }
  std::string answered_long(Sides& sides, const std::string& response) {
    send_all(sides.server, response);
    return message(sides.client);
  }
  // The answer of weir to a request that it does not forward.
  std::string refused(const std::string& request) {
    Socket one = client();
    one.send_some(request);
    return message(one);
  }
  static std::string field(size_t size) { return "X-Long: " + std::string(size, 'v') + "\r\n"; }
  static std::string fields(size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += fmt::format("X-{}: {}\r\n", i, i);
    return text;
  }
  static std::string chunked(const std::string& trailers) {
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n" + trailers +
           "\r\n";
  }
};

TEST_F(HttpLimitsTest, WholeHeadHasOneLimitInBothDirections) {
  serve_limits("max_header_size: 1MiB");
  const std::string target = "/" + std::string(9'000, 'p');
  Sides sides = asked_long(get(target));
  EXPECT_THAT(sides.request, StartsWith("GET " + target + " HTTP/1.1\r\n"));
  EXPECT_THAT(answered_long(sides, ok("", field(40'000))), HasSubstr("\r\n" + field(40'000)));
  const std::string cookie = "Cookie: " + std::string(66'000, 'c') + "\r\n";
  send_all(sides.client, get("/", cookie));
  EXPECT_THAT(message(sides.server), HasSubstr("\r\n" + cookie));
  EXPECT_THAT(answered_long(sides, ok("", field(1'000'000))), HasSubstr(field(1'000'000)));
  const std::string query = "/?" + std::string(700'000, 'q');
  send_all(sides.client, get(query, field(300'000)));
  const std::string request = message(sides.server);
  EXPECT_THAT(request, StartsWith("GET " + query + " HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\n" + field(300'000)));
  EXPECT_THAT(answered_long(sides, ok("")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpLimitsTest, TargetMayFillTheDefaultLimit) {
  serve();
  EXPECT_THAT(asked_long(get("/" + std::string(30'000, 'p'))).request, StartsWith("GET /ppp"));
}

TEST_F(HttpLimitsTest, LongTargetsAreRewrittenAndRedirected) {
  serve(
      "limits: { max_header_size: 1MiB }, routes: [{ match: { path_prefix: /old }, redirect: { "
      "prefix: /new } }, { match: { path_prefix: /a }, cluster: c, rewrite: { replace_prefix: "
      "/longer } }]");
  const std::string rest(900'000, 'r');
  EXPECT_THAT(asked_long(get("/a/" + rest)).request, StartsWith("GET /longer/" + rest + " HTTP"));
  Socket one = client();
  send_all(one, get("/old/" + rest));
  EXPECT_THAT(message(one), HasSubstr("/new/" + rest + "\r\n"));
}

TEST_F(HttpLimitsTest, SmallLimitAppliesAlsoToResponses) {
  serve_limits("max_header_size: 1KiB");
  EXPECT_THAT(refused(get("/", field(1'000))), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(refused(get("/" + std::string(1'100, 'p'))), StartsWith("HTTP/1.1 414 "));
  Sides sides = asked(get("/"));
  EXPECT_THAT(answered_long(sides, ok("", field(30'000))), StartsWith("HTTP/1.1 502 "));
  rest(sides.server);
  Sides interim = asked(get("/"));
  EXPECT_THAT(answered_long(interim, "HTTP/1.1 103 Early Hints\r\n" + field(2'000) + "\r\n"),
              StartsWith("HTTP/1.1 502 "));
  rest(interim.server);
  Sides fits = asked(get("/"));
  EXPECT_THAT(answered(fits, ok("", field(900))), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpLimitsTest, ManyFieldEditsFitIntoTheHead) {
  std::string edits;
  for (int i = 0; i < 60; ++i)
    edits += fmt::format("{}X-E{}: \"{}\"", i == 0 ? "" : ", ", i, std::string(4'000, 'e'));
  serve("routes: [{ match: { path_prefix: / }, cluster: c, headers: { request: { set: { " + edits +
        " } }, response: { set: { " + edits + " } } } }]");
  Sides sides = asked(get("/"));
  EXPECT_THAT(sides.request, StartsWith("GET / "));
  EXPECT_THAT(sides.request, HasSubstr("X-E59: eee"));
  EXPECT_THAT(answered(sides, ok("")), HasSubstr("X-E59: eee"));
}

TEST_F(HttpLimitsTest, NumberOfFieldsIsConfigurable) {
  serve_limits("max_headers: 150");
  Sides sides = asked(get("/", fields(149)));  // and Host
  EXPECT_THAT(sides.request, HasSubstr("\r\nX-0: 0\r\n"));
  EXPECT_THAT(sides.request, HasSubstr("\r\nX-148: 148\r\n"));
  EXPECT_THAT(answered(sides, ok("", fields(149))), HasSubstr("\r\nX-148: 148\r\n"));
  EXPECT_THAT(refused(get("/", fields(150))), StartsWith("HTTP/1.1 431 "));
  ask_again(sides, get("/"));
  EXPECT_THAT(answered(sides, ok("", fields(150))), StartsWith("HTTP/1.1 502 "));
  rest(sides.server);
  serve_limits("max_headers: 10");
  EXPECT_THAT(refused(get("/", fields(10))), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpLimitsTest, HundredFieldsAreTheDefault) {
  serve();
  EXPECT_THAT(asked(get("/", fields(99))).request, HasSubstr("X-98: 98\r\n"));
  EXPECT_THAT(refused(get("/", fields(100))), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpLimitsTest, ManyInterimResponsesAreRelayed) {
  serve();
  Sides sides = asked(get("/"));
  std::string many;
  for (int i = 0; i < 200; ++i) many += "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  ASSERT_TRUE(sides.server.send(many));
  EXPECT_EQ(bytes(sides.client, many.size()), many);
  EXPECT_THAT(answered(sides, ok("")), StartsWith("HTTP/1.1 200 "));
}

// One a second for two minutes, with a response timeout that allows it.
TEST_F(HttpLimitsTest, InterimResponsesAreRelayedUntilTheResponseTimeout) {
  serve("cluster: c", "timeouts: { response_header: 3m }");
  Sides sides = asked(get("/"));
  for (int i = 0; i < 120; ++i) {
    advance(1s);
    ASSERT_EQ(answered(sides, "HTTP/1.1 102 Processing\r\n\r\n"),
              "HTTP/1.1 102 Processing\r\n\r\n");
  }
  EXPECT_THAT(answered(sides, ok("")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpLimitsTest, InterimResponsesDoNotExtendTheResponseTimeout) {
  serve("cluster: c", "timeouts: { response_header: 10s }");
  Sides sides = asked(get("/"));
  for (int i = 0; i < 9; ++i) {
    advance(1s);
    answered(sides, "HTTP/1.1 102 Processing\r\n\r\n");
  }
  advance(2s);
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 504 "));
  rest(sides.server);
}

// Other clients of the worker are served while a backend sends interim responses as fast as it can.
TEST_F(HttpLimitsTest, FloodOfInterimResponsesIsA502AndDelaysNoOtherClient) {
  serve(
      "routes: [{ match: { path: /flood }, cluster: c }, { match: { path_prefix: / }, respond: { "
      "status: 200 } }]");
  Sides sides = asked(get("/flood"));
  std::string flood;
  while (flood.size() < (2u << 20)) flood += "HTTP/1.1 102 Processing\r\n" + field(280) + "\r\n";
  Socket other = client();
  size_t sent = 0, served = 0;
  std::string got, answers;
  EXPECT_TRUE(run_until([&] {
    if (sent < flood.size()) sent += sides.server.send_some(std::string_view(flood).substr(sent));
    other.send_some(get("/"));
    answers += other.receive(65536, 0ms);
    if (got.size() < (1u << 20)) served = answers.size();
    got += sides.client.receive(65536, 0ms);
    return got.find("HTTP/1.1 502 ") != std::string::npos;
  }));
  EXPECT_GT(served, 10'000u);
  EXPECT_THAT(got, StartsWith("HTTP/1.1 102 "));
  sides.server.close();
  other.close();
}

TEST_F(HttpLimitsTest, TrailersAreRelayedWithinTheLimitOfTheHead) {
  serve();
  Sides sides = asked(get("/"));
  for (const size_t size : {4'200u, 8'300u, 32'000u}) {
    const std::string trailer = field(size);
    send_all(sides.server, chunked(trailer));
    EXPECT_THAT(with_trailers(sides.client), EndsWith("abc\r\n0\r\n" + trailer + "\r\n"));
    ask_again(sides, get("/"));
  }
  // Many trailers, in parts.
  const std::string trailers = fields(1'000);
  const std::string response = chunked(trailers);
  for (size_t at = 0; at < response.size(); at += 1'000) {
    send_all(sides.server, response.substr(at, 1'000));
    turns(2);
  }
  EXPECT_THAT(with_trailers(sides.client), EndsWith("abc\r\n0\r\n" + trailers + "\r\n"));
}

TEST_F(HttpLimitsTest, TrailersOfRequestsHaveTheSameLimit) {
  serve();
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  Sides sides = asked_long(head + "0\r\n" + field(8'300) + "\r\n");
  EXPECT_EQ(message(sides.server), "0\r\n" + field(8'300) + "\r\n");
  answered(sides, ok(""));
  Socket one = client();
  one.send_some(head + "0\r\n" + field(40'000) + "\r\n");
  EXPECT_THAT(message(one), StartsWith("HTTP/1.1 431 "));
  one.close();
}

// The body is complete: the trailers are left out, and the log says so.
TEST_F(HttpLimitsTest, CompleteResponseIsNotCutForItsTrailers) {
  LogCapture log;
  serve_limits("max_header_size: 16KiB");
  Sides sides = asked(get("/"));
  send_all(sides.server, chunked(field(20'000)));
  EXPECT_THAT(until(sides.client, "\r\n0\r\n\r\n"), EndsWith("\r\n3\r\nabc\r\n0\r\n\r\n"));
  rest(sides.server);  // the bytes that it still sends are no response
  ASSERT_TRUE(sides.client.send(get("/next")));
  Socket second = accepted();
  EXPECT_THAT(message(second), StartsWith("GET /next "));
  ASSERT_TRUE(second.send(ok("")));
  EXPECT_THAT(message(sides.client), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(has_line(log.events(), {"backend.trailers_too_large", "c"}));
}

TEST_F(HttpLimitsTest, MalformedTrailersCutTheResponse) {
  serve();
  Sides sides = asked(get("/"));
  send_all(sides.server, chunked("no colon\r\n"));
  EXPECT_THAT(rest(sides.client), Not(EndsWith("0\r\n\r\n")));
  EXPECT_EQ(sides.client.end(), Socket::End::reset);
  rest(sides.server);
}

}  // namespace
}  // namespace weir::test

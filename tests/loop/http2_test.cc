// HTTP/2 to clients, with backends that have HTTP/1: heads, bodies, trailers and interim answers in
// both directions.
#include "support/http2_fixture.h"

namespace weir::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Http2Test : public Http2Fixture {};

TEST_F(Http2Test, GetIsForwardedAndAnswered) {
  serve();
  H2Peer& peer = h2();
  Call call = called(peer, peer.get("/a?b=c", {{"x-keep", "2"}}));
  EXPECT_THAT(call.request, StartsWith("get /a?b=c http/1.1\r\nhost: example.com\r\n"));
  EXPECT_THAT(call.request, HasSubstr("\r\nx-keep: 2\r\n"));
  EXPECT_THAT(call.request, HasSubstr("\r\nx-forwarded-for: 127.0.0.1\r\n"));
  EXPECT_THAT(call.request, Not(HasSubstr("transfer-encoding")));
  EXPECT_THAT(call.request, Not(HasSubstr("content-length")));
  const H2Peer::Stream& stream =
      answered(call, ok("hello", "X-From: backend\r\nKeep-Alive: timeout=5\r\n"));
  EXPECT_EQ(stream.status, 200u);
  EXPECT_EQ(stream.body, "hello");
  EXPECT_TRUE(stream.whole);
  EXPECT_EQ(stream.field("content-length"), "5");
  EXPECT_EQ(stream.field("x-from"), "backend");
  EXPECT_NE(stream.field("date"), "");
  EXPECT_EQ(stream.field("keep-alive"), "");
  EXPECT_EQ(stream.field("connection"), "");
  turns(3);
  EXPECT_FALSE(stream.reset);
}

TEST_F(Http2Test, PostWithALengthKeepsIt) {
  serve();
  H2Peer& peer = h2();
  Call call = called(peer, peer.post("/up", "hello"));
  EXPECT_THAT(call.request, HasSubstr("\r\ncontent-length: 5\r\n"));
  EXPECT_THAT(call.request, Not(HasSubstr("transfer-encoding")));
  EXPECT_EQ(bytes(call.server, 5), "hello");
  EXPECT_EQ(answered(call, ok("done")).body, "done");
}

TEST_F(Http2Test, PostWithoutALengthIsChunkedForTheBackend) {
  serve();
  H2Peer& peer = h2();
  Call call = called_upload(peer);
  EXPECT_THAT(call.request, HasSubstr("\r\ntransfer-encoding: chunked\r\n"));
  peer.send_data(call.id, "hello");
  EXPECT_EQ(until(call.server, "hello\r\n"), "5\r\nhello\r\n");
  EXPECT_TRUE(receives_nothing(call.server));
  peer.send_end(call.id);
  EXPECT_EQ(until(call.server, "0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_EQ(answered(call, ok("")).status, 200u);
}

TEST_F(Http2Test, LongBodiesAreRelayedInBothDirectionsAtOnce) {
  serve();
  H2Peer& peer = h2();
  const std::string body(2'000'000, 'u');
  Call call = called(peer, peer.post("/up", body));
  const std::string response = ok(std::string(2'000'000, 'd'));
  size_t sent = 0, got = 0;
  EXPECT_TRUE(run_until(
      [&] {
        sent += call.server.send_some(std::string_view(response).substr(sent, 65536));
        got += call.server.receive(65536, 0ms).size();
        return got == body.size() && peer[call.id].over();
      },
      20000));
  EXPECT_TRUE(peer[call.id].whole);
  EXPECT_EQ(peer[call.id].body, std::string(2'000'000, 'd'));
}

TEST_F(Http2Test, TrailersAreRelayedInBothDirections) {
  serve();
  H2Peer& peer = h2();
  Call call = called_upload(peer, "/up", {{"te", "trailers"}});
  EXPECT_THAT(call.request, HasSubstr("\r\nte: trailers\r\n"));
  peer.send_data(call.id, "abc");
  peer.send_end(call.id, {{"x-sum", "1"}});
  EXPECT_EQ(lower(with_trailers(call.server)), "3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n");
  const H2Peer::Stream& stream = answered(
      call,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\nX-Sum: 2\r\n\r\n");
  EXPECT_EQ(stream.body, "de");
  EXPECT_EQ(stream.trailer("x-sum"), "2");
  EXPECT_EQ(stream.field("transfer-encoding"), "");
  EXPECT_TRUE(stream.whole);
}

TEST_F(Http2Test, BodyUntilTheConnectionClosesEndsWithTheStream) {
  serve();
  H2Peer& peer = h2();
  Call call = called_get(peer);
  ASSERT_TRUE(call.server.send("HTTP/1.1 200 OK\r\n\r\nall there is"));
  EXPECT_TRUE(has_body(peer, call.id, "all there is"));
  EXPECT_FALSE(call.stream().over());
  call.server.close();
  EXPECT_TRUE(ended(peer, call.id).whole);
}

TEST_F(Http2Test, AnswersWithoutABodyEndWithTheirHead) {
  serve();
  H2Peer& peer = h2();
  Call call = called(peer, peer.ask("HEAD", "/"));
  EXPECT_THAT(call.request, StartsWith("head / "));
  const H2Peer::Stream& head = answered(call, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(head.field("content-length"), "5");
  EXPECT_TRUE(head.whole);
  EXPECT_EQ(head.body, "");
  for (const unsigned status : {204u, 304u}) {
    const uint32_t id = peer.get("/");
    message(call.server);
    ASSERT_TRUE(call.server.send(fmt::format("HTTP/1.1 {} X\r\nETag: \"a\"\r\n\r\n", status)));
    const H2Peer::Stream& stream = ended(peer, id);
    EXPECT_EQ(stream.status, status);
    EXPECT_EQ(stream.field("etag"), "\"a\"");
    EXPECT_EQ(stream.body, "");
    EXPECT_TRUE(stream.whole);
  }
}

TEST_F(Http2Test, ContinueIsRelayedBeforeTheBody) {
  serve();
  H2Peer& peer = h2();
  Call call = called(
      peer, peer.ask("POST", "/", {{"expect", "100-continue"}, {"content-length", "3"}}, false));
  EXPECT_THAT(call.request, HasSubstr("\r\nexpect: 100-continue\r\n"));
  ASSERT_TRUE(call.server.send("HTTP/1.1 100 Continue\r\n\r\n"));
  EXPECT_TRUE(run_until([&] { return call.stream().interim.size() == 1; }));
  EXPECT_THAT(call.stream().interim, ElementsAre(100u));
  EXPECT_EQ(call.stream().status, 0u);
  peer.send_data(call.id, "abc", true);
  EXPECT_EQ(bytes(call.server, 3), "abc");
  EXPECT_EQ(answered(call, ok("")).status, 200u);
}

TEST_F(Http2Test, EarlyHintsAreRelayedWithTheirFields) {
  serve();
  H2Peer& peer = h2();
  Call call = called_get(peer);
  const H2Peer::Stream& stream =
      answered(call, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + ok("x"));
  EXPECT_THAT(stream.interim, ElementsAre(103u));
  EXPECT_THAT(stream.interim_fields, testing::Contains(testing::Pair("link", "</a.css>")));
  EXPECT_EQ(stream.status, 200u);
  EXPECT_EQ(stream.body, "x");
}

TEST_F(Http2Test, ManyRequestsAreForwardedAtOnceAndAnsweredInAnyOrder) {
  constexpr int kMany = 50;
  serve();
  H2Peer& peer = h2();
  std::map<std::string, uint32_t> ids;
  for (int i = 0; i < kMany; ++i) {
    const std::string path = fmt::format("/{}", i);
    ids[path] = peer.get(path);
  }
  std::map<std::string, Socket> servers;
  for (int i = 0; i < kMany; ++i) {
    Socket server = accepted();
    const std::string request = message(server);
    servers[request.substr(4, request.find(' ', 4) - 4)] = std::move(server);
  }
  ASSERT_EQ(servers.size(), size_t{kMany});
  for (int i = kMany - 1; i >= 0; --i) {
    const std::string path = fmt::format("/{}", i);
    ASSERT_TRUE(servers[path].send(ok("body of " + path)));
    EXPECT_EQ(ended(peer, ids[path]).body, "body of " + path);
    EXPECT_EQ(peer.over(), size_t(kMany - i));
  }
}

TEST_F(Http2Test, NextRequestUsesTheKeptConnectionToTheBackend) {
  serve();
  H2Peer& peer = h2();
  Call call = called_get(peer);
  answered(call, ok("1"));
  call.id = peer.get("/next");
  EXPECT_THAT(message(call.server), StartsWith("GET /next "));
  EXPECT_EQ(answered(call, ok("2")).body, "2");
  EXPECT_EQ(backend_cells("c", backend.address().text()).connects.value, 1u);
}

TEST_F(Http2Test, PiecesOfACookieAreJoined) {
  serve();
  H2Peer& peer = h2();
  Call call = called(peer, peer.get("/", {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}}));
  EXPECT_THAT(call.request, HasSubstr("\r\ncookie: a=1; b=2\r\n"));
  answered(call, ok(""));
}

TEST_F(Http2Test, EachRouteIsChosenByTheAuthorityOfItsStream) {
  serve(
      "routes: [{ match: { hosts: [a.test] }, respond: { status: 201 } },"
      " { match: { hosts: [b.test] }, respond: { status: 202 } }]");
  H2Peer& peer = h2();
  const auto ask = [&](const std::string& authority) {
    return peer.send_head(
        {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", authority}}, true);
  };
  const uint32_t a = ask("a.test"), b = ask("b.test"), c = ask("c.test");
  EXPECT_EQ(ended(peer, a).status, 201u);
  EXPECT_EQ(ended(peer, b).status, 202u);
  EXPECT_EQ(ended(peer, c).status, 404u);
}

class Http2OwnAnswerTest : public Http2Fixture {
 protected:
  // What weir answers, before the end of the request; the connection then serves another one.
  unsigned status_of(H2Peer& peer, const H2FieldList& fields) {
    const uint32_t id = peer.send_head(fields, true);
    const H2Peer::Stream& stream = ended(peer, id);
    EXPECT_TRUE(stream.whole || stream.reset);
    return stream.whole ? stream.status : 0;
  }
};

TEST_F(Http2OwnAnswerTest, HasItsStatusAndEndsTheStream) {
  serve(
      "routes: [{ match: { path: /here }, respond: { status: 418, body: teapot } },"
      " { match: { path: /old }, redirect: { host: www.example } }]");
  H2Peer& peer = h2();
  const H2Peer::Stream& here = ended(peer, peer.get("/here"));
  EXPECT_EQ(here.status, 418u);
  EXPECT_EQ(here.body, "teapot");
  EXPECT_EQ(here.field("content-length"), "6");
  const H2Peer::Stream& moved = ended(peer, peer.get("/old"));
  EXPECT_EQ(moved.status / 100, 3u);
  EXPECT_EQ(moved.field("location"), "http://www.example/old");
  const H2Peer::Stream& none = ended(peer, peer.get("/none"));
  EXPECT_EQ(none.status, 404u);
  EXPECT_TRUE(none.whole);
  EXPECT_EQ(none.field("connection"), "");
}

TEST_F(Http2OwnAnswerTest, ComesForAFaultOfTheMessage) {
  serve("cluster: c, limits: { max_header_size: 4KiB }");
  H2Peer& peer = h2();
  const auto get = [](const H2FieldList& fields) {
    return H2Peer::request_fields("GET", "/", fields);
  };
  EXPECT_EQ(status_of(peer, H2Peer::request_fields("GET", "no-slash")), 400u);
  EXPECT_EQ(status_of(peer, get({{"host", "other.test"}})), 400u);
  EXPECT_EQ(status_of(peer, get({{"content-length", "1"}})), 400u);
  EXPECT_EQ(status_of(peer, get({{"x-large", std::string(5000, 'x')}})), 431u);
  EXPECT_EQ(status_of(peer, {{":method", "CONNECT"}, {":authority", "a.test:443"}}), 405u);
  EXPECT_TRUE(no_connection_arrives());
  Call call = called_get(peer);
  EXPECT_EQ(answered(call, ok("")).status, 200u) << "the connection goes on";
}

TEST_F(Http2OwnAnswerTest, IsNotSentForAMalformedRequest) {
  serve();
  H2Peer& peer = h2();
  for (const H2FieldList& fields : std::vector<H2FieldList>{
           {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}},
           {{":method", "GET"}, {":path", "/"}, {":authority", "a"}},
           H2Peer::request_fields("GET", "/", {{"connection", "close"}}),
           H2Peer::request_fields("GET", "/", {{"transfer-encoding", "chunked"}}),
           H2Peer::request_fields("GET", "/", {{"te", "gzip"}})}) {
    const uint32_t id = peer.send_head(fields, true);
    EXPECT_EQ(ended(peer, id).reset, H2Error::protocol_error);
    EXPECT_EQ(peer[id].status, 0u);
  }
  EXPECT_TRUE(no_connection_arrives());
  EXPECT_EQ(streams_ended(StreamEnd::reset_by_weir), 5u);
  Call call = called_get(peer);
  EXPECT_EQ(answered(call, ok("")).status, 200u);
}

// RFC 9113 8.1.1.
TEST_F(Http2OwnAnswerTest, BodyThatContradictsItsLengthAbortsTheBackend) {
  serve();
  H2Peer& peer = h2();
  Call beyond = called(peer, peer.ask("POST", "/", {{"content-length", "3"}}, false));
  peer.send_data(beyond.id, "abcd");
  EXPECT_EQ(ended(peer, beyond.id).reset, H2Error::protocol_error);
  EXPECT_THAT(rest(beyond.server), Not(HasSubstr("d")));
  Call below = called(peer, peer.ask("POST", "/", {{"content-length", "3"}}, false));
  peer.send_data(below.id, "ab", true);
  EXPECT_EQ(ended(peer, below.id).reset, H2Error::protocol_error);
  rest(below.server);
}

TEST_F(Http2OwnAnswerTest, BodyAboveTheLimitIsA413) {
  serve("cluster: c, limits: { max_body_size: 1KiB }");
  H2Peer& peer = h2();
  const uint32_t known = peer.ask("POST", "/", {{"content-length", "1025"}}, false);
  EXPECT_EQ(ended(peer, known).status, 413u);
  EXPECT_TRUE(run_until([&] { return peer[known].reset.has_value(); }));
  EXPECT_TRUE(peer[known].whole);
  EXPECT_EQ(peer[known].reset, H2Error::no_error);
  EXPECT_TRUE(no_connection_arrives());
  Call call = called_upload(peer);
  peer.send_data(call.id, std::string(1025, 'x'));
  EXPECT_EQ(ended(peer, call.id).status, 413u);
  EXPECT_TRUE(call.stream().whole);
  rest(call.server);
}

// RFC 9113 8.1: END_STREAM, then RST_STREAM(NO_ERROR).
TEST_F(Http2OwnAnswerTest, WholeAnswerStopsTheUpload) {
  serve(
      "cluster: c, routes: [{ match: { path: /no }, respond: { status: 403, body: no } },"
      " { match: { path_prefix: / }, cluster: c }]");
  H2Peer& peer = h2();
  const uint32_t refused = peer.ask("POST", "/no", {}, false);
  EXPECT_EQ(ended(peer, refused).status, 403u);
  EXPECT_TRUE(run_until([&] { return peer[refused].reset.has_value(); }));
  EXPECT_EQ(peer[refused].reset, H2Error::no_error);
  EXPECT_TRUE(peer[refused].whole);
  Call call = called_upload(peer);
  peer.send_data(call.id, "part");
  until(call.server, "part");
  const H2Peer::Stream& stream = answered(call, ok("enough"));
  EXPECT_TRUE(stream.whole);
  EXPECT_EQ(stream.body, "enough");
  EXPECT_TRUE(run_until([&] { return stream.reset.has_value(); }));
  EXPECT_EQ(stream.reset, H2Error::no_error);
  rest(call.server);
  EXPECT_EQ(streams_ended(StreamEnd::complete), 2u);
}

}  // namespace
}  // namespace weir::test

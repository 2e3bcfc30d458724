// The counters and the access log of clients with HTTP/2.
#include "support/http2_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

class Http2BooksTest : public Http2Fixture {
 protected:
  uint64_t requests() {
    uint64_t sum = 0;
    for (const auto& entry : worker.report().routes) sum += entry.cells.requests.sum();
    return sum;
  }
};

TEST_F(Http2BooksTest, EveryStreamIsCountedOnceWithAnyOutcome) {
  serve("cluster: c, http2: { max_streams: 4 }");
  H2Peer& peer = h2();
  Call complete = called_get(peer);
  EXPECT_EQ(cells("l").http2_streams_active.value, 1);
  EXPECT_EQ(cells("l").http2_streams.value, 1u);
  EXPECT_EQ(requests(), 0u);
  answered(complete, ok("hello"));
  EXPECT_EQ(streams_ended(StreamEnd::complete), 1u);
  EXPECT_EQ(requests(), 1u);
  const uint32_t cut_id = peer.get("/");
  message(complete.server);
  ASSERT_TRUE(complete.server.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"));
  EXPECT_TRUE(has_body(peer, cut_id, "abc"));
  complete.server.reset();
  ended(peer, cut_id);
  EXPECT_EQ(streams_ended(StreamEnd::reset_by_weir), 1u);
  Call left = called_get(peer);
  peer.reset(left.id);
  rest(left.server);
  EXPECT_EQ(streams_ended(StreamEnd::reset_by_client), 1u);
  std::vector<Call> open;
  for (int i = 0; i < 4; ++i) open.push_back(called_get(peer));
  EXPECT_EQ(ended(peer, peer.get("/")).reset, H2Error::refused_stream);
  EXPECT_EQ(streams_ended(StreamEnd::refused), 1u);
  EXPECT_EQ(cells("l").http2_streams_active.value, 4);
  EXPECT_EQ(stream_imbalance("l"), 0);
  peer.socket().reset();
  EXPECT_TRUE(run_until([&] { return worker.active() == 0; }));
  EXPECT_EQ(streams_ended(StreamEnd::connection), 4u);
  EXPECT_EQ(requests(), 7u) << "streams that became requests";
  EXPECT_EQ(route_cells("l", "*").in_flight.value, 0);
}

TEST_F(Http2BooksTest, BytesAreThoseOfTheConnection) {
  serve();
  H2Peer& peer = h2();
  Call call = called(peer, peer.post("/", std::string(10'000, 'u')));
  bytes(call.server, 10'000);
  answered(call, ok(std::string(20'000, 'd')));
  const ListenerCells cells = this->cells("l");
  EXPECT_GT(cells.received_bytes.value, 10'000u);
  EXPECT_LT(cells.received_bytes.value, 11'000u);
  EXPECT_GT(cells.sent_bytes.value, 20'000u);
  EXPECT_LT(cells.sent_bytes.value, 21'000u);
  EXPECT_EQ(cells.overhead.count(), 1u);
}

TEST_F(Http2BooksTest, AccessLineHasTheStreamAndTheVersion) {
  LogCapture log;
  serve();
  H2Peer& peer = h2();
  Call first = called(peer, peer.get("/a?b=c", {{"user-agent", "test/1"}}));
  answered(first, ok("hello"));
  const uint32_t second = peer.get("/second");
  message(first.server);
  ASSERT_TRUE(first.server.send(ok("")));
  ended(peer, second);
  const std::string text = log.access();
  EXPECT_TRUE(
      has_line(text, {" event=request session=", " stream=1 ", " status=200 route=* cluster=c",
                      " version=HTTP/2.0 method=GET host=example.com path=\"/a?b=c\" "
                      "user_agent=test/1"}));
  EXPECT_TRUE(has_line(text, {" stream=3 ", " path=/second"}));
}

TEST_F(Http2BooksTest, CombinedLineHasTheVersion) {
  LogOptions options;
  options.access_format = LogFormat::combined;
  LogCapture log(options);
  serve();
  H2Peer& peer = h2();
  Call call = called_get(peer, "/a");
  answered(call, ok("hello"));
  EXPECT_THAT(log.access(), HasSubstr("\"GET /a HTTP/2.0\" 200 5 "));
}

TEST_F(Http2BooksTest, ConnectionErrorIsCountedByItsKindAndLogged) {
  LogCapture log;
  serve();
  H2Peer& peer = h2();
  Call call = called_get(peer);
  peer.send_frame(H2FrameType::ping, 0, 0, "short");
  EXPECT_TRUE(gets_goaways(peer, 1));
  EXPECT_EQ(peer.goaways[0].code, H2Error::frame_size_error);
  EXPECT_EQ(peer.goaways[0].last, 1u);
  EXPECT_NE(peer.goaways[0].debug, "");
  EXPECT_EQ(errors(H2ErrorReason::frame_size), 1u);
  rest(call.server);
  EXPECT_EQ(streams_ended(StreamEnd::connection), 1u);
  EXPECT_TRUE(left_because(peer, EndReason::http2_error));
  EXPECT_TRUE(has_line(log.events(), {"http2.error", "kind=frame_size"}));
}

// Its client has reset none of them.
TEST_F(Http2BooksTest, RequestsOfAConnectionThatBreaksTheRulesEndForItsReason) {
  LogCapture log;
  serve();
  H2Peer& peer = h2();
  Call waiting = called_get(peer), begun = called_get(peer), upload = called_upload(peer);
  ASSERT_TRUE(begun.server.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"));
  EXPECT_TRUE(has_body(peer, begun.id, "abc"));
  peer.send_frame(H2FrameType::ping, 0, 0, "short");
  EXPECT_TRUE(gets_goaways(peer, 1));
  EXPECT_TRUE(ends_with_reset(upload.server));
  EXPECT_TRUE(has_line(log.access(), {"stream=1 ", "status=0 ", "reason=http2_error"}));
  EXPECT_TRUE(has_line(log.access(), {"stream=3 ", "status=200 ", "reason=http2_error"}));
  EXPECT_TRUE(has_line(log.access(), {"stream=5 ", "status=0 ", "reason=http2_error"}));
  EXPECT_EQ(cells("l").request_errors[RequestError::client_abort].value, 0u);
}

TEST_F(Http2BooksTest, RequestsOfAConnectionThatFloodsEndForItsReason) {
  LogCapture log;
  serve();
  H2Peer& peer = h2();
  Call call = called_get(peer);
  for (int i = 0; i < 20'000 && peer.goaways.empty(); ++i) {
    peer.ping(1);
    if (i % 100 == 0) turns(1);
  }
  EXPECT_TRUE(gets_goaways(peer, 1));
  EXPECT_TRUE(has_line(log.access(), {"stream=1 ", "status=0 ", "reason=http2_flood"}));
}

TEST_F(Http2BooksTest, RequestsOfAConnectionWhoseHeadTakesTooLongEndForItsReason) {
  LogCapture log;
  serve("cluster: c, timeouts: { request_header: 10s }");
  H2Peer& peer = h2();
  Call call = called_get(peer);
  peer.send_frame(H2FrameType::headers, kH2EndStream, 3, "");
  turns(3);
  advance(11s);
  EXPECT_TRUE(gets_goaways(peer, 1));
  EXPECT_TRUE(has_line(log.access(), {"stream=1 ", "status=0 ", "reason=request_header_timeout"}));
}

TEST_F(Http2BooksTest, ConnectionIsOneWithManyStreams) {
  serve();
  H2Peer& peer = h2();
  Call one = called_get(peer), two = called_get(peer);
  EXPECT_EQ(cells("l").active.sum(), 1);
  EXPECT_EQ(cells("l").http2_streams_active.value, 2);
  EXPECT_EQ(backend_cells("c", backend.address().text()).active.value, 2);
  answered(one, ok(""));
  answered(two, ok(""));
}

}  // namespace
}  // namespace weir::test

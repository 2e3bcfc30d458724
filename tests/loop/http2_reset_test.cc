// Streams that are reset, by the client and by weir: what reaches a backend of them, and what is
// given back.
#include "support/http2_fixture.h"

namespace weir::test {
namespace {

using testing::StartsWith;

class Http2ResetTest : public Http2Fixture {
 protected:
  // The backend takes connections that have come, and drops them.
  void drop_connections() {
    while (wait_ready(backend.fd(), POLLIN, 0ms)) backend.accept(1s);
  }
};

TEST_F(Http2ResetTest, RequestThatIsResetInItsBytesReachesNoBackend) {
  serve();
  H2Peer& peer = h2();
  for (int i = 0; i < 20; ++i) peer.reset(peer.get("/"));
  EXPECT_TRUE(no_connection_arrives());
  EXPECT_EQ(streams_ended(StreamEnd::reset_by_client), 20u);
  EXPECT_EQ(route_cells("l", "*").requests.sum(), 0u) << "no exchange began";
  Call call = called_get(peer);
  EXPECT_EQ(answered(call, ok("")).status, 200u);
}

TEST_F(Http2ResetTest, WaitingRequestIsGivenUpAtTheBackend) {
  serve();
  H2Peer& peer = h2();
  Call call = called_get(peer);
  peer.reset(call.id);
  rest(call.server);
  EXPECT_NE(call.server.end(), Socket::End::open);
  EXPECT_EQ(streams_ended(StreamEnd::reset_by_client), 1u);
}

// Half a body must not look whole.
TEST_F(Http2ResetTest, UploadIsAbortedAtTheBackend) {
  serve();
  H2Peer& peer = h2();
  Call call = called_upload(peer);
  peer.send_data(call.id, "part");
  until(call.server, "part\r\n");
  peer.reset(call.id);
  EXPECT_TRUE(ends_with_reset(call.server));
}

TEST_F(Http2ResetTest, DownloadIsGivenUpAtTheBackendAndOthersGoOn) {
  serve();
  H2Peer& peer = h2();
  Call one = called_get(peer, "/1"), other = called_get(peer, "/2");
  ASSERT_TRUE(one.server.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"));
  EXPECT_TRUE(has_body(peer, one.id, "abc"));
  peer.reset(one.id);
  rest(one.server);
  EXPECT_EQ(answered(other, ok("whole")).body, "whole");
}

TEST_F(Http2ResetTest, EndOfTheConnectionAbortsItsRequests) {
  serve();
  H2Peer& peer = h2();
  Call upload = called_upload(peer);
  Call waiting = called_get(peer);
  peer.socket().reset();
  EXPECT_TRUE(ends_with_reset(upload.server));
  rest(waiting.server);
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::client_reset) == 1; }));
}

// RFC 9113 5.1.2.
TEST_F(Http2ResetTest, StreamAboveTheLimitIsRefused) {
  serve("cluster: c, http2: { max_streams: 2 }");
  H2Peer& peer = h2();
  const uint32_t first = peer.get("/1"), second = peer.get("/2"), third = peer.get("/3");
  EXPECT_EQ(ended(peer, third).reset, H2Error::refused_stream);
  Call one{peer, first, accepted(), {}, {}}, two{peer, second, accepted(), {}, {}};
  EXPECT_TRUE(no_connection_arrives());
  EXPECT_EQ(peer.connection.peer().max_streams, 2u);
  EXPECT_EQ(streams_ended(StreamEnd::refused), 1u);
  message(one.server);
  message(two.server);
  ASSERT_TRUE(one.server.send(ok("")) && two.server.send(ok("")));
  EXPECT_TRUE(run_until([&] { return peer.all_over(); }));
  const uint32_t next = peer.get("/4");
  const auto arrived = [](Socket& at) { return wait_ready(at.fd(), POLLIN, 0ms); };
  ASSERT_TRUE(run_until([&] { return arrived(one.server) || arrived(two.server); }));
  Socket& server = arrived(one.server) ? one.server : two.server;
  message(server);
  ASSERT_TRUE(server.send(ok("")));
  EXPECT_TRUE(ended(peer, next).whole) << "there is room again";
}

// RFC 9113 5.4.2: what is cut must not look complete.
TEST_F(Http2ResetTest, CutResponseIsNeverEnded) {
  serve();
  H2Peer& peer = h2();
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
  for (const std::string& response : {length, chunked}) {
    for (const bool by_reset : {false, true}) {
      Call call = called_get(peer);
      ASSERT_TRUE(call.server.send(response));
      EXPECT_TRUE(has_body(peer, call.id, "abc"));
      if (by_reset)
        call.server.reset();
      else
        call.server.close();
      const H2Peer::Stream& stream = ended(peer, call.id);
      EXPECT_EQ(stream.reset, H2Error::internal_error);
      EXPECT_FALSE(stream.whole);
      turns(5);
      EXPECT_FALSE(stream.whole);
    }
  }
  EXPECT_EQ(streams_ended(StreamEnd::reset_by_weir), 4u);
  EXPECT_EQ(peer.end(), Socket::End::open);
}

TEST_F(Http2ResetTest, BackendThatEndsBeforeItsAnswerIsA502) {
  serve("cluster: c, retry: { attempts: 0 }");
  H2Peer& peer = h2();
  Call call = called_get(peer);
  call.server.reset();
  const H2Peer::Stream& stream = ended(peer, call.id);
  EXPECT_EQ(stream.status, 502u);
  EXPECT_TRUE(stream.whole);
}

// Trap T17: what uploads that were reset have not used of the windows is given back.
TEST_F(Http2ResetTest, TenThousandResetUploadsLeaveTheWindowsWhole) {
  constexpr int kRounds = 200, kEach = 50;
  serve();
  H2Peer& peer = h2();
  const std::string part(1000, 'u');
  for (int round = 0; round < kRounds; ++round) {
    std::vector<uint32_t> ids;
    for (int i = 0; i < kEach; ++i) {
      ids.push_back(peer.ask("POST", "/up", {}, false));
      peer.send_data(ids.back(), part);
    }
    turns(round % 4);  // reset in the bytes they came with, and at each later time
    for (const uint32_t id : ids) peer.reset(id);
    turns(2);
    drop_connections();
    advance(3s);  // patience comes back
    ASSERT_EQ(peer.end(), Socket::End::open) << "in round " << round;
  }
  turns(5);
  drop_connections();
  EXPECT_EQ(cells("l").http2_streams.value, uint64_t{kRounds} * kEach);
  EXPECT_EQ(cells("l").http2_streams_active.value, 0);
  const std::string body(1'000'000, 'w');
  Call call = called(peer, peer.post("/whole", body));
  EXPECT_THAT(call.request, StartsWith("post /whole "));
  size_t got = 0;
  EXPECT_TRUE(run_until(
      [&] {
        got += call.server.receive(65536, 0ms).size();
        return got == body.size();
      },
      5000));
  EXPECT_EQ(answered(call, ok("")).status, 200u);
}

// CVE-2023-44487.
TEST_F(Http2ResetTest, FloodOfResetsEndsTheConnection) {
  serve();
  H2Peer& peer = h2();
  for (int i = 0; i < 1000; ++i) peer.reset(peer.get("/"));
  EXPECT_TRUE(gets_goaways(peer, 1));
  EXPECT_EQ(peer.goaways.back().code, H2Error::enhance_your_calm);
  EXPECT_EQ(errors(H2ErrorReason::flood_reset), 1u);
  EXPECT_TRUE(no_connection_arrives());
  EXPECT_TRUE(left_because(peer, EndReason::http2_flood));
}

// RFC 9113 4.3.
TEST_F(Http2ResetTest, BrokenHeaderBlockEndsTheConnectionAtOnce) {
  serve();
  H2Peer& peer = h2();
  turns(3);
  peer.send_frame(H2FrameType::headers, kH2EndStream | kH2EndHeaders, 1, "\x80");
  ASSERT_TRUE(gets_goaways(peer, 1));
  EXPECT_EQ(peer.goaways[0].code, H2Error::compression_error);
  EXPECT_TRUE(ends_with_fin(peer));
  EXPECT_EQ(cells("l").http2_streams_active.value, 0);
  EXPECT_TRUE(left_because(peer, EndReason::http2_error));
}

// RFC 9113 8.1: a pseudo-field in trailers.
TEST_F(Http2ResetTest, MalformedTrailersAbortTheUploadAtTheBackend) {
  serve();
  H2Peer& peer = h2();
  Call call = called_upload(peer);
  peer.send_data(call.id, "abc");
  until(call.server, "abc");
  peer.send_end(call.id, {{":path", "/"}});
  EXPECT_EQ(ended(peer, call.id).reset, H2Error::protocol_error);
  rest(call.server);
  EXPECT_EQ(call.server.end(), Socket::End::reset);
}

TEST_F(Http2ResetTest, MalformedTrailersInTheBytesOfTheHeadReachNoBackend) {
  serve();
  H2Peer& peer = h2();
  turns(3);
  const uint32_t id = peer.ask("POST", "/", {}, false);
  peer.send_end(id, {{":path", "/"}});
  EXPECT_EQ(ended(peer, id).reset, H2Error::protocol_error);
  EXPECT_TRUE(no_connection_arrives());
  EXPECT_EQ(cells("l").http2_streams_active.value, 0);
}

// RFC 9113 8.7: the client may send those again for which nothing was done.
TEST_F(Http2ResetTest, RequestsThatHaveNotBegunAreRefusedWhenADrainCutsTheirConnection) {
  constexpr size_t kAll = 100;
  serve();
  H2Peer& peer = h2();
  turns(3);
  for (size_t i = 0; i < kAll; ++i) peer.get("/");
  for (int i = 0; i < 10 && cells("l").http2_streams_active.value == 0; ++i) turns(1);
  ASSERT_EQ(cells("l").http2_streams_active.value, int64_t{kAll}) << "they came in one write";
  worker.cut_sessions(EndReason::drain_deadline);
  ASSERT_TRUE(run_until([&] { return peer.all_over(); }));
  size_t refused = 0, answered = 0;
  for (uint32_t id = 1; id < 2 * kAll; id += 2) {
    refused += peer[id].reset == H2Error::refused_stream ? 1 : 0;
    answered += peer[id].status == 503 ? 1 : 0;
  }
  EXPECT_GT(refused, 0u);
  EXPECT_GT(answered, 0u);
  EXPECT_EQ(refused + answered, kAll);
}

}  // namespace
}  // namespace weir::test

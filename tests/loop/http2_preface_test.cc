// How a connection without TLS comes to HTTP/2: by its first bytes (RFC 9113 3.3), next to HTTP/1
// on the same listener.
#include "support/http2_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Http2PrefaceTest : public Http2Fixture {
 protected:
  static constexpr const char* kHere =
      "routes: [{ match: { path_prefix: / }, respond: { body: here } }]";
  // The first bytes of a client, with a request.
  // It receives nothing and so answers nothing, until it has sent them all.
  std::string first_bytes(H2Peer& peer, uint32_t& id) {
    id = peer.get("/");
    peer.reads = false;
    return peer.take_output();
  }
};

TEST_F(Http2PrefaceTest, MayBeSplitAtEveryByte) {
  serve(kHere);
  size_t size = 2;
  for (size_t at = 1; at < size; ++at) {
    H2Peer& peer = h2();
    uint32_t id = 0;
    const std::string all = first_bytes(peer, id);
    size = all.size();
    ASSERT_TRUE(peer.socket().send(std::string_view(all).substr(0, at)));
    turns(3);
    ASSERT_TRUE(peer.socket().send(std::string_view(all).substr(at)));
    peer.reads = true;
    ASSERT_EQ(ended(peer, id).body, "here") << "split at byte " << at;
    peer.socket().reset();
  }
}

TEST_F(Http2PrefaceTest, MayComeByteByByte) {
  serve(kHere);
  H2Peer& peer = h2();
  uint32_t id = 0;
  for (const char byte : first_bytes(peer, id)) {
    ASSERT_TRUE(peer.socket().send({&byte, 1}));
    turns(2);
  }
  peer.reads = true;
  EXPECT_EQ(ended(peer, id).body, "here");
}

TEST_F(Http2PrefaceTest, DecidesForItsConnectionOnly) {
  serve(kHere);
  H2Peer& peer = h2();
  Socket old = client();
  EXPECT_EQ(ended(peer, peer.get("/")).body, "here");
  ASSERT_TRUE(old.send(get("/")));
  EXPECT_THAT(until(old, "here"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(ended(peer, peer.get("/")).body, "here");
  EXPECT_EQ(cells("l").http_connections[HttpMajor::h1].value, 1u);
  EXPECT_EQ(cells("l").http_connections[HttpMajor::h2].value, 1u);
  EXPECT_EQ(cells("l").http2_streams.value, 2u);
}

TEST_F(Http2PrefaceTest, IsRefusedWithoutHttp2) {
  serve(std::string(kHere) + ", http2: { enabled: false }");
  H2Peer& peer = h2();
  peer.reads = false;
  const std::string answer = rest(peer.socket());
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 "));
  EXPECT_THAT(answer, Not(StartsWith("HTTP/1.1 2")));
  EXPECT_EQ(cells("l").http2_streams.value, 0u);
  EXPECT_EQ(cells("l").http_connections[HttpMajor::h2].value, 0u);
}

TEST_F(Http2PrefaceTest, IsRefusedBehindARequestOfHttp1) {
  serve(kHere);
  Socket one = client();
  ASSERT_TRUE(one.send(get("/")));
  until(one, "here");
  ASSERT_TRUE(one.send(kH2Preface));
  EXPECT_THAT(rest(one), StartsWith("HTTP/1.1 "));
  EXPECT_EQ(cells("l").http_connections[HttpMajor::h2].value, 0u);
}

TEST_F(Http2PrefaceTest, UpgradeFromHttp1IsIgnored) {
  serve(kHere);
  Socket one = client();
  ASSERT_TRUE(one.send(get("/",
                           "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                           "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n")));
  EXPECT_THAT(until(one, "here"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(Http2PrefaceTest, WrongOneIsAConnectionError) {
  serve(kHere);
  H2Peer& peer = h2(client(), /*begins=*/false);
  ASSERT_TRUE(peer.socket().send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"));
  EXPECT_TRUE(run_until([&] { return errors(H2ErrorReason::protocol) == 1; }));
  EXPECT_TRUE(left_because(peer, EndReason::http2_error));
}

// RFC 9113 3.4: SETTINGS are the first frame.
TEST_F(Http2PrefaceTest, OtherFirstFrameIsAConnectionError) {
  serve(kHere);
  H2Peer& peer = h2(client(), /*begins=*/false);
  peer.send_frame(H2FrameType::ping, 0, 0, "12345678");
  const std::string ping = peer.take_output();
  ASSERT_TRUE(peer.socket().send(std::string(kH2Preface) + ping));
  EXPECT_TRUE(run_until([&] { return errors(H2ErrorReason::protocol) == 1; }));
  EXPECT_TRUE(left_because(peer, EndReason::http2_error));
}

TEST_F(Http2PrefaceTest, ThatStopsEndsWithItsTimeout) {
  serve(std::string(kHere) + ", timeouts: { request_header: 10s }");
  for (const size_t size : {size_t{5}, size_t{18}, kH2Preface.size()}) {
    const uint64_t before = ended("l", EndReason::request_header_timeout);
    Socket one = client();
    ASSERT_TRUE(one.send(kH2Preface.substr(0, size)));
    turns(5);
    advance(9s);
    EXPECT_EQ(worker.active(), 1u) << size;
    advance(2s);
    rest(one);
    one.close();
    EXPECT_TRUE(run_until([&] {
      return ended("l", EndReason::request_header_timeout) == before + 1;
    })) << size;
  }
}

}  // namespace
}  // namespace weir::test

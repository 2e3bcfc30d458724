// Windows are the back-pressure of HTTP/2: a slow stream stops itself, its backend or its client,
// and no other stream.
#include "support/http2_fixture.h"

namespace weir::test {
namespace {

class Http2PressureTest : public Http2Fixture {
 protected:
  static constexpr size_t kLarge = 100'000'000;  // more than all buffers of the kernel hold
  static std::string head_of(size_t size) {
    return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", size);
  }
};

TEST_F(Http2PressureTest, BackendIsNotReadBehindAClosedWindow) {
  serve();
  H2Peer& peer = h2();
  Call slow = called_get(peer, "/slow");
  slow.stream().takes = false;
  ASSERT_TRUE(slow.server.send(head_of(kLarge)));
  const size_t sent = send_all_that_is_taken(slow.server, kLarge);
  EXPECT_LT(sent, kLarge / 2);
  EXPECT_EQ(slow.stream().body.size(), size_t{kH2Window});
  Call other = called_get(peer, "/other");
  EXPECT_EQ(answered(other, ok(std::string(500'000, 'o'))).body.size(), 500'000u);
  EXPECT_EQ(slow.stream().body.size(), size_t{kH2Window});
  peer.take(slow.id);
  EXPECT_TRUE(run_until([&] { return slow.stream().body.size() > 2 * size_t{kH2Window}; }));
}

TEST_F(Http2PressureTest, BackendIsNotReadBehindASocketThatTakesNothing) {
  serve();
  Socket socket = client();
  socket.shrink_buffers();
  H2Peer& peer = h2(std::move(socket));
  peer.open_windows(1 << 30);
  Call call = called_get(peer);
  peer.reads = false;
  ASSERT_TRUE(call.server.send(head_of(kLarge)));
  EXPECT_LT(send_all_that_is_taken(call.server, kLarge), kLarge / 2);
  EXPECT_LT(buffered(), 1'000'000) << "nothing is held but the output";
}

TEST_F(Http2PressureTest, OneSlowStreamAmongNinetyNineStopsOnlyItself) {
  constexpr size_t kSize = 200'000, kMany = 99;
  serve();
  H2Peer& peer = h2();
  Call slow = called_get(peer, "/slow");
  slow.stream().takes = false;
  std::vector<Call> others;
  for (size_t i = 0; i < kMany; ++i) others.push_back(called_get(peer, fmt::format("/{}", i)));
  const std::string response = ok(std::string(kSize, 'r'));
  std::vector<size_t> sent(kMany + 1);
  const auto send_more = [&](Socket& to, size_t& so_far) {
    so_far += to.send_some(std::string_view(response).substr(so_far, 65536));
  };
  EXPECT_TRUE(run_until(
      [&] {
        send_more(slow.server, sent[kMany]);
        for (size_t i = 0; i < kMany; ++i) send_more(others[i].server, sent[i]);
        return peer.over() == kMany;
      },
      5000))
      << peer.over();
  for (const Call& call : others) EXPECT_EQ(call.stream().body.size(), kSize);
  EXPECT_EQ(slow.stream().body.size(), size_t{kH2Window});
  peer.take(slow.id);
  EXPECT_EQ(ended(peer, slow.id).body.size(), kSize);
}

TEST_F(Http2PressureTest, WindowOfAnUploadIsNotGivenBackBeforeTheBackendReads) {
  serve("cluster: c, timeouts: { request_body: 1h }", "timeouts: { response_header: 1h }");
  H2Peer& peer = h2();
  Call stuck = called_upload(peer, "/stuck");
  peer.send_data(stuck.id, std::string(kLarge / 4, 's'), true);
  size_t left = 0;
  for (int quiet = 0; quiet < 10;) {
    quiet = stuck.stream().unsent.size() == left ? quiet + 1 : 0;
    left = stuck.stream().unsent.size();
    turns(3);
  }
  EXPECT_GT(left, kLarge / 8) << "buffers of the kernel have no room for it";
  EXPECT_LT(buffered(), 2'000'000) << "at most a window is held";
  const std::string body(1'000'000, 'o');
  Call other = called(peer, peer.post("/other", body));
  size_t got = 0;
  EXPECT_TRUE(run_until(
      [&] {
        got += other.server.receive(65536, 0ms).size();
        return got == body.size();
      },
      5000))
      << "the window of the connection is given back: " << got;
  EXPECT_EQ(answered(other, ok("")).status, 200u);
  EXPECT_EQ(stuck.stream().unsent.size(), left);
  EXPECT_TRUE(run_until(
      [&] {
        stuck.server.receive(1 << 20, 0ms);
        return stuck.stream().unsent.empty();
      },
      20000))
      << "the backend reads: the upload goes on";
}

// 1 MiB of a client's bytes is held at most, then the window of its connection closes.
TEST_F(Http2PressureTest, ManyStuckUploadsHoldABoundedAmount) {
  constexpr size_t kMany = 60;
  serve("cluster: c, timeouts: { request_body: 1h }", "timeouts: { response_header: 1h }");
  H2Peer& peer = h2();
  std::vector<Call> calls;
  for (size_t i = 0; i < kMany; ++i) {
    calls.push_back(called_upload(peer));
    calls.back().server.shrink_buffers();
  }
  for (const Call& call : calls) peer.send_data(call.id, std::string(8'000'000, 's'));
  for (int i = 0; i < 300; ++i) {
    turns(3);
    EXPECT_LT(buffered(), 2'500'000);
  }
  EXPECT_GT(buffered(), 1'000'000);
  EXPECT_EQ(peer.end(), Socket::End::open);
}

}  // namespace
}  // namespace weir::test

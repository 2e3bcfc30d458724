// HTTP/2 on both sides: clients are H2Peers, and the backend of `c` is an H2Backend.
#include "support/h2_backend.h"
#include "support/http2_fixture.h"

namespace weir::test {
namespace {

class Http2BothSidesTest : public Http2Fixture {
 protected:
  Http2BothSidesTest() {
    before_turn = [this, peers = std::move(before_turn)] {
      peers();
      server_.step();
    };
  }

  void serve_both(const std::string& listener = "", const std::string& cluster = "",
                  const std::string& route = "") {
    apply("listeners:\n" + listener_text("routes: [{ cluster: c" + route + " }]" + listener) +
          "clusters:\n" + cluster_text("c", server_.address(), "protocol: http2" + cluster));
  }
  // The n-th request of the only connection.
  H2Accepted::Request& request(size_t n = 0) {
    EXPECT_TRUE(run_until([&] { return server_.requests() > n; }));
    return server_[0].request(uint32_t(2 * n + 1));
  }

  H2Backend server_;
};

// gRPC streams may be silent for hours in both directions.
TEST_F(Http2BothSidesTest, GrpcCallMayBeSilentWhereTheClusterHasHttp2) {
  serve_both(", timeouts: { request_body: 5s }, limits: { min_body_rate: 1KiB/s }",
             ", timeouts: { response_header: 5s, response_idle: 5s }");
  H2Peer& peer = h2();
  const uint32_t id = peer.ask("POST", "/s/m", {{"content-type", "application/grpc"}}, false);
  request();
  for (int i = 0; i < 30; ++i) advance(1s);
  server_[0].send_head(1, 200, {{"content-type", "application/grpc"}});
  EXPECT_TRUE(has_status(peer, id, 200));
  for (int i = 0; i < 30; ++i) advance(1s);
  EXPECT_FALSE(peer[id].over());
  peer.send_end(id);
  server_[0].send_trailers(1, {{"grpc-status", "0"}});
  EXPECT_EQ(ended(peer, id).trailer("grpc-status"), "0");
}

}  // namespace
}  // namespace weir::test

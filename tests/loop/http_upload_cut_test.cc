// Requests that end in the middle of their bodies while their responses are relayed, on real
// sockets: HTTP/1 and HTTP/2 on either side.
#include "support/h2_backend.h"
#include "support/http2_fixture.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Versions {
  const char* name;
  bool client_h2, backend_h2;
  friend void PrintTo(const Versions& versions, std::ostream* out) { *out << versions.name; }
};

class UploadCutTest : public Http2Fixture, public testing::WithParamInterface<Versions> {
 protected:
  UploadCutTest() {
    before_turn = [this, peers = std::move(before_turn)] {
      peers();
      h2_backend_.step();
    };
  }

  // Both bodies are on their way: the backend has "part", the client "hello".
  void begin_both(const std::string& listener) {
    const bool h2 = GetParam().backend_h2;
    apply("listeners:\n" + listener_text("cluster: c, " + listener) + "clusters:\n" +
          cluster_text("c", h2 ? h2_backend_.address() : backend.address(),
                       h2 ? "protocol: http2" : ""));
    begin_request();
    h2 ? begin_response() : begin_h1_response();
    if (peer_ != nullptr)
      ASSERT_TRUE(has_body(*peer_, id_, "hello"));
    else
      EXPECT_THAT(until(client_, "hello"), StartsWith("HTTP/1.1 200 "));
  }
  void client_sends(const std::string& data) {
    if (peer_ != nullptr)
      peer_->send_data(id_, data);
    else
      client_.send(fmt::format("{:x}\r\n{}\r\n", data.size(), data));
  }
  bool backend_is_cut() {
    if (!GetParam().backend_h2) {
      const std::string got = rest(server_);
      EXPECT_THAT(got, Not(HasSubstr("\r\n0\r\n")));
      return server_.end() == Socket::End::reset;
    }
    return run_until([&] { return !request().reset.empty(); }) && !request().ended;
  }
  // Its part is delivered first.
  bool client_is_cut() {
    if (peer_ == nullptr) return ends_with_reset(client_);
    return run_until([&] {
             advance(10ms);
             return stream().reset.has_value();
           }) &&
           !stream().whole;
  }
  H2Peer::Stream& stream() { return (*peer_)[id_]; }
  H2Accepted::Request& request() { return h2_backend_[0].request(1); }

  LogCapture log_;

 private:
  void begin_request() {
    if (GetParam().client_h2) {
      peer_ = &h2();
      id_ = peer_->ask("POST", "/", {}, false);
    } else {
      client_ = client();
      client_.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    }
    client_sends("part");
  }
  void begin_h1_response() {
    server_ = accepted();
    until(server_, "part\r\n");
    server_.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  }
  void begin_response() {
    ASSERT_TRUE(run_until([&] { return h2_backend_.requests() == 1 && request().body == "part"; }));
    h2_backend_[0].send_head(1, 200);
    h2_backend_[0].send_data(1, "hello");
    h2_backend_.flush();
  }

  H2Backend h2_backend_;
  Socket client_, server_;
  H2Peer* peer_ = nullptr;  // null: the client has HTTP/1
  uint32_t id_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Versions, UploadCutTest,
                         testing::Values(Versions{"Http1ToHttp1", false, false},
                                         Versions{"Http1ToHttp2", false, true},
                                         Versions{"Http2ToHttp1", true, false},
                                         Versions{"Http2ToHttp2", true, true}),
                         [](const auto& versions) { return std::string(versions.param.name); });

TEST_P(UploadCutTest, TooLargeBodyCutsBothSides) {
  begin_both("limits: { max_body_size: 1KiB }");
  client_sends(std::string(2000, 'x'));
  EXPECT_TRUE(backend_is_cut());
  EXPECT_TRUE(client_is_cut());
  EXPECT_TRUE(has_line(log_.access(), {"status=200", "reason=bad_request"}));
  EXPECT_EQ(cells("l").request_errors[RequestError::body_too_large].value, 1u);
}

TEST_P(UploadCutTest, SlowBodyCutsBothSides) {
  begin_both("limits: { min_body_rate: 1KiB/s }");
  for (int i = 0; i < 11; ++i) advance(1s);
  EXPECT_TRUE(backend_is_cut());
  EXPECT_TRUE(client_is_cut());
  EXPECT_TRUE(has_line(log_.access(), {"status=200", "reason=request_body_timeout"}));
}

}  // namespace
}  // namespace weir::test

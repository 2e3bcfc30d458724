// Requests of HTTP/1 clients over shared connections to a backend with HTTP/2.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/h2_backend.h"
#include "support/worker_fixture.h"

namespace weir::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Http2BackendTest : public testing::Test, public WorkerFixture {
 protected:
  // `cluster`: further keys; `route`: of the only route.
  void serve(const std::string& cluster = "", const std::string& route = "") {
    apply(fmt::format(
        "listeners:\n  - {{ name: l, bind: \"127.0.0.1:0\", protocol: http, allow_connect: true,\n"
        "      routes: [ {{ name: r, cluster: c{} }} ] }}\n"
        "clusters:\n  - {{ name: c, protocol: http2, backends: [{}]{} }}\n",
        route, backend_.address().text(), cluster));
  }
  template <typename Predicate>
  bool until(Predicate&& done) {
    return run_until([&] {
      backend_.step();
      return done();
    });
  }
  Socket ask(const std::string& text) {
    Socket socket = client();
    EXPECT_TRUE(socket.send(text));
    return socket;
  }
  Socket get(const std::string& path = "/") {
    return ask("GET " + path + " HTTP/1.1\r\nHost: a.test\r\n\r\n");
  }
  // The backend has so many requests, of all its connections.
  bool await_requests(size_t n) {
    return until([&] { return backend_.requests() >= n; });
  }
  bool await_end_of_request(uint32_t id, size_t connection = 0) {
    return until([&] { return backend_[connection].request(id).ended; });
  }
  // What the client gets, until `end` has come.
  std::string receive(Socket& socket, const std::string& end) {
    std::string got;
    EXPECT_TRUE(until([&] {
      for (std::string byte; !(byte = socket.receive(1, 1ms)).empty();) got += byte;
      return got.find(end) != std::string::npos || socket.end() != Socket::End::open;
    })) << got;
    return got;
  }
  BackendCells cells_of_backend() { return backend_cells("c", backend_.address().text()); }

  H2Backend backend_;
};

TEST_F(Http2BackendTest, GetsTheFieldsOfARequest) {
  serve();
  Socket socket = ask(
      "GET /path?q=1 HTTP/1.1\r\nHost: a.test:80\r\nX-One: 1\r\nConnection: x-two\r\nX-Two: 2\r\n"
      "TE: gzip, trailers\r\n\r\n");
  ASSERT_TRUE(await_requests(1));
  EXPECT_EQ(backend_[0].request(1).head, "GET /path?q=1");
  EXPECT_THAT(
      backend_[0].request(1).fields,
      AllOf(HasSubstr(":authority=a.test:80"), HasSubstr(":scheme=http"), HasSubstr("x-one=1"),
            HasSubstr("x-forwarded-for=127.0.0.1"), Not(HasSubstr("x-two")),
            Not(HasSubstr("connection")), Not(HasSubstr(" host="))));
  ASSERT_TRUE(await_end_of_request(1)) << "END_STREAM with HEADERS";
  backend_[0].answer(1, "hello");
  EXPECT_THAT(receive(socket, "hello"),
              AllOf(HasSubstr("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 5\r\n")));
}

TEST_F(Http2BackendTest, RequestsOfManyClientsShareOneConnection) {
  serve();
  std::vector<Socket> sockets;
  for (int i = 0; i < 10; ++i) sockets.push_back(get("/" + std::to_string(i)));
  ASSERT_TRUE(await_requests(10));
  EXPECT_EQ(backend_.connections(), 1u);
  EXPECT_EQ(cells_of_backend().active.value, 1);
  EXPECT_EQ(cells_of_backend().in_flight.value, 10);
  for (const uint32_t id : backend_[0].ids()) backend_[0].answer(id, backend_[0].request(id).head);
  for (int i = 0; i < 10; ++i)
    EXPECT_THAT(receive(sockets[static_cast<size_t>(i)], "GET /"), HasSubstr("200"));
  EXPECT_EQ(cells_of_backend().in_flight.value, 0);
}

TEST_F(Http2BackendTest, ConnectionOfAClientIsUsedAgain) {
  serve();
  Socket socket = get("/1");
  ASSERT_TRUE(await_requests(1));
  backend_[0].answer(1, "one");
  receive(socket, "one");
  ASSERT_TRUE(socket.send("GET /2 HTTP/1.1\r\nHost: a.test\r\n\r\n"));
  ASSERT_TRUE(await_requests(2));
  backend_[0].answer(3, "two");
  EXPECT_THAT(receive(socket, "two"), HasSubstr("200 OK"));
}

TEST_F(Http2BackendTest, BodiesGoBothWays) {
  serve();
  Socket socket =
      ask("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  ASSERT_TRUE(
      until([&] { return backend_.requests() == 1 && backend_[0].request(1).body == "abc"; }));
  EXPECT_FALSE(backend_[0].request(1).ended);
  backend_[0].send_head(1, 200);
  backend_[0].send_data(1, "early");
  EXPECT_THAT(receive(socket, "early"), HasSubstr("chunked"));
  ASSERT_TRUE(socket.send("3\r\ndef\r\n0\r\nX-Sum: 6\r\n\r\n"));
  ASSERT_TRUE(await_end_of_request(1));
  EXPECT_EQ(backend_[0].request(1).body, "abcdef");
  EXPECT_EQ(backend_[0].request(1).trailers, "x-sum=6");
  backend_[0].send_trailers(1, {{"x-check", "1"}});
  EXPECT_THAT(receive(socket, "\r\n\r\n"), HasSubstr("0\r\nx-check: 1\r\n\r\n"));
}

TEST_F(Http2BackendTest, LargeBodyIsReceivedWhole) {
  serve();
  Socket socket = get();
  ASSERT_TRUE(await_requests(1));
  const std::string body(1024 * 1024, 'x');
  backend_[0].send_head(1, 200, {{"content-length", std::to_string(body.size())}});
  size_t sent = 0;
  std::string got;
  ASSERT_TRUE(until([&] {
    if (sent < body.size()) {
      const size_t n =
          std::min(backend_[0].connection.sendable(backend_[0].request(1)), body.size() - sent);
      backend_[0].send_data(1, body.substr(sent, n), sent + n == body.size());
      sent += n;
    }
    got += socket.receive(256 * 1024, 1ms);
    return got.size() > body.size();
  }));
  EXPECT_TRUE(got.ends_with("xxxx"));
}

TEST_F(Http2BackendTest, AnswerWithoutABodyEndsWithItsHead) {
  serve();
  Socket socket = ask("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  ASSERT_TRUE(await_requests(1));
  backend_[0].send_head(1, 200, {{"content-length", "7"}}, true);
  EXPECT_THAT(receive(socket, "\r\n\r\n"), HasSubstr("Content-Length: 7\r\n"));
  ASSERT_TRUE(socket.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"));
  ASSERT_TRUE(await_requests(2));
  backend_[0].send_head(3, 204, {}, true);
  EXPECT_THAT(receive(socket, "\r\n\r\n"), HasSubstr("204 No Content"));
}

TEST_F(Http2BackendTest, InterimResponsesThatComeTogetherAreRelayed) {
  serve();
  Socket socket = get();
  ASSERT_TRUE(await_requests(1));
  backend_[0].send_head(1, 103, {{"link", "</a>"}});
  backend_[0].send_head(1, 103, {{"link", "</b>"}});
  backend_[0].send_head(1, 200, {{"x-final", "1"}});
  backend_[0].send_data(1, "end", true);
  const std::string got = receive(socket, "0\r\n\r\n");
  const size_t a = got.find("</a>"), b = got.find("</b>"), final = got.find("x-final: 1");
  EXPECT_LT(a, b) << got;
  EXPECT_LT(b, final) << got;
  EXPECT_NE(final, std::string::npos);
}

// RFC 9113 8.1.1.
TEST_F(Http2BackendTest, MalformedHeadIsABadGateway) {
  serve();
  Socket socket = get();
  ASSERT_TRUE(await_requests(1));
  backend_[0].send_head(1, 200, {{"connection", "close"}});
  EXPECT_THAT(receive(socket, "\r\n\r\n"), HasSubstr("502"));
  ASSERT_TRUE(until([&] { return !backend_[0].request(1).reset.empty(); }));
  EXPECT_EQ(backend_[0].request(1).reset, "1");
  EXPECT_FALSE(backend_[0].ended()) << "the others go on";
}

TEST_F(Http2BackendTest, ResetInTheMiddleOfAResponseCutsIt) {
  serve();
  Socket socket = get();
  ASSERT_TRUE(await_requests(1));
  backend_[0].send_head(1, 200, {{"content-length", "10"}});
  backend_[0].send_data(1, "abc");
  receive(socket, "abc");
  backend_[0].reset(1, H2Error::internal_error);
  EXPECT_TRUE(until([&] {
    socket.receive(1, 1ms);
    return socket.end() != Socket::End::open;
  }));
  EXPECT_EQ(cells_of_backend().request_errors[BackendError::truncated].value, 1u);
}

TEST_F(Http2BackendTest, ClientThatLeavesCancelsItsStreamOnly) {
  serve();
  Socket a = get("/a"), b = get("/b");
  ASSERT_TRUE(await_requests(2));
  a.reset();
  ASSERT_TRUE(until([&] {
    return !backend_[0].request(1).reset.empty() || !backend_[0].request(3).reset.empty();
  }));
  const uint32_t other = backend_[0].request(1).reset.empty() ? 1 : 3;
  backend_[0].answer(other, "fine");
  EXPECT_THAT(receive(b, "fine"), HasSubstr("200"));
}

// RFC 9113 8.7: a POST, too.
TEST_F(Http2BackendTest, RefusedRequestIsSentAgain) {
  serve();
  Socket socket = ask("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody");
  ASSERT_TRUE(await_requests(1));
  backend_[0].reset(1, H2Error::refused_stream);
  backend_.flush();
  ASSERT_TRUE(run_until([&] {
    backend_.step();
    advance(50ms);
    return backend_.requests() == 2;
  }));
  ASSERT_TRUE(await_end_of_request(3));
  EXPECT_EQ(backend_[0].request(3).body, "body");
  backend_[0].answer(3, "second");
  EXPECT_THAT(receive(socket, "second"), HasSubstr("200"));
  EXPECT_EQ(cluster_cells("c").retry_causes[RetryCause::refused_stream].value, 1u);
}

// The limit was not known: this says nothing about the backend, and is none of the attempts.
TEST_F(Http2BackendTest, RequestThatIsRefusedBeforeTheSettingsIsSentAgainWithoutUsingUpARetry) {
  serve("", ", retry: { attempts: 1 }");
  backend_.silent = true;
  Socket socket = get();
  ASSERT_TRUE(until([&] { return backend_.connections() == 1; }));
  turns(5);
  backend_[0].begin(backend_.settings);
  for (const uint32_t id : {1u, 3u}) {
    ASSERT_TRUE(until([&] {
      advance(50ms);
      return backend_[0].requests.contains(id);
    }));
    backend_[0].reset(id, H2Error::refused_stream);
  }
  ASSERT_TRUE(until([&] {
    advance(50ms);
    return backend_[0].requests.contains(5);
  }));
  backend_[0].answer(5);
  EXPECT_THAT(receive(socket, "ok"), HasSubstr("200"));
}

// RFC 9113 6.8.
TEST_F(Http2BackendTest, RequestAboveTheGoawayIsSentOverAnotherConnection) {
  serve();
  Socket a = get("/a");
  ASSERT_TRUE(await_requests(1));
  Socket b = ask("POST /b HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody");
  ASSERT_TRUE(await_requests(2));
  backend_[0].send_raw(std::string("\0\0\x08\x07\0\0\0\0\0\0\0\0\x01\0\0\0\0", 17));
  ASSERT_TRUE(
      until([&] { return backend_.connections() == 2 && backend_[1].requests.size() == 1; }));
  ASSERT_TRUE(await_end_of_request(1, 1));
  backend_[1].answer(1, "for b");
  EXPECT_THAT(receive(b, "for b"), HasSubstr("200"));
  backend_[0].answer(1, "for a");
  EXPECT_THAT(receive(a, "for a"), HasSubstr("200"));
  EXPECT_TRUE(until([&] { return backend_[0].ended(); }));
}

TEST_F(Http2BackendTest, PostIsNotSentAgainWhenItMayHaveBeenProcessed) {
  serve();
  Socket socket = ask("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody");
  ASSERT_TRUE(await_requests(1));
  backend_[0].reset_connection();
  turns(3);
  advance(600ms);  // the reset may have come with bytes, and without an event of its own
  EXPECT_THAT(receive(socket, "\r\n\r\n"), HasSubstr("502"));
  EXPECT_EQ(backend_.connections(), 1u);
}

TEST_F(Http2BackendTest, QueueWaitsForAStreamThatEnds) {
  serve(", pool: { max_connections: 1, max_streams: 1 }");
  Socket a = get("/a");
  ASSERT_TRUE(await_requests(1));
  Socket b = get("/b");
  ASSERT_TRUE(until([&] { return cluster_cells("c").queue_length.value == 1; }));
  backend_[0].answer(1, "first");
  receive(a, "first");
  ASSERT_TRUE(await_requests(2));
  backend_[0].answer(3, "second");
  EXPECT_THAT(receive(b, "second"), HasSubstr("200"));
}

TEST_F(Http2BackendTest, BackendWithoutHttp2IsUnreachable) {
  serve("", ", retry: { attempts: 0 }");
  backend_.acceptor().stop();
  Socket socket = get();
  EXPECT_THAT(receive(socket, "\r\n\r\n"), HasSubstr("502"));
}

TEST_F(Http2BackendTest, ConnectionThatIsNotMadeInTimeIsAGatewayTimeout) {
  serve(", timeouts: { connect: 1s }", ", retry: { attempts: 0 }");
  FullQueue full(backend_.acceptor());
  Socket socket = get();
  turns(3);
  advance(2s);
  EXPECT_THAT(receive(socket, "\r\n\r\n"), HasSubstr("504"));
  EXPECT_EQ(cells_of_backend().connect_errors[ConnectError::timeout].value, 1u);
}

TEST_F(Http2BackendTest, ResponseThatIsWholeSurvivesTheResetOfItsRequest) {
  serve();
  Socket socket = ask("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\nsome");
  ASSERT_TRUE(await_requests(1));
  backend_[0].send_head(1, 413, {{"content-length", "5"}});
  backend_[0].send_data(1, "large", true);
  backend_[0].reset(1, H2Error::no_error);
  EXPECT_THAT(receive(socket, "large"), HasSubstr("413"));
}

TEST_F(Http2BackendTest, ProtocolOfTheClusterChangesWithAReload) {
  serve();
  Socket a = get();
  ASSERT_TRUE(await_requests(1));
  backend_[0].answer(1, "first");
  receive(a, "first");
  apply(fmt::format(
      "listeners:\n  - {{ name: l, bind: \"127.0.0.1:0\", protocol: http, cluster: c }}\n"
      "clusters:\n  - {{ name: c, backends: [{}] }}\n",
      backend_.address().text()));
  EXPECT_TRUE(until([&] { return backend_[0].ended(); }));
}

}  // namespace
}  // namespace weir::test

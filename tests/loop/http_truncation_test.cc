// A truncated body must not look complete: bodies that end too early, in each framing and both
// directions, and exchanges that one side aborts.
#include "support/http_fixture.h"

namespace weir::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpTruncationTest : public HttpFixture {
 protected:
  void SetUp() override { serve(); }
  // The bytes that the client has received before the reset.
  std::string cut_short(const std::string& request, const std::string& response, bool reset) {
    Sides sides = asked(request);
    EXPECT_TRUE(sides.server.send(response));
    std::string got = until(sides.client, "abc");
    if (reset)
      sides.server.reset();
    else
      sides.server.close();
    got += rest(sides.client);
    EXPECT_EQ(sides.client.end(), Socket::End::reset) << response;
    return got;
  }
};

TEST_F(HttpTruncationTest, TruncatedResponseResetsTheClient) {
  for (bool reset : {false, true}) {
    cut_short(get("/"), "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", reset);
    cut_short(get("/"), "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc", reset);
    EXPECT_THAT(
        cut_short(get("/"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                  reset),
        Not(HasSubstr("\r\n0\r\n")));
    cut_short(get("/"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", reset);
    cut_short(get("/"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
              reset);
  }
  EXPECT_THAT(cut_short(get("/"), "HTTP/1.1 200 OK\r\n\r\nabc", true), Not(HasSubstr("\r\n0\r\n")));
}

TEST_F(HttpTruncationTest, TruncatedResponseResetsAlsoAnHttp10Client) {
  const std::string old = "GET / HTTP/1.0\r\nHost: a\r\n\r\n";
  cut_short(old, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", false);
  cut_short(old, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", false);
  cut_short(old, "HTTP/1.1 200 OK\r\n\r\nabc", true);
}

// A reset would destroy the bytes of the response before, which the client has not received yet.
TEST_F(HttpTruncationTest, TruncatedResponseDoesNotTruncateTheOneBeforeIt) {
  const std::string first(400'000, 'x');
  Socket asker = client();
  asker.shrink_buffers();
  ASSERT_TRUE(asker.send(get("/1") + get("/2")));
  Socket server = accepted();
  message(server);
  ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + first));
  EXPECT_THAT(message(server), StartsWith("GET /2 "));
  ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
  server.close();
  const std::string text = backend.address().text();
  ASSERT_TRUE(run_until([&] { return backend_cells("c", text).active.value == 0; }));
  const std::string got = rest(asker);
  EXPECT_NE(got.find(first), std::string::npos) << got.size() << " bytes came";
  EXPECT_THAT(got.substr(got.size() - std::min<size_t>(got.size(), 100)), EndsWith("\r\nabc"));
  EXPECT_EQ(asker.end(), Socket::End::fin);
  asker.close();
  EXPECT_TRUE(run_until([&] { return ended("l", EndReason::backend_closed) == 1u; }));
}

TEST_F(HttpTruncationTest, InvalidChunksResetTheClient) {
  Sides sides = asked(get("/"));
  ASSERT_TRUE(sides.server.send(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnonsense\r\n"));
  EXPECT_THAT(rest(sides.client), Not(HasSubstr("nonsense")));
  EXPECT_EQ(sides.client.end(), Socket::End::reset);
  rest(sides.server);
  EXPECT_EQ(ended("l", EndReason::backend_error), 1u);
}

TEST_F(HttpTruncationTest, TruncatedUploadIsNeverCompleted) {
  for (bool reset : {false, true}) {
    for (const auto& [framing, part, whole] :
         std::vector<std::tuple<std::string, std::string, std::string>>{
             {"Content-Length: 10", "abc", "0000000000"},
             {"Content-Length: 1000000", "abc", "0000000000"},
             {"Transfer-Encoding: chunked", "3\r\nabc\r\n", "0\r\n\r\n"},
             {"Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n", "0\r\n\r\n"}}) {
      Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\n" + framing + "\r\n\r\n");
      ASSERT_TRUE(sides.client.send(part));
      std::string got = until(sides.server, "abc");
      if (reset)
        sides.client.reset();
      else
        sides.client.close();
      got += rest(sides.server);
      EXPECT_THAT(got, Not(HasSubstr(whole))) << framing;
    }
  }
  EXPECT_EQ(backend_cells("c", backend.address().text()).in_flight.value, 0);
}

// A client that ends its upload early gets no success.
TEST_F(HttpTruncationTest, ClientThatFinishesWithinItsUploadIsNotAnswered200) {
  Sides sides = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  bytes(sides.server, 3);
  sides.client.finish();
  rest(sides.server);
  EXPECT_THAT(rest(sides.client), Not(HasSubstr(" 200 ")));
}

TEST_F(HttpTruncationTest, ClientThatClosesCancelsTheWorkOfItsBackend) {
  Sides waiting = asked(get("/"));
  waiting.client.reset();
  rest(waiting.server);
  EXPECT_EQ(ended("l", EndReason::client_reset), 1u);

  Sides reading = asked(get("/"));
  ASSERT_TRUE(reading.server.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc"));
  until(reading.client, "abc");
  reading.client.reset();
  rest(reading.server);
  EXPECT_EQ(ended("l", EndReason::client_reset), 2u);
  EXPECT_EQ(backend_cells("c", backend.address().text()).in_flight.value, 0);
  EXPECT_EQ(backend_cells("c", backend.address().text()).active.value, 0);
}

TEST_F(HttpTruncationTest, ClientThatHasFinishedSendingIsAnsweredWhenConfigured) {
  serve("cluster: c, cancel_on_close: false");
  Sides sides = asked(get("/") + get("/second"));
  sides.client.finish();
  ASSERT_TRUE(sides.server.send(ok("first")));
  message(sides.server);
  ASSERT_TRUE(sides.server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  turns(5);
  ASSERT_TRUE(sides.server.send("6\r\nsecond\r\n0\r\n\r\n"));
  EXPECT_THAT(rest(sides.client), EndsWith("second\r\n0\r\n\r\n"));
  EXPECT_EQ(sides.client.end(), Socket::End::fin);
}

TEST_F(HttpTruncationTest, UploaderThatHasFinishedSendingIsAnsweredWhenConfigured) {
  serve("cluster: c, cancel_on_close: false");
  Sides sides = asked(post("/", "abc"));
  sides.client.finish();
  EXPECT_EQ(bytes(sides.server, 3), "abc");
  ASSERT_TRUE(sides.server.send(ok("thanks")));
  EXPECT_THAT(rest(sides.client), EndsWith("thanks"));
  EXPECT_EQ(sides.client.end(), Socket::End::fin);
}

TEST_F(HttpTruncationTest, PartialHeadIsNoRequest) {
  Socket one = client();
  ASSERT_TRUE(one.send("GET / HTTP/1.1\r\nHost: a\r\n"));
  turns(3);
  one.finish();
  EXPECT_THAT(rest(one), Not(HasSubstr(" 200 ")));
  EXPECT_TRUE(no_connection_arrives());
}

}  // namespace
}  // namespace weir::test

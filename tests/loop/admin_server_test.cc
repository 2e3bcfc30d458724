// The admin server over real sockets: order, bounds, and hostile clients.
#include <sys/resource.h>
#include <zlib.h>

#include "admin_fixture.h"

namespace weir::test {
namespace {

TEST_F(AdminServerTest, AnswersARequestAndKeepsTheConnection) {
  AdminClient client(address_);
  for (int i = 0; i < 3; ++i) {
    client.send(get("/hello?name=J%C3%BCrgen+K"));
    ASSERT_TRUE(replied(client));
    EXPECT_EQ(client.status, 200);
    EXPECT_EQ(client.body, "hello J\xc3\xbcrgen K");
    EXPECT_EQ(client.field("Content-Type"), "application/json");
    EXPECT_EQ(client.field("Connection"), "");
  }
  EXPECT_FALSE(client.ended());
  EXPECT_EQ(server_.connections(), 1u);
}

TEST_F(AdminServerTest, ReadsABodyByLengthAndInChunks) {
  AdminClient client(address_);
  client.send(post("/echo", "{\"a\":1}"));
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.body, "{\"a\":1}");
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.body, "abcde");
}

TEST_F(AdminServerTest, AnswersPipelinedRequestsInOrder) {
  AdminClient client(address_);
  std::string all;
  for (int i = 0; i < 100; ++i) all += get("/hello?name=" + std::to_string(i));
  ASSERT_EQ(client.send(all), all.size());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(replied(client)) << i;
    EXPECT_EQ(client.body, "hello " + std::to_string(i));
  }
}

TEST_F(AdminServerTest, DoesNotReadAheadWhileARequestIsHandled) {
  AdminClient client(address_);
  client.send(get("/later"));
  ASSERT_TRUE(run_until([&] { return later_.size() == 1; }));
  client.send(get("/hello"));
  test_.turns(5);
  EXPECT_EQ(handled_, 0);
  later_.front().reply({.body = "first"});
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.body, "first");
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.body, "hello you");
}

TEST_F(AdminServerTest, AnswersAndClosesWhenTheClientAsksForIt) {
  AdminClient client(address_);
  client.send(get("/hello", "Connection: close\r\n") + get("/hello"));
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.field("Connection"), "close");
  ASSERT_TRUE(run_until([&] { return client.ended(); }));
  EXPECT_FALSE(client.reset());
  EXPECT_EQ(handled_, 1);
}

TEST_F(AdminServerTest, KeepsAnHttp10ConnectionOnlyWhenAsked) {
  AdminClient client(address_);
  client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.field("Connection"), "keep-alive");
  client.send("GET /hello HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(replied(client));
  EXPECT_TRUE(run_until([&] { return client.ended(); }));
}

TEST_F(AdminServerTest, AnswersARequestFollowedByAHalfClose) {
  AdminClient client(address_);
  client.send(get("/hello"));
  client.finish();
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.status, 200);
  EXPECT_TRUE(run_until([&] { return client.ended() && server_.connections() == 0; }));
}

TEST_F(AdminServerTest, AnswersLaterAfterAHalfClose) {
  AdminClient client(address_);
  client.send(get("/later"));
  client.finish();
  ASSERT_TRUE(run_until([&] { return later_.size() == 1; }));
  test_.turns(5);
  later_.front().reply({.body = "late"});
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.body, "late");
}

TEST_F(AdminServerTest, OmitsTheBodyForHead) {
  AdminClient client(address_);
  client.send("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/hello"));
  ASSERT_TRUE(replied(client, /*without_body=*/true));
  EXPECT_EQ(client.field("Content-Length"), "9");
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.body, "hello you");
}

TEST_F(AdminServerTest, ReportsTheAvailablePathsAndMethods) {
  EXPECT_EQ(status_of(get("/nothing")), 404);
  AdminClient client(address_);
  client.send("DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.status, 405);
  EXPECT_EQ(client.field("Allow"), "GET, HEAD");
}

TEST_F(AdminServerTest, CompressesLargeBodiesWhenAccepted) {
  AdminClient client(address_);
  client.send(get("/big", "Accept-Encoding: deflate, gzip;q=0.5\r\n"));
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.field("Content-Encoding"), "gzip");
  EXPECT_EQ(client.field("Vary"), "Accept-Encoding");
  EXPECT_LT(client.body.size(), big_.size() / 3);
  std::string plain(big_.size() + 1, '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(client.body.data());
  stream.avail_in = uInt(client.body.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());
  stream.avail_out = uInt(plain.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  plain.resize(stream.total_out);
  inflateEnd(&stream);
  EXPECT_TRUE(plain == big_);
}

TEST_F(AdminServerTest, DoesNotCompressSmallOrUnacceptedBodies) {
  AdminClient client(address_);
  client.send(get("/hello", "Accept-Encoding: gzip\r\n") +
              get("/big", "Accept-Encoding: gzip;q=0\r\n"));
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.field("Content-Encoding"), "");
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.field("Content-Encoding"), "");
  EXPECT_TRUE(client.body == big_);
}

TEST_F(AdminServerTest, SendsContinueToAClientThatExpectsIt) {
  AdminClient client(address_);
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: "
      "100-continue\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return client.received() == "HTTP/1.1 100 Continue\r\n\r\n"; }));
  client.send("ok");
  ASSERT_TRUE(run_until([&] { return client.received().ends_with("\r\n\r\nok"); }));
}

TEST_F(AdminServerTest, RefusesMalformedHeadsWithAStatusAndCloses) {
  const std::pair<std::string, int> rows[] = {
      {std::string("\x16\x03\x01\x02\x00", 5), 400},
      {"GET / HTTP/1.1\n\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8388609\r\n\r\n", 413},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n800001\r\n",
       413},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(9000, 'a') + "\r\n\r\n", 431},
      {"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
  };
  for (const auto& [request, status] : rows) {
    AdminClient client(address_);
    // Bytes after a fault are never parsed as a request.
    client.send(request + get("/hello"));
    ASSERT_TRUE(replied(client)) << request.substr(0, 80);
    EXPECT_EQ(client.status, status) << request.substr(0, 80);
    EXPECT_EQ(client.field("Connection"), "close");
    ASSERT_TRUE(run_until([&] { return client.ended(); }));
    EXPECT_FALSE(client.reset()) << "the answer must not be lost to a reset";
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(AdminServerTest, ClientThatKeepsSendingCanReadTheRefusal) {
  AdminClient client(address_);
  client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n");
  const std::string junk(100000, 'x');
  size_t sent = 0;
  ASSERT_TRUE(test_.run_until(
      [&] {
        if (sent < 10000000)
          sent +=
              client.send(std::string_view(junk).substr(0, std::min(junk.size(), 10000000 - sent)));
        return sent == 10000000;
      },
      5000));
  client.finish();
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.status, 413);
  ASSERT_TRUE(run_until([&] { return client.ended(); }));
  EXPECT_FALSE(client.reset());
}

TEST_F(AdminServerTest, RefusesChangesRequestedByAWebPage) {
  EXPECT_EQ(status_of(post("/echo", "x", "Origin: http://evil.example\r\n")), 403);
  EXPECT_EQ(status_of(post("/echo", "x", "Origin: null\r\n")), 403);
  EXPECT_EQ(handled_, 0);
  EXPECT_EQ(status_of(get("/hello", "Origin: http://grafana.example\r\n")), 200);
  EXPECT_EQ(status_of(post("/echo", "x")), 200);
}

TEST_F(AdminServerTest, AnswersDuring300SlowClients) {
  std::deque<AdminClient> slow = drip(300);
  EXPECT_EQ(server_.connections(), kMaxAdminConnections);
  AdminClient client(address_);
  client.send(get("/hello"));
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.status, 200);
  for (AdminClient& each : slow) each.send("T");  // one byte more each
  client.send(get("/hello"));
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(server_.connections(), kMaxAdminConnections);
}

TEST_F(AdminServerTest, EvictsTheConnectionThatHasWaitedLongest) {
  std::deque<AdminClient> slow = drip(kMaxAdminConnections);
  ASSERT_EQ(server_.connections(), kMaxAdminConnections);
  AdminClient client(address_);
  ASSERT_TRUE(run_until([&] { return slow[0].ended(); }));
  EXPECT_FALSE(slow[1].ended());
  slow[1].send("TP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(replied(slow[1])) << "the others go on";
  // It has its response and waits again: now the third has waited longest.
  AdminClient another(address_);
  ASSERT_TRUE(run_until([&] { return slow[2].ended(); }));
  EXPECT_FALSE(slow[1].ended());
}

TEST_F(AdminServerTest, EvictsClientsThatDoNotReadTheirRepliesBeforeRefusingOthers) {
  big_.assign(8 << 20, 'x');
  std::deque<AdminClient> stuck;
  for (size_t i = 0; i < kMaxAdminConnections; ++i) {
    stuck.emplace_back(address_).small_receive_buffer();
    stuck.back().send(get("/big"));
    test_.turns(2);
  }
  ASSERT_TRUE(
      run_until([&] { return server_.connections() == kMaxAdminConnections && server_.busy(); }));
  EXPECT_EQ(status_of(get("/hello")), 200);
}

TEST_F(AdminServerTest, AnswersTheProbeWhenAllConnectionsAreBusy) {
  std::deque<AdminClient> waiting;
  for (size_t i = 0; i < kMaxAdminConnections; ++i) {
    waiting.emplace_back(address_).send(get("/later"));
    test_.turns(2);
  }
  ASSERT_TRUE(run_until([&] { return later_.size() == kMaxAdminConnections; }));
  EXPECT_EQ(status_of(get("/hello")), 200);
  EXPECT_TRUE(run_until([&] { return waiting[0].ended(); })) << "it has waited longest";
  later_.clear();
  waiting.pop_front();
  for (AdminClient& each : waiting) {
    ASSERT_TRUE(replied(each));
    EXPECT_EQ(each.status, 503);
  }
}

TEST_F(AdminServerTest, DroppedRequestIsAnswered503) {
  AdminClient client(address_);
  client.send(get("/drop"));
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.status, 503);
  EXPECT_THAT(client.body, testing::HasSubstr("weir ended before it could answer"));
}

TEST_F(AdminServerTest, AnswersOnce) {
  AdminClient client(address_);
  client.send(get("/later"));
  ASSERT_TRUE(run_until([&] { return later_.size() == 1; }));
  later_.front().reply({.body = "one"});
  later_.front().reply({.body = "two"});
  later_.clear();
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.body, "one");
  client.send(get("/hello"));
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.body, "hello you");
}

TEST_F(AdminServerTest, AnswersFromPostedWork) {
  AdminClient client(address_);
  client.send(get("/later"));
  ASSERT_TRUE(run_until([&] { return later_.size() == 1; }));
  auto responder = std::make_shared<AdminResponder>(std::move(later_.front()));
  test_.loop.post([responder] { responder->reply({.status = 202, .body = "posted"}); });
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.status, 202);
}

TEST_F(AdminServerTest, DropsAReplyWhoseClientWasResetOrEvicted) {
  {
    AdminClient client(address_);
    client.send(get("/later"));
    ASSERT_TRUE(run_until([&] { return later_.size() == 1; }));
  }
  later_.front().reply({.body = big_});
  EXPECT_TRUE(run_until([&] { return server_.connections() == 0; }));
}

TEST_F(AdminServerTest, DropsRepliesAfterItsDestruction) {
  AdminClient client(address_);
  client.send(get("/later"));
  ASSERT_TRUE(run_until([&] { return later_.size() == 1; }));
  EXPECT_TRUE(later_.front().wanted());
  server_.close();
  EXPECT_FALSE(later_.front().wanted());
  later_.front().reply({.body = "dropped"});
  ASSERT_TRUE(run_until([&] { return client.ended(); }));
  EXPECT_EQ(client.received(), "");
}

TEST_F(AdminServerTest, AnswersASlowRequestWith408AndCloses) {
  AdminClient client(address_);
  client.send("GET /hello HTTP/1.1\r\n");
  ASSERT_TRUE(run_until([&] { return server_.connections() == 1; }));
  test_.turns(5);
  test_.advance(kAdminRequestTimeout / 2);
  client.send("Host: localhost\r\n");  // progress does not extend the timeout
  test_.turns(5);
  EXPECT_EQ(client.received(), "");
  test_.advance(kAdminRequestTimeout / 2 + 1s);
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.status, 408);
  EXPECT_TRUE(run_until([&] { return client.ended(); }));
}

TEST_F(AdminServerTest, RequestTimeoutIncludesTheBody) {
  AdminClient client(address_);
  client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nab");
  ASSERT_TRUE(run_until([&] { return server_.connections() == 1; }));
  test_.turns(5);
  test_.advance(kAdminRequestTimeout + 1s);
  ASSERT_TRUE(replied(client));
  EXPECT_EQ(client.status, 408);
}

TEST_F(AdminServerTest, ClosesASilentConnectionWithoutAResponse) {
  AdminClient client(address_);
  ASSERT_TRUE(run_until([&] { return server_.connections() == 1; }));
  test_.advance(kAdminRequestTimeout + 1s);
  ASSERT_TRUE(run_until([&] { return client.ended(); }));
  EXPECT_EQ(client.received(), "");
}

TEST_F(AdminServerTest, KeepsAnIdleConnectionForTheKeepAliveTime) {
  AdminClient client(address_);
  client.send(get("/hello"));
  ASSERT_TRUE(replied(client));
  test_.advance(kAdminIdleTimeout - 1s);
  client.send(get("/hello"));
  ASSERT_TRUE(replied(client)) << "not closed early";
  test_.advance(kAdminIdleTimeout + 1s);
  EXPECT_TRUE(run_until([&] { return client.ended() && server_.connections() == 0; }));
}

TEST_F(AdminServerTest, ResetsAClientThatDoesNotReadItsReply) {
  big_.assign(16 << 20, 'x');
  AdminClient client(address_);
  client.small_receive_buffer();
  client.send(get("/big"));
  ASSERT_TRUE(run_until([&] { return server_.busy(); }));
  test_.turns(10);
  ASSERT_TRUE(server_.busy());
  test_.advance(kAdminWriteTimeout + 1s);
  EXPECT_TRUE(run_until([&] { return server_.connections() == 0; }));
  ASSERT_TRUE(run_until([&] { return client.ended(); }));
  EXPECT_TRUE(client.reset()) << "a truncated reply must end with an abort";
}

TEST_F(AdminServerTest, StopsLingeringWhenItsTimeIsOver) {
  AdminClient client(address_);
  client.send(get("/hello", "Connection: close\r\n"));
  ASSERT_TRUE(replied(client));
  ASSERT_TRUE(run_until([&] { return client.ended(); }));
  EXPECT_EQ(server_.connections(), 1u) << "our side is closed, the client's is not";
  EXPECT_FALSE(server_.busy());
  test_.advance(kAdminLingerTimeout + 1s);
  EXPECT_EQ(server_.connections(), 0u);
}

TEST_F(AdminServerTest, IsBusyFromTheRequestUntilTheLastByteOfTheReply) {
  EXPECT_FALSE(server_.busy());
  AdminClient client(address_);
  client.send(get("/later"));
  ASSERT_TRUE(run_until([&] { return later_.size() == 1; }));
  EXPECT_TRUE(server_.busy());
  later_.front().reply({.body = "done"});
  ASSERT_TRUE(replied(client));
  EXPECT_FALSE(server_.busy());
}

TEST_F(AdminServerTest, ServesTheOperatorWithoutFreeDescriptors) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  AdminClient client(address_);  // opened while descriptors are free
  client.send(get("/hello"));
  int highest = ::dup(0);
  ASSERT_GE(highest, 0);
  ::close(highest);
  rlimit tight{rlim_t(highest), before.rlim_max};  // every lower number is in use
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  bool answered = replied(client);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(answered);
  EXPECT_EQ(client.status, 200);
}

TEST_F(AdminServerTest, PausesWithoutAnyDescriptorAndRecovers) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  AdminClient first(address_), second(address_);
  first.send(get("/later"));
  int highest = ::dup(0);
  ASSERT_GE(highest, 0);
  ::close(highest);
  rlimit tight{rlim_t(highest), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  test_.turns(5);  // the first uses the reserve descriptor; a handled request cannot be evicted
  second.send(get("/hello"));
  test_.turns(20);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  test_.advance(Listener::kPause + 50ms);
  AdminClient third(address_);
  third.send(get("/hello"));
  ASSERT_TRUE(replied(third));
  EXPECT_EQ(third.status, 200);
}

TEST_F(AdminServerTest, ReportsThatThePortIsInUse) {
  auto second = server_.listen(address_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().text().find(address_.text()), std::string::npos)
      << second.error().text();
  EXPECT_NE(second.error().text().find("ss -ltnp"), std::string::npos);
}

TEST_F(AdminServerTest, StopsListeningWhenClosed) {
  server_.close();
  AdminClient client(address_);
  EXPECT_TRUE(run_until([&] { return client.reset(); }));
}

}  // namespace
}  // namespace weir::test

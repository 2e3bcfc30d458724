// Sessions through the real binary: bytes, ends, refusals, timeouts.
#include "support/config_text.h"
#include "support/proxy_process.h"
#include "support/socket.h"

namespace weir {
namespace {

using End = Socket::End;

class RelayTest : public testing::Test {
 protected:
  // A session through `weir` to `backend_`, accepted.
  bool open_session() {
    client_ = Socket::connect(bind_);
    server_ = backend_.accept();
    return client_ && server_;
  }
  Socket connect_refused() {
    Socket client = Socket::connect(bind_);
    EXPECT_TRUE(client);
    return client;
  }
  static bool await_ended(const ProxyProcess& weir, const std::string& reason, double n = 1) {
    return weir.await_metric("weir_connections_ended_total", {{"reason", reason}}, n);
  }

  Address bind_ = free_address();
  Acceptor backend_;
  Socket client_, server_;
};

TEST_F(RelayTest, BytesOfAnyNumberArriveUnchangedInBothDirections) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  ASSERT_TRUE(open_session());
  for (size_t size : {1u, 2u, 1000u, 16384u, 65536u, 262144u, 1u << 20, 64u << 20}) {
    EXPECT_TRUE(run_flows({{&client_, &server_, size}})) << size << " up";
    EXPECT_TRUE(run_flows({{&server_, &client_, size}})) << size << " down";
  }
  EXPECT_TRUE(run_flows({{&client_, &server_, 16 << 20}, {&server_, &client_, 16 << 20}}));
  EXPECT_TRUE(run_flows({{&client_, &server_, 1}, {&server_, &client_, 1}})) << "small again";
  client_.finish();
  EXPECT_EQ(server_.wait_end(), End::fin);
  server_.finish();
  EXPECT_EQ(client_.wait_end(), End::fin);
  EXPECT_TRUE(await_ended(weir, "client_closed"));
  const double each_way =
      1 + 2 + 1000 + 16384 + 65536 + 262144 + (1 << 20) + (64 << 20) + (16 << 20) + 1;
  EXPECT_EQ(weir.scrape().sum("weir_listener_received_bytes_total"), each_way);
  EXPECT_EQ(weir.scrape().sum("weir_listener_sent_bytes_total"), each_way);
}

TEST_F(RelayTest, BulkTransferIsCompleteWhenItsSenderFinishesDirectlyAfterIt) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  ASSERT_TRUE(open_session());
  server_.shrink_buffers();
  ASSERT_TRUE(run_flows({{&client_, &server_, 8 << 20}}));
  ASSERT_TRUE(client_.send(pattern(0, 40'000)));
  client_.finish();
  EXPECT_EQ(server_.receive_all(), pattern(0, 40'000));
  EXPECT_EQ(server_.end(), End::fin);
}

TEST_F(RelayTest, ClientThatHasSentAFinStillGetsTheResponse) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  ASSERT_TRUE(open_session());
  ASSERT_TRUE(client_.send("question"));
  client_.finish();
  EXPECT_EQ(server_.receive_all(), "question");
  EXPECT_EQ(server_.end(), End::fin);
  ASSERT_TRUE(run_flows({{&server_, &client_, 1 << 20}}));
  server_.finish();
  EXPECT_EQ(client_.wait_end(), End::fin);
}

TEST_F(RelayTest, BackendThatHasSentAFinStillGetsTheUpload) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  ASSERT_TRUE(open_session());
  ASSERT_TRUE(server_.send("bye"));
  server_.finish();
  EXPECT_EQ(client_.receive_all(), "bye");
  EXPECT_EQ(client_.end(), End::fin);
  ASSERT_TRUE(run_flows({{&client_, &server_, 1 << 20}}));
  client_.finish();
  EXPECT_EQ(server_.wait_end(), End::fin);
  EXPECT_TRUE(await_ended(weir, "backend_closed"));
}

TEST_F(RelayTest, ServerMaySendFirst) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  ASSERT_TRUE(open_session());
  ASSERT_TRUE(server_.send("220 ready\r\n"));
  EXPECT_EQ(client_.receive(11), "220 ready\r\n");
}

TEST_F(RelayTest, ServesIpv6OnBothSides) {
  const Address bind = free_address("[::1]");
  Acceptor backend(*Address::parse("[::1]:0"));
  ProxyProcess weir(simple(bind, {backend.address()}));
  Socket client = Socket::connect(bind);
  Socket server = backend.accept();
  ASSERT_TRUE(client && server);
  EXPECT_TRUE(run_flows({{&client, &server, 1 << 20}, {&server, &client, 1 << 20}}));
}

TEST_F(RelayTest, ServesUnixSocketsOnBothSides) {
  char directory[] = "/tmp/weir-unix-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const std::string base = std::string("unix:") + directory;
  Acceptor backend(*Address::parse(base + "/backend"));
  const Address bind = *Address::parse(base + "/weir");
  {
    ProxyProcess weir(simple(bind, {backend.address()}));
    Socket client = Socket::connect(bind);
    Socket server = backend.accept();
    ASSERT_TRUE(client && server);
    EXPECT_TRUE(run_flows({{&client, &server, 8 << 20}, {&server, &client, 8 << 20}}));
    client.finish();
    EXPECT_EQ(server.wait_end(), End::fin);
    server.close();
    EXPECT_EQ(client.wait_end(), End::fin);
    weir.signal(SIGTERM);
    EXPECT_EQ(weir.wait(), 0);
    EXPECT_NE(::access((std::string(directory) + "/weir").c_str(), F_OK), 0)
        << "the directory was not removed";
  }
  backend.stop();
  ::unlink((std::string(directory) + "/backend").c_str());
  ::rmdir(directory);
}

TEST_F(RelayTest, ResetByTheClientResetsTheBackend) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  ASSERT_TRUE(open_session());
  ASSERT_TRUE(client_.send("x"));
  EXPECT_EQ(server_.receive(1), "x");
  client_.reset();
  EXPECT_EQ(server_.wait_end(), End::reset);
  EXPECT_TRUE(await_ended(weir, "client_reset"));
}

TEST_F(RelayTest, ResetByTheBackendResetsTheClient) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  ASSERT_TRUE(open_session());
  ASSERT_TRUE(server_.send("x"));
  EXPECT_EQ(client_.receive(1), "x");
  server_.reset();
  EXPECT_EQ(client_.wait_end(), End::reset);
  EXPECT_TRUE(await_ended(weir, "backend_reset"));
}

TEST_F(RelayTest, ClientThatDoesNotReadUsesBoundedMemory) {
  ProxyProcess weir(simple(bind_, {backend_.address()}));
  ASSERT_TRUE(open_session());
  client_.shrink_buffers();
  ASSERT_TRUE(run_flows({{&server_, &client_, 1 << 20}}));
  const size_t before = weir.resident_bytes();
  EXPECT_GT(server_.send_until_blocked(pattern(0, 65536)), 0u);
  EXPECT_LT(weir.resident_bytes(), before + (8u << 20));
}

TEST_F(RelayTest, TriesTheNextBackendWhenOneRefuses) {
  ProxyProcess weir(simple(bind_, {free_address(), backend_.address()}));
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(open_session()) << i;
    ASSERT_TRUE(client_.send("hello"));
    EXPECT_EQ(server_.receive(5), "hello");
  }
  const Scrape scrape = weir.scrape();
  EXPECT_GE(scrape.sum("weir_backend_connect_errors_total", {{"reason", "refused"}}), 1);
  EXPECT_GE(scrape.sum("weir_cluster_retries_total", {{"result", "ok"}}), 1);
}

TEST_F(RelayTest, RefusesWithAReasonWhenNoBackendAcceptsConnections) {
  ProxyProcess weir(simple(bind_, {free_address()}));
  EXPECT_NE(connect_refused().wait_end(), End::open);
  const Scrape scrape = weir.scrape();
  EXPECT_EQ(scrape.sum("weir_connections_ended_total", {{"reason", "connect_failed"}}) +
                scrape.sum("weir_connections_ended_total", {{"reason", "no_backend"}}),
            1);
}

TEST_F(RelayTest, RefusesAtOnceWhenAllBackendsAreDown) {
  ProxyProcess weir(config_text(
      listener("web", bind_, "app"),
      cluster("app", {free_address()}, "health_check: {type: tcp, interval: 1s, timeout: 500ms}")));
  EXPECT_NE(connect_refused().wait_end(), End::open);
  EXPECT_TRUE(await_ended(weir, "no_backend"));
  EXPECT_EQ(weir.scrape().sum("weir_cluster_no_backend_total"), 1);
  EXPECT_EQ(weir.scrape().sum("weir_backend_up"), 0);
}

TEST_F(RelayTest, BackendThatReturnsGetsSessionsAgain) {
  backend_.stop();
  ProxyProcess weir(
      config_text(listener("web", bind_, "app"),
                  cluster("app", {backend_.address()},
                          "health_check: {type: tcp, interval: 100ms, timeout: 100ms, "
                          "rise: 2, fall: 1}")));
  EXPECT_EQ(weir.scrape().sum("weir_backend_up"), 0);
  backend_.start();
  ASSERT_TRUE(weir.await_metric("weir_backend_up", {}, 1));
  EXPECT_GE(weir.scrape().sum("weir_backend_health_transitions_total", {{"to", "up"}}), 1);
  client_ = Socket::connect(bind_);
  ASSERT_TRUE(client_.send("hello"));
  // Its health checks are accepted, too: they send no bytes.
  std::string heard;
  for (int i = 0; i < 100 && heard.empty(); ++i) heard = backend_.accept().receive(5, 200ms);
  EXPECT_EQ(heard, "hello");
}

TEST_F(RelayTest, IdleSessionEndsAfterItsTimeoutAndTheLogNamesTheConfigurationLine) {
  ProxyProcess weir(config_text(listener("web", bind_, "app", "timeouts: {idle: 300ms}"),
                                cluster("app", {backend_.address()})));
  ASSERT_TRUE(open_session());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client_.send("x"));
    EXPECT_EQ(server_.receive(1), "x");
    EXPECT_TRUE(client_.silent(150ms)) << "traffic keeps it open";
  }
  EXPECT_NE(client_.wait_end(), End::open);
  EXPECT_NE(server_.wait_end(), End::open);
  EXPECT_TRUE(await_ended(weir, "idle_timeout"));
  weir.signal(SIGTERM);
  EXPECT_EQ(weir.wait(), 0);
  EXPECT_NE(weir.errors().find("weir.yaml:2"), std::string::npos) << weir.errors();
}

TEST_F(RelayTest, HalfClosedSessionEndsAfterItsOwnTimeout) {
  ProxyProcess weir(config_text(listener("web", bind_, "app", "timeouts: {half_close: 300ms}"),
                                cluster("app", {backend_.address()})));
  ASSERT_TRUE(open_session());
  client_.finish();
  EXPECT_EQ(server_.wait_end(), End::fin);
  EXPECT_NE(client_.wait_end(), End::open);
  EXPECT_TRUE(await_ended(weir, "half_close_timeout"));
}

TEST_F(RelayTest, SessionEndsAtItsMaximumAgeWhateverItsTraffic) {
  ProxyProcess weir(config_text(listener("web", bind_, "app", "timeouts: {max_age: 500ms}"),
                                cluster("app", {backend_.address()})));
  ASSERT_TRUE(open_session());
  const TimePoint start = std::chrono::steady_clock::now();
  while (client_.send("x") && server_.receive(1) == "x" && client_.silent(20ms)) {
    ASSERT_LT(std::chrono::steady_clock::now() - start, 10s);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, 450ms);
  EXPECT_TRUE(await_ended(weir, "max_age"));
}

TEST_F(RelayTest, UnansweredConnectEndsAfterItsTimeout) {
  const Acceptor mute;
  const FullQueue queue(mute);
  ProxyProcess weir(config_text(listener("web", bind_, "app"),
                                cluster("app", {mute.address()}, "timeouts: {connect: 300ms}")));
  EXPECT_NE(connect_refused().wait_end(), End::open);
  EXPECT_TRUE(await_ended(weir, "connect_timeout"));
}

TEST_F(RelayTest, GlobalLimitRefusesWithItsReason) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, "global:\n  max_connections: 2\n"));
  ASSERT_TRUE(open_session());
  Socket second = Socket::connect(bind_);
  Socket second_server = backend_.accept();
  ASSERT_TRUE(second_server);
  EXPECT_NE(connect_refused().wait_end(), End::open);
  EXPECT_TRUE(await_ended(weir, "max_connections"));
  second.close();
  EXPECT_EQ(second_server.wait_end(), End::fin);
  second_server.close();
  ASSERT_TRUE(weir.await_metric("weir_connections_active", {}, 1));
  ASSERT_TRUE(open_session()) << "there is room again";
}

TEST_F(RelayTest, ListenerLimitRefusesOnItsListenerOnly) {
  const Address other = free_address();
  ProxyProcess weir(config_text(listener("web", bind_, "app", "limits: {max_connections: 1}") +
                                    listener("other", other, "app"),
                                cluster("app", {backend_.address()})));
  ASSERT_TRUE(open_session());
  EXPECT_NE(connect_refused().wait_end(), End::open);
  EXPECT_TRUE(await_ended(weir, "listener_limit"));
  const Socket elsewhere = Socket::connect(other);
  EXPECT_TRUE(backend_.accept());
  EXPECT_EQ(weir.scrape().imbalance(), 0);
}

}  // namespace
}  // namespace weir

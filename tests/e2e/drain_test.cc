// Stopping the real binary: drain.md's table for TCP. What is served, what is cut, what is said.
#include <signal.h>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/proxy_process.h"

namespace weir {
namespace {

using End = Socket::End;
using Behaviour = LoadServer::Behaviour;

bool echoes(Socket& socket, const std::string& text) {
  return socket.send(text) && socket.receive(text.size()) == text;
}

std::string drain(const std::string& keys) {
  return "drain: {" + keys + "}\n";
}

#if defined(WEIR_ASAN) || defined(WEIR_TSAN)
constexpr size_t kShare = 4;  // of them: a sanitizer is slow
#else
constexpr size_t kShare = 1;
#endif
// Together a thousand. Those that fill buffers are fewer: each takes megabytes of the kernel's.
constexpr size_t kIdle = 300 / kShare, kTransfers = 40 / kShare, kHalves = 300 / kShare,
                 kMutes = 60 / kShare, kDying = 300 / kShare;

std::vector<Socket> open_many(const Address& at, size_t n, bool small = false) {
  std::vector<Socket> sockets;
  for (size_t i = 0; i < n; ++i) {
    sockets.push_back(Socket::connect(at));
    if (small) sockets.back().shrink_buffers();
  }
  return sockets;
}

// The rest of a transfer of which `had` bytes have come, with its FIN.
void expect_rest(Socket& socket, size_t had, size_t size) {
  while (had < size) {
    const std::string bytes = socket.receive(std::min<size_t>(60'000, size - had));
    ASSERT_FALSE(bytes.empty()) << "cut at " << had;
    ASSERT_EQ(bytes, pattern(had, bytes.size())) << had;
    had += bytes.size();
  }
  EXPECT_EQ(socket.wait_end(), End::fin);
}

class DrainTest : public testing::Test {
 protected:
  bool open_session(const Address& at) {
    client_ = Socket::connect(at);
    server_ = backend_.accept();
    return client_ && server_;
  }
  static Duration elapsed_since(TimePoint start) {
    return std::chrono::steady_clock::now() - start;
  }
  static TimePoint now() { return std::chrono::steady_clock::now(); }
  static double ended(const ProxyProcess& weir, const std::string& reason) {
    return weir.scrape().sum("weir_connections_ended_total", {{"reason", reason}});
  }
  static bool await_phase(const ProxyProcess& weir, const std::string& phase) {
    return weir.await_metric("weir_process_state", {{"state", phase}}, 1);
  }

  Address bind_ = free_address();
  Acceptor backend_;
  Socket client_, server_;
};

TEST_F(DrainTest, EndsAtOnceWhenNobodyIsThere) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 30s")));
  const TimePoint start = now();
  weir.signal(SIGTERM);
  EXPECT_EQ(weir.wait(), 0);
  EXPECT_LT(elapsed_since(start), 3s);
  EXPECT_TRUE(weir.await_notification("STOPPING=1"));
}

TEST_F(DrainTest, EndsWhenTheLastSessionDoes) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 60s")));
  ASSERT_TRUE(open_session(bind_));
  weir.signal(SIGTERM);
  ASSERT_TRUE(await_phase(weir, "draining"));
  EXPECT_FALSE(Socket::connect(bind_)) << "its listener is closed";
  ASSERT_TRUE(client_.send("last words"));
  EXPECT_EQ(server_.receive(10), "last words");
  client_.finish();
  EXPECT_EQ(server_.wait_end(), End::fin);
  ASSERT_TRUE(server_.send("answer"));
  server_.finish();
  EXPECT_EQ(client_.receive_all(), "answer");
  const TimePoint start = now();
  EXPECT_EQ(weir.wait(), 0);
  EXPECT_LT(elapsed_since(start), 3s);
}

TEST_F(DrainTest, FailsReadinessFirstAndServesDuringTheDelay) {
  LoadServer echo(Behaviour::echo);
  ProxyProcess weir(simple(bind_, {echo.address()}, drain("delay: 2s, timeout: 30s")));
  EXPECT_EQ(weir.get("/ready").status, 200);
  const TimePoint start = now();
  weir.signal(SIGTERM);
  ASSERT_TRUE(await_phase(weir, "lame_duck"));
  EXPECT_EQ(weir.get("/ready").status, 503);
  EXPECT_EQ(weir.get("/live").status, 200);
  Socket late = Socket::connect(bind_);
  EXPECT_TRUE(echoes(late, "still served"));
  late.close();
  EXPECT_EQ(weir.wait(), 0);
  EXPECT_GE(elapsed_since(start), 1900ms);
}

TEST_F(DrainTest, KeepsReadinessForAWhileWhenToldTo) {
  ProxyProcess weir(
      simple(bind_, {backend_.address()}, drain("delay: 2s, ready_fail_after: 1s, timeout: 30s")));
  const TimePoint start = now();
  weir.signal(SIGTERM);
  ASSERT_TRUE(await_phase(weir, "lame_duck"));
  EXPECT_EQ(weir.get("/ready").status, 200);
  ASSERT_TRUE(weir.await_metric("weir_ready", {}, 0));
  EXPECT_GE(elapsed_since(start), 900ms);
  EXPECT_EQ(weir.wait(), 0);
}

TEST_F(DrainTest, ServesTheTwoHundredThatWaitInTheAcceptQueue) {
  LoadServer echo(Behaviour::echo);
  ProxyProcess weir(simple(bind_, {echo.address()}, drain("timeout: 20s")));
  weir.signal(SIGSTOP);
  std::vector<Socket> waiting;
  for (int i = 0; i < 200; ++i) {
    waiting.push_back(Socket::connect(bind_));
    ASSERT_TRUE(waiting.back()) << i;
  }
  weir.signal(SIGTERM);
  weir.signal(SIGCONT);
  int served = 0;
  for (Socket& socket : waiting) served += echoes(socket, "from the queue");
  EXPECT_EQ(served, 200);
  for (Socket& socket : waiting) socket.finish();
  int ended_well = 0;
  for (Socket& socket : waiting) ended_well += socket.wait_end() == End::fin;
  EXPECT_EQ(ended_well, 200);
  EXPECT_EQ(weir.wait(), 0);
}

TEST_F(DrainTest, ClosesIdleSessionsWithAFinSpreadOverTime) {
  LoadServer echo(Behaviour::echo);
  ProxyProcess weir(simple(bind_, {echo.address()}, drain("timeout: 20s, spread: 2s")));
  std::vector<Socket> idle;
  for (int i = 0; i < 100; ++i) {
    idle.push_back(Socket::connect(bind_));
    ASSERT_TRUE(echoes(idle.back(), "x"));
  }
  const TimePoint start = now();
  weir.signal(SIGTERM);
  std::vector<Duration> ends;
  std::vector<Socket*> open;
  for (Socket& socket : idle) open.push_back(&socket);
  while (!open.empty() && elapsed_since(start) < 15s) {
    std::erase_if(open, [&](Socket* socket) {
      if (socket->silent(1ms)) return false;
      EXPECT_EQ(socket->wait_end(), End::fin);
      ends.push_back(elapsed_since(start));
      return true;
    });
  }
  ASSERT_EQ(ends.size(), 100u);
  std::sort(ends.begin(), ends.end());
  EXPECT_LT(ends.back(), 5s) << "no later than the spread, and what the linger takes";
  EXPECT_GT(ends[90] - ends[10], 800ms) << "not all at once";
  EXPECT_EQ(weir.wait(), 0) << "nobody was cut: a FIN after all bytes";
}

TEST_F(DrainTest, ATransferInProgressArrivesWhole) {
  constexpr size_t kSize = 64 << 20;
  LoadServer source(Behaviour::source, kSize);
  ProxyProcess weir(simple(bind_, {source.address()}, drain("timeout: 60s, spread: 500ms")));
  Socket client = Socket::connect(bind_);
  client.shrink_buffers();
  ASSERT_EQ(client.receive(1000), pattern(0, 1000));
  weir.signal(SIGTERM);
  ASSERT_TRUE(await_phase(weir, "draining"));
  expect_rest(client, 1000, kSize);
  client.close();
  EXPECT_EQ(weir.wait(), 0);
}

TEST_F(DrainTest, HalfClosedSessionsFinishInBothDirections) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 30s, spread: 20s")));
  ASSERT_TRUE(open_session(bind_));
  Socket client_done = std::move(client_), backend_waits = std::move(server_);
  ASSERT_TRUE(open_session(bind_));
  Socket client_waits = std::move(client_), backend_done = std::move(server_);
  client_done.finish();
  EXPECT_EQ(backend_waits.wait_end(), End::fin);
  backend_done.finish();
  EXPECT_EQ(client_waits.wait_end(), End::fin);
  weir.signal(SIGTERM);
  ASSERT_TRUE(await_phase(weir, "draining"));
  ASSERT_TRUE(backend_waits.send("the answer"));
  backend_waits.finish();
  EXPECT_EQ(client_done.receive_all(), "the answer");
  ASSERT_TRUE(client_waits.send("the upload"));
  client_waits.finish();
  EXPECT_EQ(backend_done.receive_all(), "the upload");
  EXPECT_EQ(weir.wait(), 0);
}

TEST_F(DrainTest, AClientThatNeverReadsIsCutWithAResetAndTheExitCodeSaysSo) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 1s, linger: 300ms")));
  ASSERT_TRUE(open_session(bind_));
  client_.shrink_buffers();
  ASSERT_GT(server_.send_until_blocked(pattern(0, 65536)), 0u);
  const TimePoint start = now();
  weir.signal(SIGTERM);
  EXPECT_EQ(weir.wait(), 4);
  EXPECT_GE(elapsed_since(start), 900ms);
  EXPECT_LT(elapsed_since(start), 6s);
  EXPECT_EQ(client_.wait_end(), End::reset) << "a FIN would forge a complete stream";
}

TEST_F(DrainTest, ASecondSignalMeansNow) {
  for (int second : {SIGTERM, SIGINT}) {
    const Address bind = free_address();
    ProxyProcess weir(simple(bind, {backend_.address()}, drain("timeout: 60s, linger: 200ms")));
    ASSERT_TRUE(open_session(bind));
    client_.shrink_buffers();
    ASSERT_GT(server_.send_until_blocked(pattern(0, 65536)), 0u);
    weir.signal(SIGTERM);
    ASSERT_TRUE(await_phase(weir, "draining"));
    const TimePoint start = now();
    weir.signal(second);
    EXPECT_EQ(weir.wait(), 4);
    EXPECT_LT(elapsed_since(start), 5s);
  }
}

TEST_F(DrainTest, RefusesAReloadMeanwhile) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 30s")));
  ASSERT_TRUE(open_session(bind_));
  weir.signal(SIGTERM);
  ASSERT_TRUE(await_phase(weir, "draining"));
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.json()["result"], "draining");
  weir.signal(SIGHUP);
  EXPECT_EQ(weir.get("/live").status, 200) << "nor does a signal do harm";
}

TEST_F(DrainTest, SaysWhatItWaitsForAndOnWhom) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 60s, spread: 60s")));
  ASSERT_TRUE(open_session(bind_));  // both open
  Socket idle_client = std::move(client_), idle_server = std::move(server_);
  ASSERT_TRUE(open_session(bind_));  // client has finished
  Socket done_client = std::move(client_), done_server = std::move(server_);
  done_client.finish();
  EXPECT_EQ(done_server.wait_end(), End::fin);
  ASSERT_TRUE(open_session(bind_));  // client does not read
  client_.shrink_buffers();
  ASSERT_GT(server_.send_until_blocked(pattern(0, 65536)), 0u);

  const AdminAnswer accepted = weir.post("/v1/drain");
  EXPECT_EQ(accepted.status, 202) << accepted.body;
  ASSERT_TRUE(await_phase(weir, "draining"));
  const nlohmann::json json = weir.get("/v1/drain").json();
  EXPECT_EQ(json["phase"], "draining");
  EXPECT_EQ(json["remaining"], 3);
  EXPECT_GT(json["deadline_seconds"].get<double>(), 50);
  ASSERT_EQ(json["listeners"].size(), 1u) << json.dump();
  const nlohmann::json& waiting = json["listeners"][0]["waiting_for"];
  EXPECT_EQ(waiting["backend_fin"], 1) << waiting.dump();
  EXPECT_EQ(waiting["client_read"], 1) << waiting.dump();
  ASSERT_EQ(json["oldest"].size(), 3u) << json.dump();
  for (const char* key : {"session", "listener", "client", "backend", "age_seconds", "idle_seconds",
                          "waiting_for", "sent_bytes", "received_bytes"}) {
    EXPECT_TRUE(json["oldest"][0].contains(key)) << key;
  }
  EXPECT_EQ(weir.scrape().sum("weir_drain_connections_remaining"), 3);
  EXPECT_EQ(weir.post("/v1/drain").status, 409);
}

TEST_F(DrainTest, AThousandSessionsOfEveryKindEndAsTheyShould) {
  raise_descriptor_limit();
  constexpr size_t kTransfer = 12 << 20;  // more than all the kernel's buffers on the way hold
  const Address idle_at = free_address(), transfer_at = free_address(), half_at = free_address(),
                mute_at = free_address(), dying_at = free_address();
  LoadServer echo(Behaviour::echo), source(Behaviour::source, kTransfer),
      flood(Behaviour::source, size_t{1} << 40), half(Behaviour::hold);
  auto dying = std::make_unique<LoadServer>(Behaviour::hold);
  ProxyProcess weir(
      config(listener("idle", idle_at, "echo") + listener("transfer", transfer_at, "source") +
                 listener("half", half_at, "half") + listener("mute", mute_at, "flood") +
                 listener("dying", dying_at, "dying"),
             cluster("echo", {echo.address()}) + cluster("source", {source.address()}) +
                 cluster("half", {half.address()}) + cluster("flood", {flood.address()}) +
                 cluster("dying", {dying->address()}),
             drain("timeout: 10s, spread: 2s, linger: 500ms")));
  std::vector<Socket> idle = open_many(idle_at, kIdle),
                      transfers = open_many(transfer_at, kTransfers, true),
                      halves = open_many(half_at, kHalves),
                      mutes = open_many(mute_at, kMutes, true),
                      dyings = open_many(dying_at, kDying);
  for (Socket& socket : idle) ASSERT_TRUE(echoes(socket, "x"));
  for (Socket& socket : transfers) ASSERT_EQ(socket.receive(1000), pattern(0, 1000));
  for (Socket& socket : halves) socket.finish();
  for (Socket& socket : mutes) ASSERT_EQ(socket.receive(1), pattern(0, 1));
  ASSERT_TRUE(dying->wait_active(kDying));
  ASSERT_EQ(weir.scrape().sum("weir_connections_active"),
            double(kIdle + kTransfers + kHalves + kMutes + kDying));

  weir.signal(SIGTERM);
  ASSERT_TRUE(await_phase(weir, "draining"));
  dying.reset();
  for (Socket& socket : dyings) {
    EXPECT_NE(socket.wait_end(), End::open);
    socket.close();
  }
  for (Socket& socket : transfers) {
    expect_rest(socket, 1000, kTransfer);
    socket.close();
    ASSERT_EQ(weir.scrape().imbalance(), 0);
  }
  for (Socket& socket : idle) EXPECT_EQ(socket.wait_end(), End::fin);
  // The books balance at every scrape, to the last one that is answered.
  int scrapes = 0;
  for (Scrape scrape = weir.scrape(); !scrape.empty(); scrape = weir.scrape(), ++scrapes) {
    ASSERT_EQ(scrape.imbalance(), 0);
  }
  EXPECT_GT(scrapes, 3);
  EXPECT_EQ(weir.wait(), 4) << "clients that do not read and half-closed sessions were cut";
  for (Socket& socket : mutes) EXPECT_EQ(socket.wait_end(), End::reset);
  for (Socket& socket : halves) EXPECT_EQ(socket.wait_end(), End::reset);
}

TEST_F(DrainTest, HealthChecksGoOnMeanwhile) {
  ProxyProcess weir(config(listener("web", bind_, "app"),
                           cluster("app", {backend_.address()},
                                   "health_check: {type: tcp, interval: 100ms, timeout: 100ms}"),
                           drain("timeout: 60s, spread: 60s")));
  const Socket check = backend_.accept();
  client_ = Socket::connect(bind_);
  ASSERT_TRUE(client_.send("session"));
  weir.signal(SIGTERM);
  ASSERT_TRUE(await_phase(weir, "draining"));
  const double before = weir.scrape().sum("weir_backend_health_checks_total");
  ASSERT_TRUE(weir.await_metric("weir_process_state", {{"state", "draining"}}, 1));
  const TimePoint start = now();
  double after = before;
  while (after < before + 3 && elapsed_since(start) < 10s) {
    after = weir.scrape().sum("weir_backend_health_checks_total");
  }
  EXPECT_GE(after, before + 3);
}

}  // namespace
}  // namespace weir

// Stopping the real binary with TCP sessions: which are served, which are cut, and what weir
// reports.
#include <signal.h>
#include <unistd.h>

#include "support/config_text.h"
#include "support/load_server.h"
#include "support/session_pair.h"

namespace weir {
namespace {

using End = Socket::End;
using Behaviour = LoadServer::Behaviour;

std::string drain(const std::string& keys) {
  return "drain: {" + keys + "}\n";
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
  // Its client has finished and waits for the answer. Not idle: a drain leaves it alone.
  bool open_half_closed(const ProxyProcess& weir) {
    if (!open_session(bind_)) return false;
    client_.finish();
    return await_waiting(weir, "web", "backend_fin", 1);
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

TEST_F(DrainTest, EndsAtOnceWithoutSessions) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 30s")));
  const TimePoint start = now();
  weir.signal(SIGTERM);
  EXPECT_EQ(weir.wait(), 0);
  EXPECT_LT(elapsed_since(start), 3s);
  EXPECT_TRUE(weir.await_notification("STOPPING=1"));
  EXPECT_TRUE(weir.await_error("event=drain.requested by=signal signal=TERM pid=" +
                               std::to_string(::getpid())));
}

TEST_F(DrainTest, EndsWithTheLastSession) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 60s")));
  ASSERT_TRUE(open_half_closed(weir));
  weir.signal(SIGTERM);
  ASSERT_TRUE(await_phase(weir, "draining"));
  EXPECT_FALSE(Socket::connect(bind_)) << "its listener is closed";
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

TEST_F(DrainTest, KeepsReadinessForTheConfiguredTime) {
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

TEST_F(DrainTest, ServesTwoHundredConnectionsInTheAcceptQueue) {
  LoadServer echo(Behaviour::echo);
  ProxyProcess weir(simple(bind_, {echo.address()}, drain("timeout: 20s")));
  weir.signal(SIGSTOP);
  std::vector<Socket> waiting;
  for (int i = 0; i < 200; ++i) {
    waiting.push_back(Socket::connect(bind_));
    ASSERT_TRUE(waiting.back()) << i;
    ASSERT_TRUE(waiting.back().send("from the queue"));
    waiting.back().finish();
  }
  weir.signal(SIGTERM);
  weir.signal(SIGCONT);
  int served = 0;
  for (Socket& socket : waiting)
    served += socket.receive_all() == "from the queue" && socket.end() == End::fin;
  EXPECT_EQ(served, 200);
  EXPECT_EQ(weir.wait(), 0);
}

// Nothing moves, but the backend is at work: the session is not idle.
TEST_F(DrainTest, SessionThatAwaitsAResponseOutlivesIdleSessionsAndGetsIt) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 100s, spread: 1s")));
  SessionPair idle = open_pair(bind_, backend_);
  ASSERT_TRUE(open_session(bind_));
  ASSERT_TRUE(client_.send("question"));
  ASSERT_EQ(server_.receive(8), "question");
  weir.signal(SIGTERM);
  EXPECT_EQ(idle.client.wait_end(), End::fin);
  EXPECT_EQ(idle.server.wait_end(), End::fin);
  idle = {};
  ASSERT_TRUE(weir.await_metric("weir_drain_connections_remaining", {}, 1));
  ASSERT_TRUE(server_.send("answer"));
  EXPECT_EQ(client_.receive(6), "answer");
  EXPECT_EQ(client_.wait_end(), End::fin) << "it has been answered, and is idle now";
  client_.close();
  server_.close();
  EXPECT_EQ(weir.wait(), 0);
  EXPECT_TRUE(weir.await_error("event=server.drained cut=0"));
}

TEST_F(DrainTest, SessionThatAwaitsAResponseAtTheDeadlineIsResetCountedAndInTheExitCode) {
  ProxyProcess weir(
      simple(bind_, {backend_.address()}, drain("timeout: 3s, spread: 200ms, linger: 300ms")));
  ASSERT_TRUE(open_session(bind_));
  ASSERT_TRUE(client_.send("question"));
  ASSERT_EQ(server_.receive(8), "question");
  const TimePoint start = now();
  weir.signal(SIGTERM);
  EXPECT_EQ(client_.wait_end(), End::reset) << "a FIN would look like an empty response";
  EXPECT_EQ(server_.wait_end(), End::reset);
  EXPECT_GE(elapsed_since(start), 2900ms) << "not before the deadline";
  EXPECT_EQ(weir.wait(), 4);
  EXPECT_TRUE(weir.await_error("event=server.drained cut=1"));
}

TEST_F(DrainTest, ClosesIdleSessionsWithAFinSpreadOverTime) {
  LoadServer echo(Behaviour::echo);
  ProxyProcess weir(simple(bind_, {echo.address()}, drain("timeout: 60s, spread: 4s")));
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
  while (!open.empty() && elapsed_since(start) < 30s) {
    std::erase_if(open, [&](Socket* socket) {
      if (socket->silent(1ms)) return false;
      EXPECT_EQ(socket->wait_end(), End::fin);
      ends.push_back(elapsed_since(start));
      return true;
    });
  }
  ASSERT_EQ(ends.size(), 100u);
  std::sort(ends.begin(), ends.end());
  EXPECT_LT(ends.back(), 15s) << "about as long as the spread";
  EXPECT_GT(ends[90] - ends[10], 1s) << "not all at once";
  EXPECT_EQ(weir.wait(), 0) << "no session was cut: a FIN after all bytes";
}

TEST_F(DrainTest, TransferInProgressArrivesComplete) {
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

TEST_F(DrainTest, ClientThatNeverReadsIsResetAndInTheExitCode) {
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

TEST_F(DrainTest, SecondSignalEndsTheDrainAtOnce) {
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

TEST_F(DrainTest, SecondSignalEndsTheLameDuckPhaseAtOnce) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("delay: 100s, timeout: 100s")));
  weir.signal(SIGTERM);
  ASSERT_TRUE(await_phase(weir, "lame_duck"));
  weir.signal(SIGTERM);
  EXPECT_EQ(weir.wait(), 0) << "no session was left to cut";

  const Address bind = free_address();
  ProxyProcess busy(simple(bind, {backend_.address()}, drain("delay: 100s, timeout: 100s")));
  ASSERT_TRUE(open_session(bind));
  busy.signal(SIGINT);
  ASSERT_TRUE(await_phase(busy, "lame_duck"));
  busy.signal(SIGINT);
  EXPECT_EQ(busy.wait(), 4);
  EXPECT_EQ(client_.wait_end(), End::reset);
}

TEST_F(DrainTest, InterruptAndQuitBeginADrainLikeTerm) {
  for (const int first : {SIGINT, SIGQUIT}) {
    const Address bind = free_address();
    ProxyProcess weir(simple(bind, {backend_.address()}, drain("timeout: 100s")));
    ASSERT_TRUE(open_session(bind));
    client_.finish();
    ASSERT_TRUE(await_waiting(weir, "web", "backend_fin", 1));
    weir.signal(first);
    ASSERT_TRUE(await_phase(weir, "draining")) << first;
    weir.signal(SIGQUIT);  // and only TERM or INT means now
    ASSERT_TRUE(server_.send("answer"));
    server_.finish();
    EXPECT_EQ(client_.receive_all(), "answer");
    EXPECT_EQ(client_.end(), End::fin);
    EXPECT_EQ(weir.wait(), 0) << first;
  }
}

// Its health checks keep it from being ready; connections wait in the accept queue.
TEST_F(DrainTest, ServesItsClientsAndExitsWhenStoppedBeforeReadiness) {
  LoadServer echo(Behaviour::echo);
  ProxyProcess weir(
      config_text(listener("web", bind_, "app"),
                  cluster("app", {echo.address()},
                          "health_check: {type: tcp, expect: PONG, interval: 200s, timeout: 100s}"),
                  drain("timeout: 100s")),
      {.await_ready = false});
  ASSERT_TRUE(echo.wait_active(1)) << "the check has begun, and will not end";
  Socket early = Socket::connect(bind_);
  ASSERT_TRUE(early.send("early"));
  early.finish();
  EXPECT_EQ(weir.get("/ready").status, 503);
  weir.signal(SIGTERM);
  EXPECT_EQ(early.receive_all(), "early");
  EXPECT_EQ(early.end(), End::fin);
  EXPECT_EQ(weir.wait(), 0);
  EXPECT_FALSE(weir.await_notification("READY=1", 0s)) << "it was never ready";
}

TEST_F(DrainTest, ExtendsTheStopTimeoutOfTheServiceManagerWhileItLasts) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 100s")));
  ASSERT_TRUE(open_half_closed(weir));
  weir.signal(SIGTERM);
  ASSERT_TRUE(weir.await_notification("STOPPING=1"));
  EXPECT_TRUE(weir.await_notification("EXTEND_TIMEOUT_USEC=10000000"));
  EXPECT_TRUE(weir.await_notification("EXTEND_TIMEOUT_USEC=10000000")) << "and before it is over";
  server_.finish();
  EXPECT_EQ(weir.wait(), 0);
}

// The exit of an idle backend sends a FIN: no bytes are truncated.
TEST_F(DrainTest, IdleSessionWhoseBackendExitsGetsAFin) {
  auto dying = std::make_unique<LoadServer>(Behaviour::hold, 0, LoadServer::Place::process);
  ProxyProcess weir(simple(bind_, {dying->address()}, drain("timeout: 100s")));
  Socket client = Socket::connect(bind_);
  ASSERT_TRUE(dying->wait_active(1));
  weir.signal(SIGTERM);
  dying.reset();
  EXPECT_EQ(client.wait_end(), End::fin);
  client.close();
  EXPECT_EQ(weir.wait(), 0);
}

TEST_F(DrainTest, RefusesAReload) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 100s")));
  ASSERT_TRUE(open_half_closed(weir));
  weir.signal(SIGTERM);
  ASSERT_TRUE(await_phase(weir, "draining"));
  const AdminAnswer answer = weir.reload();
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.json()["result"], "draining");
  weir.signal(SIGHUP);
  EXPECT_EQ(weir.get("/live").status, 200) << "a signal has no effect either";
}

TEST_F(DrainTest, ReportsWhatEachSessionWaitsFor) {
  ProxyProcess weir(simple(bind_, {backend_.address()}, drain("timeout: 60s, spread: 60s")));
  ASSERT_TRUE(open_session(bind_));  // backend does not read
  Socket up_client = std::move(client_), up_server = std::move(server_);
  up_server.shrink_buffers();
  ASSERT_GT(up_client.send_until_blocked(pattern(0, 65536)), 0u);
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
  EXPECT_EQ(waiting["backend_read"], 1) << waiting.dump();
  ASSERT_EQ(json["oldest"].size(), 3u) << json.dump();
  for (const char* key : {"session", "listener", "client", "backend", "age_seconds", "idle_seconds",
                          "waiting_for", "version", "streams", "sent_bytes", "received_bytes"}) {
    EXPECT_TRUE(json["oldest"][0].contains(key)) << key;
  }
  EXPECT_EQ(weir.scrape().sum("weir_drain_connections_remaining"), 3);
  EXPECT_EQ(weir.post("/v1/drain").status, 409);
}

TEST_F(DrainTest, HealthChecksContinue) {
  ProxyProcess weir(
      config_text(listener("web", bind_, "app"),
                  cluster("app", {backend_.address()},
                          "health_check: {type: tcp, interval: 100ms, timeout: 100ms}"),
                  drain("timeout: 60s, spread: 60s")));
  const Socket check = backend_.accept();
  client_ = Socket::connect(bind_);
  client_.finish();
  ASSERT_TRUE(await_waiting(weir, "web", "backend_fin", 1));
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

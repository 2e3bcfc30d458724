// The ends of a TCP session: each reason, its effect on both sides, and the counters afterwards.
#include "support/worker_fixture.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

namespace weir::test {
namespace {

class SessionTest : public testing::Test, public WorkerFixture {
 protected:
  // A listener "l" in front of `backends`, with more lines for the listener and the cluster.
  void serve(const std::vector<Address>& backends, const std::string& listener = "",
             const std::string& cluster = "") {
    std::string list;
    for (const Address& one : backends) list += (list.empty() ? "" : ", ") + one.text();
    apply(fmt::format(
        "listeners:\n  - {{ name: l, bind: \"127.0.0.1:0\", cluster: c{}{} }}\n"
        "clusters:\n  - {{ name: c, backends: [{}]{}{} }}\n",
        listener.empty() ? "" : ", ", listener, list, cluster.empty() ? "" : ", ", cluster));
  }
  struct Joined {
    Socket client, backend;
  };
  // A session that relays.
  Joined join(Acceptor& from) {
    Joined joined{client(), {}};
    EXPECT_TRUE(run_until([&] { return relayed(from, joined); }));
    return joined;
  }
  bool relayed(Acceptor& from, Joined& joined) {
    if (!joined.backend && wait_ready(from.fd(), POLLIN, 1ms)) joined.backend = from.accept(1s);
    // The backend's kernel accepts before the worker knows that it is connected.
    const auto waiting = worker.survey(0).listeners;
    return static_cast<bool>(joined.backend) && !waiting.empty() &&
           !waiting.begin()->second.waiting.contains(WaitingFor::backend_connect);
  }
  bool over(EndReason reason, uint64_t n = 1) {
    return run_until([&] { return ended("l", reason) == n; });
  }
  // True when `socket` receives exactly `text` while the loop turns.
  bool gets(Socket& socket, const std::string& text) {
    std::string got;
    run_until([&] {
      got += socket.receive(text.size() - got.size(), 1ms);
      return got.size() == text.size();
    });
    return got == text;
  }
  // True when `socket` receives this end while the loop turns.
  bool ends_as(Socket& socket, Socket::End end) {
    return run_until([&] { return socket.wait_end(1ms) == end; });
  }
  void TearDown() override { EXPECT_EQ(imbalance("l"), 0); }

  Acceptor backend;
};

TEST_F(SessionTest, ClientThatClosesFirstIsClientClosedAndBothSidesGetAFin) {
  serve({backend.address()});
  Joined s = join(backend);
  s.client.finish();
  EXPECT_TRUE(ends_as(s.backend, Socket::End::fin));
  s.backend.finish();
  EXPECT_TRUE(over(EndReason::client_closed));
  EXPECT_TRUE(ends_as(s.client, Socket::End::fin));
  EXPECT_EQ(worker.active(), 0u);
}

TEST_F(SessionTest, BackendThatClosesFirstIsBackendClosed) {
  serve({backend.address()});
  Joined s = join(backend);
  s.backend.finish();
  EXPECT_TRUE(ends_as(s.client, Socket::End::fin));
  s.client.finish();
  EXPECT_TRUE(over(EndReason::backend_closed));
}

TEST_F(SessionTest, ResetOfOneSideResetsTheOther) {
  serve({backend.address()});
  Joined first = join(backend);
  first.client.reset();
  EXPECT_TRUE(over(EndReason::client_reset));
  EXPECT_TRUE(ends_as(first.backend, Socket::End::reset));
  Joined second = join(backend);
  second.backend.reset();
  EXPECT_TRUE(over(EndReason::backend_reset));
  EXPECT_TRUE(ends_as(second.client, Socket::End::reset));
}

TEST_F(SessionTest, ResponseSentBeforeTheRequestIsReadIsDelivered) {
  serve({backend.address()});
  Joined s = join(backend);
  ASSERT_TRUE(s.client.send(std::string(100'000, 'q')));
  ASSERT_TRUE(run_until([&] { return cells("l").received_bytes.value > 0; }));
  ASSERT_TRUE(s.backend.send("413 too large"));
  s.backend.close();  // with unread bytes: a reset follows the answer
  EXPECT_TRUE(gets(s.client, "413 too large"));
  // The reset directly after the response is detected by the recheck.
  advance(1100ms);
  EXPECT_TRUE(over(EndReason::backend_reset));
}

TEST_F(SessionTest, SilentSessionEndsWithAFinAfterTheIdleTimeout) {
  serve({backend.address()}, "timeouts: { idle: 30s }");
  Joined s = join(backend);
  advance(29s);
  EXPECT_EQ(worker.active(), 1u);
  ASSERT_TRUE(s.client.send("x"));  // any byte counts
  ASSERT_TRUE(run_until([&] { return cells("l").received_bytes.value == 1; }));
  advance(29s);
  EXPECT_EQ(worker.active(), 1u);
  advance(2s);
  EXPECT_TRUE(ends_as(s.client, Socket::End::fin));
  EXPECT_TRUE(ends_as(s.backend, Socket::End::fin));
  s.client.finish();
  s.backend.finish();
  EXPECT_TRUE(over(EndReason::idle_timeout));
}

TEST_F(SessionTest, ClientThatNeverReadsIsResetAfterTheIdleTimeout) {
  serve({backend.address()}, "timeouts: { idle: 30s }");
  Joined s = join(backend);
  const std::string bytes(1 << 20, 'x');
  for (int i = 0; i < 64 && s.backend.send_some(bytes) > 0; ++i) turns(8);
  ASSERT_TRUE(run_until(
      [&] { return worker.survey(1).oldest.at(0).waiting_for == WaitingFor::client_read; }));
  advance(31s);
  EXPECT_EQ(ended("l", EndReason::idle_timeout), 1u);
  EXPECT_TRUE(ends_as(s.backend, Socket::End::reset));
}

TEST_F(SessionTest, HalfClosedSessionHasItsOwnTimeout) {
  serve({backend.address()}, "timeouts: { idle: 1h, half_close: 10s }");
  Joined s = join(backend);
  s.client.finish();
  ASSERT_TRUE(ends_as(s.backend, Socket::End::fin));
  EXPECT_EQ(worker.survey(1).oldest.at(0).waiting_for, WaitingFor::backend_fin);
  advance(9s);
  EXPECT_EQ(worker.active(), 1u);
  ASSERT_TRUE(s.backend.send("still here"));
  ASSERT_TRUE(run_until([&] { return cells("l").sent_bytes.value == 10; }));
  advance(9s);
  EXPECT_EQ(worker.active(), 1u);
  advance(2s);
  EXPECT_EQ(ended("l", EndReason::half_close_timeout), 1u);
}

TEST_F(SessionTest, MaxAgeEndsABusySession) {
  serve({backend.address()}, "timeouts: { max_age: 60s }");
  Joined s = join(backend);
  for (int i = 0; i < 6; ++i) {
    advance(9900ms);
    EXPECT_EQ(worker.active(), 1u) << i;
    ASSERT_TRUE(s.client.send("tick"));
    ASSERT_TRUE(run_until(
        [&] { return cells("l").received_bytes.value == static_cast<uint64_t>(i + 1) * 4; }));
  }
  advance(700ms);
  EXPECT_EQ(ended("l", EndReason::max_age), 1u);
  EXPECT_TRUE(ends_as(s.client, Socket::End::reset));  // bytes are in transit: not a clean end
}

TEST_F(SessionTest, RefusedConnectTriesTheNextBackendWithoutLoss) {
  const Address dead = free_address();
  for (int i = 0; i < 4; ++i) {
    serve({dead, backend.address()}, "", "backoff: { base: 1ms, max: 1ms }");
    advance(10ms);
    Socket c = client();
    ASSERT_TRUE(c.send("hello"));
    Joined s{std::move(c), {}};
    ASSERT_TRUE(run_until([&] { return relayed(backend, s); }));
    std::string got;
    EXPECT_TRUE(run_until([&] {
      got += s.backend.receive(5 - got.size(), 1ms);
      return got == "hello";
    }));
  }
  EXPECT_GT(backend_cells("c", dead.text()).connect_errors[ConnectError::refused].value, 0u);
  EXPECT_EQ(backend_cells("c", dead.text()).active.value, 0);
}

TEST_F(SessionTest, ClientIsResetAsConnectFailedWhenEveryBackendRefuses) {
  serve({free_address(), free_address(), free_address()}, "", "connect_attempts: 2");
  Socket c = client();
  EXPECT_TRUE(over(EndReason::connect_failed));
  EXPECT_TRUE(ends_as(c, Socket::End::reset));
  uint64_t attempts = 0;
  for (const auto& entry : worker.report().backends) attempts += entry.cells.connects.value;
  EXPECT_EQ(attempts, 2u);  // bounded
}

TEST_F(SessionTest, UnresponsiveBackendIsAConnectTimeout) {
  Acceptor full;
  const FullQueue queue(full);
  serve({full.address()}, "", "timeouts: { connect: 2s }, connect_attempts: 1");
  Socket c = client();
  ASSERT_TRUE(run_until([&] { return worker.active() == 1; }));
  EXPECT_EQ(worker.survey(1).oldest.at(0).waiting_for, WaitingFor::backend_connect);
  advance(1900ms);
  EXPECT_EQ(worker.active(), 1u);
  advance(200ms);
  EXPECT_EQ(ended("l", EndReason::connect_timeout), 1u);
  EXPECT_TRUE(ends_as(c, Socket::End::reset));
}

// Whichever backend is first: half of the sessions get the silent one.
TEST_F(SessionTest, UnresponsiveBackendIsReplacedByTheNextOneWithoutLoss) {
  Acceptor mute;
  const FullQueue queue(mute);
  serve({mute.address(), backend.address()}, "",
        "timeouts: { connect: 2s }, backoff: { base: 1ms, max: 1ms }");
  std::vector<Joined> sessions;
  const auto timeouts = [&] {
    return backend_cells("c", mute.address().text()).connect_errors[ConnectError::timeout].value;
  };
  for (uint64_t i = 0; i < 4; ++i) {
    Joined s{client(), {}};
    ASSERT_TRUE(s.client.send("hello"));
    ASSERT_TRUE(run_until([&] { return worker.active() == i + 1; }));
    turns(3);
    advance(1900ms);
    EXPECT_TRUE(s.client.silent(1ms));
    advance(200ms);
    ASSERT_TRUE(run_until([&] { return relayed(backend, s); })) << i;
    std::string got;
    EXPECT_TRUE(run_until([&] {
      got += s.backend.receive(5 - got.size(), 1ms);
      return got == "hello";
    }));
    sessions.push_back(std::move(s));
  }
  EXPECT_GE(timeouts(), 2u);
  EXPECT_EQ(ended("l", EndReason::connect_timeout), 0u);
  EXPECT_EQ(backend_cells("c", mute.address().text()).active.value, 0);
  EXPECT_EQ(backend_cells("c", backend.address().text()).active.value, 4);
}

TEST_F(SessionTest, ClientResetWhileConnectingEndsTheSession) {
  Acceptor full;
  const FullQueue queue(full);
  serve({full.address()});
  Socket c = client();
  ASSERT_TRUE(run_until([&] { return worker.active() == 1; }));
  turns(3);
  c.reset();
  EXPECT_TRUE(over(EndReason::client_reset));
  EXPECT_EQ(backend_cells("c", full.address().text()).active.value, 0);
}

TEST_F(SessionTest, SessionWithoutABackendEndsAsNoBackend) {
  serve({backend.address()});
  store.check_targets();
  store.current()->clusters[0].hosts[0].backend->set_health(Health::down);
  worker.health_changed();
  Socket c = client();
  EXPECT_TRUE(over(EndReason::no_backend));
  EXPECT_TRUE(ends_as(c, Socket::End::reset));
}

TEST_F(SessionTest, ConnectionsOverTheLimitsAreRefusedAndCounted) {
  serve({backend.address()}, "limits: { max_connections: 1 }");
  Joined s = join(backend);
  Socket refused = client();
  EXPECT_TRUE(over(EndReason::listener_limit));
  EXPECT_TRUE(ends_as(refused, Socket::End::reset));
  EXPECT_EQ(cells("l").rejected[RejectReason::listener_limit].value, 1u);
  s.client.reset();
  ASSERT_TRUE(over(EndReason::client_reset));
  Joined again = join(backend);  // the limit allows a session again
  EXPECT_EQ(worker.active(), 1u);
}

TEST_F(SessionTest, BytesAreCountedWhileASessionLives) {
  serve({backend.address()});
  Joined s = join(backend);
  ASSERT_TRUE(s.client.send("12345"));
  EXPECT_TRUE(run_until([&] { return cells("l").received_bytes.value == 5; }));
  EXPECT_EQ(backend_cells("c", backend.address().text()).sent_bytes.value, 5u);
  EXPECT_EQ(worker.active(), 1u);
}

TEST_F(SessionTest, SessionKeepsItsSnapshotAndIsTheLastToHoldIt) {  // trap T12
  serve({backend.address()});
  Joined s = join(backend);
  std::weak_ptr<const Snapshot> first = store.current();
  Acceptor other;
  serve({other.address()});
  EXPECT_FALSE(first.expired());
  EXPECT_EQ(cells("l").active[ConfigAge::old].value, 1);
  ASSERT_TRUE(s.client.send("to the old one"));
  EXPECT_TRUE(gets(s.backend, "to the old one"));
  s.client.reset();
  ASSERT_TRUE(over(EndReason::client_reset));
  turns(2);
  EXPECT_TRUE(first.expired());
}

TEST_F(SessionTest, RemovedListenerServesConnectionsInItsAcceptQueue) {
  serve({backend.address()});
  std::vector<Socket> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(client());
  apply(
      fmt::format("listeners: [{{ name: other, bind: \"127.0.0.2:0\", cluster: c }}]\n"
                  "clusters: [{{ name: c, backends: [{}] }}]\n",
                  backend.address().text()));
  EXPECT_EQ(worker.active(), 20u);
  EXPECT_EQ(cells("l").connections_total.value, 20u);
}

TEST_F(SessionTest, ConnectionOfAnUnknownSocketWaitsForTheUpdate) {
  Acceptor elsewhere;  // represents the listening socket of another worker
  Socket dealt = Socket::connect(elsewhere.address());
  Socket accepted = elsewhere.accept();
  serve({backend.address()});
  const uint64_t next = store.sockets().entries().at(0).first + 1;
  worker.take({next, ::dup(accepted.fd()), elsewhere.address()});
  turns(3);
  EXPECT_EQ(worker.active(), 0u);
  apply(
      fmt::format("listeners: [{{ name: l, bind: \"127.0.0.2:0\", cluster: c }}]\n"
                  "clusters: [{{ name: c, backends: [{}] }}]\n",
                  backend.address().text()));
  ASSERT_EQ(store.sockets().entries().at(0).first, next);
  EXPECT_TRUE(run_until([&] { return worker.active() == 1; }));
}

TEST_F(SessionTest, CellsStayWhileASessionOfAnOldConfigurationUsesThem) {
  const std::string two = fmt::format(
      "clusters:\n  - {{ name: c, backends: [{0}] }}\n"
      "  - {{ name: gone, backends: [{0}] }}\n",
      backend.address().text());
  const std::string l = "listeners:\n  - { name: l, bind: \"127.0.0.1:0\", cluster: c }\n";
  apply(l + "  - { name: m, bind: \"127.0.0.1:0\", cluster: gone }\n" + two);
  Joined s = join(backend);
  serve({backend.address()});
  const SeriesIds expired = store.series().take_expired(loop.now() + 1h, series_in_use());
  EXPECT_TRUE(expired.clusters.empty()) << "the first snapshot still names them";
  worker.forget(expired);
  worker.health_changed();  // writes into the cells of every existing view
  s.client.reset();
  ASSERT_TRUE(over(EndReason::client_reset));
  turns(2);
  EXPECT_EQ(store.series().take_expired(loop.now() + 1h, series_in_use()).clusters.size(), 1u);
}

// Another worker accepted the connection and handed it over while the listener was removed.
TEST_F(SessionTest, ConnectionOfARemovedSocketIsServedUnderItsOldConfiguration) {
  serve({backend.address()});
  const uint64_t socket = store.sockets().entries().at(0).first;
  Acceptor other;
  replace(
      fmt::format("listeners: [{{ name: other, bind: \"127.0.0.2:0\", cluster: d }}]\n"
                  "clusters: [{{ name: d, backends: [{}] }}]\n",
                  other.address().text()));
  Acceptor elsewhere;  // where that worker accepted it
  Joined s{Socket::connect(elsewhere.address()), {}};
  const Socket accepted = elsewhere.accept();
  ASSERT_TRUE(accepted);
  worker.take({socket, ::fcntl(accepted.fd(), F_DUPFD_CLOEXEC, 0), Address::loopback(1)});
  ASSERT_TRUE(run_until([&] { return relayed(backend, s); }));
  EXPECT_EQ(cells("l").active[ConfigAge::old].value, 1);
  worker.forget_removed_sockets();
  ASSERT_TRUE(s.client.send("still there"));
  EXPECT_TRUE(gets(s.backend, "still there"));
  s.backend.reset();
  EXPECT_TRUE(over(EndReason::backend_reset));
}

TEST_F(SessionTest, FullAcceptQueueIsAcceptedInPortions) {
  serve({backend.address()});
  std::vector<Socket> waiting;
  for (int i = 0; i < 100; ++i) waiting.push_back(client());
  turns(1);
  EXPECT_LE(cells("l").connections_total.value, uint64_t{Listener::kAcceptsPerTurn});
  EXPECT_TRUE(run_until([&] { return cells("l").connections_total.value == 100; }));
}

TEST_F(SessionTest, ResponseInTransitSurvivesTheResetOfAFinishedBackend) {
  serve({backend.address()});
  Joined s = join(backend);
  s.client.shrink_buffers();
  const std::string answer(pattern(0, 60'000));
  ASSERT_TRUE(s.backend.send(answer));
  ASSERT_TRUE(run_until([&] { return cells("l").sent_bytes.value == answer.size(); }));
  s.backend.close();
  turns(5);
  ASSERT_TRUE(s.client.send("more"));  // the backend's kernel answers with a reset
  advance(1100ms);
  turns(5);
  EXPECT_TRUE(gets(s.client, answer));
  EXPECT_TRUE(ends_as(s.client, Socket::End::fin));
  s.client.close();
  EXPECT_TRUE(over(EndReason::backend_reset));
}

class DrainingTest : public SessionTest {
 protected:
  void begin_drain(Duration spread) {
    worker.close_listeners();
    worker.begin_drain(loop.now(), spread);
    turns(1);
  }
};

TEST_F(DrainingTest, WorkerWithoutSessionsReportsDrainedAtOnce) {
  serve({backend.address()});
  begin_drain(10s);
  EXPECT_EQ(empties, 1);
}

TEST_F(DrainingTest, SilentSessionsAreClosedOverTheSpreadLongestSilentFirst) {
  serve({backend.address()});
  std::vector<Joined> sessions;
  for (int i = 0; i < 10; ++i) {
    sessions.push_back(join(backend));
    advance(1s);
  }
  // The oldest one has been active last.
  ASSERT_TRUE(sessions[0].backend.send("x"));
  ASSERT_TRUE(run_until([&] { return cells("l").sent_bytes.value == 1; }));
  advance(2s);
  begin_drain(10s);
  EXPECT_EQ(worker.survey(0).listeners.begin()->second.waiting.at(WaitingFor::traffic), 10u);
  const auto closed = [&] {
    int n = 0;
    for (Joined& s : sessions)
      n += s.client.end() == Socket::End::fin || s.client.wait_end(1ms) == Socket::End::fin;
    return n;
  };
  EXPECT_TRUE(ends_as(sessions[1].client, Socket::End::fin));  // silent for longest: at once
  EXPECT_EQ(closed(), 1) << "then one every second";
  for (int i = 0; i < 50; ++i) advance(100ms);
  EXPECT_GE(closed(), 5);
  EXPECT_LE(closed(), 7);
  EXPECT_TRUE(sessions[0].client.silent(1ms));
  for (int i = 0; i < 60; ++i) advance(100ms);
  EXPECT_TRUE(run_until([&] { return empties == 1; }));
  EXPECT_EQ(ended("l", EndReason::drain_idle), 10u);
}

TEST_F(DrainingTest, SessionsInUseStayOpenUntilTheDeadline) {
  serve({backend.address()});
  Joined s = join(backend);
  begin_drain(0s);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(s.client.send("busy"));
    advance(500ms);
  }
  EXPECT_EQ(worker.active(), 1u);
  worker.cut_sessions(EndReason::drain_deadline);
  EXPECT_EQ(ended("l", EndReason::drain_deadline), 1u);
  EXPECT_EQ(cells("l").drain_closed[DrainEnd::deadline_rst].value, 1u);
  EXPECT_TRUE(ends_as(s.client, Socket::End::reset));
  EXPECT_EQ(empties, 1);
}

TEST_F(DrainingTest, SingleSilentSessionIsClosedAtOnce) {
  serve({backend.address()});
  Joined s = join(backend);
  advance(2s);
  begin_drain(15s);
  EXPECT_TRUE(ends_as(s.client, Socket::End::fin));
}

// No bytes move, but the client waits for a response of its backend.
TEST_F(DrainingTest, SessionThatAwaitsAResponseStaysOpenAndGetsIt) {
  serve({backend.address()});
  Joined s = join(backend);
  ASSERT_TRUE(s.client.send("question"));
  EXPECT_TRUE(gets(s.backend, "question"));
  begin_drain(5s);
  for (int i = 0; i < 70; ++i) advance(100ms);
  EXPECT_EQ(worker.active(), 1u);
  ASSERT_TRUE(s.backend.send("answer"));
  EXPECT_TRUE(gets(s.client, "answer"));
  advance(1100ms);
  EXPECT_TRUE(ends_as(s.client, Socket::End::fin)) << "it has its response, and is silent now";
  s.client.finish();
  s.backend.finish();
  EXPECT_TRUE(over(EndReason::drain_idle));
}

TEST_F(DrainingTest, SessionThatAwaitsAResponseAtTheDeadlineIsResetAndCounted) {
  serve({backend.address()});
  Joined s = join(backend);
  ASSERT_TRUE(s.client.send("question"));
  EXPECT_TRUE(gets(s.backend, "question"));
  begin_drain(5s);
  for (int i = 0; i < 100; ++i) advance(100ms);
  worker.cut_sessions(EndReason::drain_deadline);
  EXPECT_TRUE(ends_as(s.client, Socket::End::reset));
  EXPECT_EQ(ended("l", EndReason::drain_deadline), 1u);
  EXPECT_EQ(cells("l").drain_closed[DrainEnd::deadline_rst].value, 1u);
}

// Trap T9: each session removes itself from the list that is iterated.
TEST_F(DrainingTest, AllSessionsCutAtOnceEndOnceEach) {
  for (const auto cut : {&Worker::cut_sessions, &Worker::abort_sessions}) {
    serve({backend.address()});
    const uint64_t before = ended("l", EndReason::drain_deadline);
    std::vector<Joined> sessions;
    for (int i = 0; i < 30; ++i) sessions.push_back(join(backend));
    for (size_t i = 0; i < 10; ++i) sessions[i].client.finish();
    ASSERT_TRUE(run_until([&] {
      return worker.survey(0).listeners.begin()->second.waiting[WaitingFor::backend_fin] == 10;
    }));
    (worker.*cut)(EndReason::drain_deadline);
    turns(2);
    EXPECT_EQ(worker.active(), 0u);
    EXPECT_EQ(ended("l", EndReason::drain_deadline), before + 30);
    for (Joined& s : sessions) EXPECT_TRUE(ends_as(s.client, Socket::End::reset));
  }
}

TEST_F(DrainingTest, SilentSessionIsClosedWithAFinAndWaitsForTheOtherFin) {
  serve({backend.address()});
  Joined s = join(backend);
  advance(2s);
  begin_drain(0s);
  EXPECT_TRUE(ends_as(s.client, Socket::End::fin));
  EXPECT_TRUE(ends_as(s.backend, Socket::End::fin));
  EXPECT_EQ(worker.active(), 1u);  // weir has sent its FINs
  s.client.finish();
  s.backend.finish();
  EXPECT_TRUE(over(EndReason::drain_idle));
  EXPECT_EQ(cells("l").drain_closed[DrainEnd::idle_spread].value, 1u);
}

TEST_F(DrainingTest, SilentSessionWithBytesInTransitIsNotClosed) {
  serve({backend.address()});
  Joined s = join(backend);
  s.client.shrink_buffers();
  const std::string answer(pattern(0, 60'000));
  ASSERT_TRUE(s.backend.send(answer));
  ASSERT_TRUE(run_until([&] { return cells("l").sent_bytes.value == answer.size(); }));
  advance(2s);
  begin_drain(0s);
  for (int i = 0; i < 30; ++i) advance(100ms);
  EXPECT_EQ(worker.active(), 1u);
  EXPECT_TRUE(gets(s.client, answer));
  advance(100ms);
  EXPECT_TRUE(ends_as(s.client, Socket::End::fin));
}

TEST_F(DrainingTest, BytesDuringTheLingerAreDiscardedUntilTheFin) {
  serve({backend.address()});
  Joined s = join(backend);
  advance(2s);
  begin_drain(0s);
  ASSERT_TRUE(ends_as(s.client, Socket::End::fin));
  ASSERT_TRUE(s.client.send(std::string(200'000, 'x')));
  s.client.finish();
  s.backend.finish();
  for (int i = 0; i < 20 && worker.active() > 0; ++i) advance(20ms);  // less than the linger
  EXPECT_EQ(ended("l", EndReason::drain_idle), 1u);
}

TEST_F(DrainingTest, ConnectionsInTheAcceptQueueAreServedNotReset) {
  serve({backend.address()});
  std::vector<Socket> waiting;
  for (int i = 0; i < 200; ++i) waiting.push_back(client());
  begin_drain(10s);
  EXPECT_EQ(worker.active(), 200u);
  EXPECT_FALSE(Socket::connect(address(), 1s));
  ASSERT_TRUE(waiting.back().send("served"));
  std::vector<Socket> accepted;
  std::string got;
  EXPECT_TRUE(run_until([&] {
    while (wait_ready(backend.fd(), POLLIN, 1ms)) accepted.push_back(backend.accept(1s));
    for (Socket& one : accepted) got += wait_ready(one.fd(), POLLIN, 0ms) ? one.receive(6, 1s) : "";
    return got == "served" && accepted.size() == 200;
  }));
}

}  // namespace
}  // namespace weir::test

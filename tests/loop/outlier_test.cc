// Outlier detection with one worker: the responses, and missing responses, that eject a backend.
#include <fmt/format.h>
#include <poll.h>

#include "support/worker_fixture.h"

namespace weir::test {
namespace {

class OutlierDetectionTest : public testing::Test, public WorkerFixture {
 protected:
  // `more`: other keys of the cluster, a line each.
  void serve(const std::string& rules, const std::string& more = "") {
    apply(fmt::format(R"(
listeners:
  - {{ name: l, bind: "127.0.0.1:0", protocol: http, cluster: c }}
clusters:
  - name: c
    backends: [{{ name: bad, address: {} }}, {{ name: good, address: {} }}]
{}{})",
                      bad.address().text(), good.address().text(),
                      rules.empty() ? "" : "    outlier_detection: { " + rules + " }\n", more));
  }
  // Sends a request on a new connection and waits until a backend receives it.
  void ask() {
    one = client();
    ASSERT_TRUE(one.send(request));
    server = {};
    ASSERT_TRUE(run_until([&] {
      is_bad = wait_ready(bad.fd(), POLLIN, 0ms);
      if (is_bad)
        server = bad.accept(1s);
      else if (wait_ready(good.fd(), POLLIN, 1ms))
        server = good.accept(1s);
      return static_cast<bool>(server);
    }));
    until_head(server);
  }
  std::string until_head(Socket& socket) {
    std::string got;
    EXPECT_TRUE(run_until([&] {
      got += socket.receive(4096, 1ms);
      return got.find("\r\n\r\n") != std::string::npos;
    })) << got;
    return got;
  }
  void answer(const char* status) {
    ASSERT_TRUE(server.send(
        fmt::format("HTTP/1.1 {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status)));
    until_head(one);
  }
  // Whether the bad backend receives one of as many requests as there are backends; it answers with
  // an error.
  bool bad_is_asked() {
    bool asked = false;
    for (int i = 0; i < 2; ++i) {
      ask();
      asked = asked || is_bad;
      answer(is_bad ? "503 Service Unavailable" : "200 OK");
    }
    return asked;
  }
  // Requests go to the bad one only.
  void ask_bad() {
    do {
      ask();
      if (!is_bad) answer("200 OK");
    } while (!is_bad);
  }
  Outlier& outlier() { return store.current()->clusters[0].hosts.at(0).backend->outlier(); }
  // Ejects the bad backend; then its length is over, and a check passes.
  void await_trial(const std::string& more = "") {
    serve("consecutive_errors: 1, base_ejection: 10s", more);
    ask_bad();
    answer("503 Service Unavailable");
    ASSERT_TRUE(outlier().ejected());
    prove();
  }
  void prove() {
    clock.advance(outlier().ejected_until() - loop.now());
    turns(1);
    outlier().confirm(loop.now(), loop.now());
  }
  void pass_trial() {
    prove();
    ask_bad();
    answer("200 OK");
    EXPECT_FALSE(outlier().ejected());
  }
  // The next request that the good backend gets.
  void take_good() {
    ASSERT_TRUE(run_until([&] {
      if (wait_ready(good.fd(), POLLIN, 1ms)) server = good.accept(1s);
      return static_cast<bool>(server);
    }));
    is_bad = false;
    until_head(server);
  }
  uint64_t ejections() { return backend_cells("c", "bad").ejections.value; }
  void TearDown() override { EXPECT_EQ(imbalance("l"), 0); }

  Acceptor bad, good;
  Socket one, server;
  bool is_bad = false;
  std::string request = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
};

TEST_F(OutlierDetectionTest, BackendWithConsecutiveErrorsIsEjectedUntilACheckAndATrialPass) {
  serve("consecutive_errors: 2, base_ejection: 10s");
  EXPECT_TRUE(bad_is_asked());
  EXPECT_EQ(ejections(), 0u);
  EXPECT_TRUE(bad_is_asked());
  EXPECT_EQ(ejections(), 1u);
  EXPECT_FALSE(bad_is_asked());
  clock.advance(1min);
  turns(1);
  EXPECT_FALSE(bad_is_asked());
  outlier().confirm(loop.now(), loop.now());
  ask_bad();
  answer("200 OK");
  EXPECT_FALSE(outlier().ejected());
  EXPECT_TRUE(bad_is_asked());
  EXPECT_TRUE(bad_is_asked());
  EXPECT_EQ(ejections(), 2u);
}

TEST_F(OutlierDetectionTest, ResponsesThatTheBackendCutsEjectIt) {
  serve("consecutive_errors: 2");
  for (const uint64_t expected : {0u, 1u}) {
    ask_bad();
    ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
    until_head(one);
    server.close();
    ASSERT_TRUE(run_until([&] { return one.wait_end(1ms) != Socket::End::open; }));
    EXPECT_EQ(ejections(), expected);
  }
}

TEST_F(OutlierDetectionTest, ResponsesThatTheClientDoesNotTakeEjectNoBackend) {
  serve("consecutive_errors: 1");
  ask_bad();
  ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
  until_head(one);
  advance(1s);  // a FIN that comes with the request is a half-close
  one.close();
  ASSERT_TRUE(run_until([&] { return server.wait_end(1ms) != Socket::End::open; }));
  EXPECT_EQ(ejections(), 0u);
}

TEST_F(OutlierDetectionTest, BackendThatAnswers500IsEjectedOnceTheOtherOneIsKnownNotTo) {
  serve("consecutive_errors: 3");
  int errors = 0;
  for (int i = 0; i < 40 && ejections() == 0; ++i) {
    ask();
    errors += is_bad ? 1 : 0;
    answer(is_bad ? "500 Internal Server Error" : "200 OK");
  }
  EXPECT_EQ(ejections(), 1u);
  EXPECT_GE(errors, 3);
}

TEST_F(OutlierDetectionTest, OnlyOneRequestIsUnderWayAsTheTrial) {
  await_trial();
  ask_bad();
  Socket first = std::move(one), its_server = std::move(server);
  for (int i = 0; i < 4; ++i) {
    ask();
    EXPECT_FALSE(is_bad);
    answer("200 OK");
  }
  ASSERT_TRUE(its_server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_TRUE(until_head(first).starts_with("HTTP/1.1 200"));
  EXPECT_FALSE(outlier().ejected());
}

TEST_F(OutlierDetectionTest, RequestOfAFailedTrialIsSentToAnotherBackendWhateverThePolicyIs) {
  for (const char* failure :
       {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "no HTTP\r\n", ""}) {
    await_trial();
    ask_bad();
    if (*failure != '\0') {
      ASSERT_TRUE(server.send(failure));
    }
    server = {};
    take_good();
    answer("200 OK");
    EXPECT_TRUE(outlier().awaits_proof()) << failure;
    pass_trial();
  }
}

TEST_F(OutlierDetectionTest, TrialThatTimesOutIsSentToAnotherBackend) {
  await_trial("    timeouts: { response_header: 2s }\n");
  ask_bad();
  clock.advance(3s);
  server = {};
  take_good();
  answer("200 OK");
  EXPECT_TRUE(outlier().ejected());
}

TEST_F(OutlierDetectionTest, TrialOfAClientThatGoesIsGivenToAnotherRequest) {
  await_trial();
  ask_bad();
  one.reset();
  ASSERT_TRUE(run_until([&] { return cells("l").active.sum() == 0; }));
  EXPECT_TRUE(outlier().ejected());
  EXPECT_FALSE(outlier().awaits_proof());
  ask_bad();
  answer("200 OK");
  EXPECT_FALSE(outlier().ejected());
}

TEST_F(OutlierDetectionTest, PostIsTheTrialOnlyIfNoOtherRequestComesForASecond) {
  await_trial();
  for (const bool late : {false, true}) {
    clock.advance(late ? 1s : 0s);
    turns(1);
    bool asked = false;
    for (int i = 0; i < 4 && !asked; ++i) {
      request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
      ask();
      asked = is_bad;
      answer("200 OK");
    }
    EXPECT_EQ(asked, late);
  }
  EXPECT_FALSE(outlier().ejected());
}

TEST_F(OutlierDetectionTest, ReloadKeepsEjectionsUnlessItDisablesDetection) {
  serve("consecutive_errors: 1");
  EXPECT_TRUE(bad_is_asked());
  EXPECT_FALSE(bad_is_asked());
  serve("consecutive_errors: 3");
  EXPECT_FALSE(bad_is_asked());
  serve("");
  EXPECT_TRUE(bad_is_asked());
}

TEST_F(OutlierDetectionTest, CloseWithoutAResponseIsAnError) {
  serve("consecutive_errors: 1");
  ask_bad();
  server = {};
  EXPECT_TRUE(until_head(one).starts_with("HTTP/1.1 502"));
  EXPECT_EQ(ejections(), 1u);
}

TEST_F(OutlierDetectionTest, ResponseThatIsNotHttpIsAnError) {
  serve("consecutive_errors: 1");
  ask_bad();
  ASSERT_TRUE(server.send("SSH-2.0\r\n"));
  EXPECT_TRUE(until_head(one).starts_with("HTTP/1.1 502"));
  EXPECT_EQ(ejections(), 1u);
}

TEST_F(OutlierDetectionTest, LateResponseIsAnError) {
  serve("consecutive_errors: 1", "    timeouts: { response_header: 2s }\n");
  ask_bad();
  clock.advance(3s);
  EXPECT_TRUE(until_head(one).starts_with("HTTP/1.1 504"));
  EXPECT_EQ(ejections(), 1u);
}

TEST_F(OutlierDetectionTest, ClientAbortIsNoErrorOfTheBackend) {
  serve("consecutive_errors: 1");
  ask_bad();
  one.reset();
  EXPECT_TRUE(run_until([&] { return cells("l").active.sum() == 0; }));
  EXPECT_EQ(ejections(), 0u);
}

TEST_F(OutlierDetectionTest, ClosedIdleConnectionIsNoError) {
  serve("consecutive_errors: 1");
  ask_bad();
  ASSERT_TRUE(server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  until_head(one);
  Socket kept = std::move(server);
  // The next request to the bad backend uses the kept connection, which the backend closes.
  Socket next;
  ASSERT_TRUE(run_until([&] {
    if (kept.receive(1, 0ms).size() == 1) return true;
    if (!next || next.end() != Socket::End::open) {
      next = client();
      return !next.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    }
    if (wait_ready(good.fd(), POLLIN, 1ms)) {
      server = good.accept(1s);
      until_head(server);
      (void)server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      until_head(next);
      next = {};
    }
    return false;
  }));
  kept = {};
  EXPECT_TRUE(until_head(next).starts_with("HTTP/1.1 502"));
  EXPECT_EQ(ejections(), 0u);
}

}  // namespace
}  // namespace weir::test

#include "loop/health_check_fixture.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/resource.h>

#include <deque>
#include <filesystem>
#include <set>

#include "health/tcp_probe.h"
#include "support/log_capture.h"

namespace weir {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(HealthCheckTest, FirstResultSetsTheHealthAtOnce) {
  auto up = backend("b", server_.address());
  checks_.apply({{up, spec()}});
  EXPECT_FALSE(checks_.primed());
  EXPECT_EQ(observer_.primed, 0);
  ASSERT_TRUE(run_until_results(1));
  EXPECT_EQ(up->health(), Health::up);
  EXPECT_THAT(observer_.changes, ElementsAre("b up"));
  EXPECT_TRUE(checks_.primed());
  EXPECT_EQ(observer_.primed, 1);
}

TEST_F(HealthCheckTest, RefusedConnectionIsAFailure) {
  auto down = backend("b", server_.address());
  server_.stop();
  checks_.apply({{down, spec()}});
  ASSERT_TRUE(run_until_results(1));
  EXPECT_EQ(down->health(), Health::down);
  EXPECT_THAT(observer_.results, ElementsAre(CheckResult::fail));
  EXPECT_THAT(observer_.changes, ElementsAre("b down"));
}

TEST_F(HealthCheckTest, IsPrimedWithoutChecks) {
  checks_.apply({});
  EXPECT_TRUE(checks_.primed());
  EXPECT_EQ(observer_.primed, 1);
}

TEST_F(HealthCheckTest, UnixBackendWithAFullQueueIsDownAndDelaysNoOtherCheck) {
  char directory[] = "/tmp/weir-check-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const Address full = *Address::parse(std::string("unix:") + directory + "/full");
  const auto open = [] {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  };
  sockaddr_storage storage;
  const socklen_t length = full.to_sockaddr(storage);
  const auto* at = reinterpret_cast<const sockaddr*>(&storage);
  const UniqueFd listening = open();
  ASSERT_EQ(::bind(listening.get(), at, length), 0);
  ASSERT_EQ(::listen(listening.get(), 0), 0);
  std::vector<UniqueFd> waiting;
  do waiting.push_back(open());
  while (::connect(waiting.back().get(), at, length) == 0);
  ASSERT_EQ(errno, EAGAIN);

  auto hung = backend("hung", full);
  checks_.apply({{hung, spec()}});
  ASSERT_TRUE(run_until_results(1));
  EXPECT_EQ(hung->health(), Health::down);
  EXPECT_EQ(observer_.primed, 1);
  std::filesystem::remove_all(directory);
}

TEST_F(HealthCheckTest, UnreachableBackendDelaysNoOtherCheck) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest = ::dup(0);
  ::close(lowest);
  const rlimit tight{rlim_t(lowest), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  auto unasked = backend("b", server_.address());
  checks_.apply({{unasked, spec()}});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(observer_.primed, 1);
  EXPECT_EQ(unasked->health(), Health::unknown);
  clock_.advance(1100ms);
  ASSERT_TRUE(run_until_results(1));
  EXPECT_EQ(unasked->health(), Health::up) << "checked again when descriptors are free";
}

TEST_F(HealthCheckTest, PrimedWaitsForTheSlowestFirstResult) {
  Server silent;
  config::HealthCheck slow = spec();
  slow.expect = "PONG";
  checks_.apply(
      {{backend("fast", server_.address()), spec()}, {backend("slow", silent.address()), slow}});
  ASSERT_TRUE(run_until_results(1));
  EXPECT_FALSE(checks_.primed());
  clock_.advance(slow.timeout + 50ms);
  ASSERT_TRUE(run_until_results(2));
  EXPECT_TRUE(checks_.primed());
  EXPECT_EQ(observer_.primed, 1);
}

TEST_F(HealthCheckTest, ConsecutiveFailuresTakeABackendDownAndSuccessesBringItUp) {
  auto b = backend("b", server_.address());
  checks_.apply({{b, spec()}});  // rise 2, fall 3
  ASSERT_TRUE(run_until_results(1));
  server_.stop();
  ASSERT_TRUE(next_result());
  ASSERT_TRUE(next_result());
  EXPECT_EQ(b->health(), Health::up) << "two of three";
  server_.start();
  ASSERT_TRUE(next_result());
  server_.stop();
  ASSERT_TRUE(next_result());
  ASSERT_TRUE(next_result());
  EXPECT_EQ(b->health(), Health::up) << "the success in between starts the count anew";
  ASSERT_TRUE(next_result());
  EXPECT_EQ(b->health(), Health::down);

  server_.start();
  ASSERT_TRUE(next_result());
  EXPECT_EQ(b->health(), Health::down);
  ASSERT_TRUE(next_result());
  EXPECT_EQ(b->health(), Health::up);
  EXPECT_THAT(observer_.changes, ElementsAre("b up", "b down", "b up"));
  EXPECT_EQ(observer_.primed, 1);
}

TEST_F(HealthCheckTest, ChecksOncePerInterval) {
  checks_.apply({{backend("b", server_.address()), spec()}});
  ASSERT_TRUE(run_until_results(1));
  clock_.advance(4900ms);
  settle();
  EXPECT_EQ(server_.accepted, 1);
  clock_.advance(200ms);
  ASSERT_TRUE(run_until_results(2));
  EXPECT_EQ(server_.accepted, 2);
}

TEST_F(HealthCheckTest, JitterMovesChecksWithinItsBound) {
  config::HealthCheck jittery = spec();
  jittery.jitter = 0.5;
  checks_.apply({{backend("b", server_.address()), jittery}});
  ASSERT_TRUE(run_until_results(1));
  std::set<int> gaps;  // in 100 ms
  for (size_t n = 2; n < 30; ++n) {
    int gap = 0;
    for (; observer_.results.size() < n && gap < 80; ++gap) {
      clock_.advance(100ms);
      settle();
      if (checks_.running() > 0) run_until_results(n);
    }
    gaps.insert(gap);
  }
  EXPECT_GE(*gaps.begin(), 25);
  EXPECT_LE(*gaps.rbegin(), 77);
  EXPECT_GT(gaps.size(), 8u);
}

TEST_F(HealthCheckTest, FindsAnExpectedResponseThatArrivesInPieces) {
  config::HealthCheck ping = spec();
  ping.send = "PING\r\n";
  ping.expect = "PONG";
  auto b = backend("b", server_.address());
  checks_.apply({{b, ping}});
  std::string request;
  ASSERT_TRUE(run_until([&] { return (request += server_.received()) == "PING\r\n"; }));
  server_.say("+PO");
  settle();
  EXPECT_EQ(b->health(), Health::unknown);
  server_.say("NG\r\n");
  ASSERT_TRUE(run_until_results(1));
  EXPECT_EQ(b->health(), Health::up);
}

TEST_F(HealthCheckTest, FindsTheGreetingOfAServerThatSendsFirst) {
  config::HealthCheck greeted = spec();
  greeted.expect = "220 ";
  server_.greeting = "220 mail.example ESMTP\r\n";
  auto b = backend("b", server_.address());
  checks_.apply({{b, greeted}});
  ASSERT_TRUE(run_until_results(1));
  EXPECT_EQ(b->health(), Health::up);
}

TEST_F(HealthCheckTest, SearchesTheFirst4KiBOnly) {
  config::HealthCheck greeted = spec();
  greeted.expect = "PONG";
  server_.greeting.assign(TcpProbe::kAnswerLimit, '.').append("PONG");
  auto b = backend("b", server_.address());
  checks_.apply({{b, greeted}});
  ASSERT_TRUE(run_until_results(1));
  EXPECT_THAT(observer_.results, ElementsAre(CheckResult::fail));
}

TEST_F(HealthCheckTest, ServerThatClosesBeforeTheResponseFails) {
  config::HealthCheck greeted = spec();
  greeted.expect = "PONG";
  server_.hangs_up = true;
  checks_.apply({{backend("b", server_.address()), greeted}});
  ASSERT_TRUE(run_until_results(1));
  EXPECT_THAT(observer_.results, ElementsAre(CheckResult::fail));
}

TEST_F(HealthCheckTest, MissingResponseIsATimeout) {
  config::HealthCheck greeted = spec();
  greeted.expect = "PONG";
  checks_.apply({{backend("b", server_.address()), greeted}});
  ASSERT_TRUE(run_until([&] { return server_.accepted == 1; }));
  clock_.advance(greeted.timeout - 50ms);
  settle();
  EXPECT_THAT(observer_.results, IsEmpty());
  clock_.advance(100ms);
  ASSERT_TRUE(run_until_results(1));
  EXPECT_THAT(observer_.results, ElementsAre(CheckResult::timeout));
  EXPECT_EQ(checks_.running(), 0u);
}

TEST_F(HealthCheckTest, SuccessfulCheckEndsItsConnectionWithAFin) {
  checks_.apply({{backend("b", server_.address()), spec()}});
  ASSERT_TRUE(run_until_results(1));
  int ended = -1;
  ASSERT_TRUE(run_until([&] { return server_.accepted == 1 && (ended = server_.ended()) != -1; }));
  EXPECT_EQ(ended, 0);
}

TEST_F(HealthCheckTest, ReloadKeepsUnchangedChecks) {
  auto b = backend("b", server_.address());
  checks_.apply({{b, spec()}});
  ASSERT_TRUE(run_until_results(1));
  clock_.advance(3s);
  checks_.apply({{b, spec()}});
  settle();
  EXPECT_EQ(server_.accepted, 1) << "its interval has not passed";
  EXPECT_EQ(b->health(), Health::up);
  EXPECT_EQ(observer_.primed, 2);
  clock_.advance(2100ms);
  ASSERT_TRUE(run_until_results(2)) << "its schedule continues";
}

TEST_F(HealthCheckTest, ChangedCheckRunsAtOnceAndKeepsTheHealth) {
  auto b = backend("b", server_.address());
  checks_.apply({{b, spec()}});
  ASSERT_TRUE(run_until_results(1));
  config::HealthCheck changed = spec();
  changed.fall = 1;
  server_.stop();
  checks_.apply({{b, changed}});
  EXPECT_EQ(b->health(), Health::up);
  ASSERT_TRUE(run_until_results(2));
  EXPECT_EQ(b->health(), Health::down);
}

TEST_F(HealthCheckTest, BackendNoLongerCheckedBecomesUnknownAndGetsNoMoreChecks) {
  auto b = backend("b", server_.address());
  server_.stop();
  checks_.apply({{b, spec()}});
  ASSERT_TRUE(run_until_results(1));
  ASSERT_EQ(b->health(), Health::down);
  server_.start();
  checks_.apply({});
  EXPECT_EQ(b->health(), Health::unknown);
  clock_.advance(60s);
  settle();
  EXPECT_EQ(server_.accepted, 0);
}

TEST_F(HealthCheckTest, RemovedCheckIsCancelledWhileItRuns) {
  config::HealthCheck greeted = spec();
  greeted.expect = "PONG";
  checks_.apply({{backend("b", server_.address()), greeted}});
  ASSERT_TRUE(run_until([&] { return server_.accepted == 1; }));
  EXPECT_EQ(checks_.running(), 1u);
  checks_.apply({});
  EXPECT_EQ(checks_.running(), 0u);
  ASSERT_TRUE(run_until([&] { return server_.ended() != -1; }));
  EXPECT_THAT(observer_.results, IsEmpty());
}

TEST_F(HealthCheckTest, LogsWhyABackendWentDown) {
  test::LogCapture log;
  config::HealthCheck greeted = spec();
  greeted.expect = "PONG";
  Server refuses;
  refuses.stop();
  Server broken;
  checks_.apply({{backend("closed", refuses.address()), spec()},
                 {backend("mute", server_.address()), greeted},
                 {backend("broken", broken.address()), http_spec()},
                 {backend("hung", server_.address()), http_spec()}});
  broken.greeting = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
  ASSERT_TRUE(run_until([&] {
    broken.step();
    return observer_.results.size() == 2;
  }));
  clock_.advance(greeted.timeout + 50ms);
  ASSERT_TRUE(run_until_results(4));
  const std::string text = log.events();
  EXPECT_THAT(text, testing::HasSubstr("level=warn event=backend.down cluster=app backend=closed "
                                       "reason=\"connection refused\"\n"));
  EXPECT_THAT(text, testing::HasSubstr("event=backend.down cluster=app backend=mute "
                                       "reason=\"no 'PONG' within 2s\"\n"));
  EXPECT_THAT(text, testing::HasSubstr("event=backend.down cluster=app backend=broken "
                                       "reason=\"status 500\"\n"));
  EXPECT_THAT(text, testing::HasSubstr("event=backend.down cluster=app backend=hung "
                                       "reason=\"no response within 2s\"\n"));
}

TEST_F(HealthCheckTest, HttpCheckReadsTheWholeResponseInAnySegments) {
  config::HealthCheck http = http_spec();
  http.path = "/healthz";
  http.headers = {{"X-Check", "yes"}};
  http.expect_body = "healthy";
  const std::string request = asked(http);
  EXPECT_THAT(request, testing::StartsWith("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(request, testing::HasSubstr("\r\nX-Check: yes\r\n"));
  for (const char* part :
       {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 20", "0 OK\r\nTransfer-Encoding: ch",
        "unked\r\n\r\n4\r\nheal", "\r\n3\r\nth", "y\r\n0\r\n"}) {
    server_.say(part);
    settle();
    EXPECT_THAT(observer_.results, IsEmpty());
  }
  server_.say("\r\n");
  ASSERT_TRUE(run_until_results(1));
  EXPECT_EQ(checked_->health(), Health::up);
  int ended = -1;
  ASSERT_TRUE(run_until([&] { return (ended = server_.ended()) != -1; }));
  EXPECT_EQ(ended, 0) << "with a FIN";
}

TEST_F(HealthCheckTest, ResponseUntilCloseIsCompleteWithTheClose) {
  asked(http_spec());
  server_.say("HTTP/1.0 200 OK\r\n\r\nok");
  settle();
  EXPECT_THAT(observer_.results, IsEmpty());
  server_.connections.clear();
  ASSERT_TRUE(run_until_results(1));
  EXPECT_EQ(checked_->health(), Health::up);
}

TEST_F(HealthCheckTest, HttpCheckWithHeadWaitsForNoBody) {
  config::HealthCheck http = http_spec();
  http.method = "HEAD";
  EXPECT_THAT(asked(http), testing::StartsWith("HEAD / HTTP/1.1\r\n"));
  server_.say("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
  ASSERT_TRUE(run_until_results(1));
  EXPECT_EQ(checked_->health(), Health::up);
}

TEST_F(HealthCheckTest, HttpCheckFailsByStatusAndByInvalidHttp) {
  for (const char* answer : {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "SSH-2.0-x\r\n\r\n"}) {
    checked_ = backend("b", server_.address());
    asked(http_spec());
    server_.say(answer);
    ASSERT_TRUE(run_until([&] { return checked_->health() == Health::down; })) << answer;
  }
  EXPECT_THAT(observer_.results, ElementsAre(CheckResult::fail, CheckResult::fail));
}

TEST_F(HealthCheckTest, SlowHttpResponseIsATimeout) {
  const config::HealthCheck http = http_spec();
  asked(http);
  server_.say("HTTP/1.1 200 OK\r\n");
  for (Duration passed = 0s; passed + 100ms < http.timeout; passed += 100ms) {
    server_.say("X: y\r\n");
    clock_.advance(100ms);
    settle();
  }
  EXPECT_THAT(observer_.results, IsEmpty());
  clock_.advance(200ms);
  ASSERT_TRUE(run_until_results(1));
  EXPECT_THAT(observer_.results, ElementsAre(CheckResult::timeout));
}

TEST_F(HealthCheckTest, InterimResponsesDoNotExtendACheck) {
  server_.greeting = "HTTP/1.1 102 Processing\r\n\r\n";
  for (int i = 0; i < 6; ++i) server_.greeting += server_.greeting;
  const config::HealthCheck spec = http_spec();
  checks_.apply({{checked_, spec}});
  ASSERT_TRUE(run_until([&] { return server_.accepted == 1; }));
  settle();
  EXPECT_THAT(observer_.results, testing::IsEmpty()) << "the final answer may come yet";
  clock_.advance(spec.timeout + 50ms);
  ASSERT_TRUE(run_until_results(1));
  EXPECT_THAT(observer_.results, ElementsAre(CheckResult::timeout));
}

TEST_F(HealthCheckTest, LeaksNoDescriptor) {
  const int before = open_descriptors();
  {
    HealthChecks checks(loop_, observer_, 2);
    config::HealthCheck greeted = spec();
    greeted.expect = "PONG";
    checks.apply(
        {{backend("a", server_.address()), spec()}, {backend("b", server_.address()), greeted}});
    ASSERT_TRUE(run_until([&] { return server_.accepted == 2 && observer_.results.size() == 1; }));
    EXPECT_EQ(checks.running(), 1u);
  }
  server_.connections.clear();
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace weir

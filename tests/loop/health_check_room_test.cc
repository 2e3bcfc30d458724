// The number of concurrent checks, and the first bytes on their connections.
#include "loop/health_check_fixture.h"

namespace weir {
namespace {

TEST_F(HealthCheckTest, SendsAndExpectsBinaryBytes) {
  using namespace std::string_literals;
  config::HealthCheck binary = spec();
  binary.send_hex = "\x00\x04\xd2\x16\xff"s;
  binary.expect_hex = "\x00\xfe"s;
  const auto b = backend("b", server_.address());
  checks_.apply({{b, binary}});
  std::string request;
  ASSERT_TRUE(run_until([&] {
    request += server_.received();
    return request.size() >= 5;
  }));
  EXPECT_EQ(request, binary.send_hex);
  server_.say("\xff\x00\xfe"s);
  ASSERT_TRUE(run_until_results(1));
  EXPECT_EQ(b->health(), Health::up);
}

TEST_F(HealthCheckTest, ProxyHeaderVersion1HasTheAddressesOfTheConnection) {
  CheckTarget target{backend("b", server_.address()), http_spec()};
  target.proxy_protocol = config::ProxyVersion::v1;
  checks_.apply({target});
  std::string request;
  ASSERT_TRUE(run_until([&] {
    request += server_.received();
    return request.find("\r\n\r\n") != std::string::npos;
  }));
  sockaddr_storage from;
  socklen_t length = sizeof from;
  ::getpeername(server_.connections.back().get(), reinterpret_cast<sockaddr*>(&from), &length);
  const Address own = Address::from(reinterpret_cast<sockaddr*>(&from), length);
  EXPECT_THAT(request,
              testing::StartsWith("PROXY TCP4 127.0.0.1 127.0.0.1 " + std::to_string(own.port()) +
                                  " " + std::to_string(server_.address().port()) + "\r\nGET / "));
}

TEST_F(HealthCheckTest, ProxyHeaderVersion2IsLocal) {
  using namespace std::string_literals;
  CheckTarget target{backend("b", server_.address()), http_spec()};
  target.proxy_protocol = config::ProxyVersion::v2;
  checks_.apply({target});
  std::string request;
  ASSERT_TRUE(run_until([&] {
    request += server_.received();
    return request.find("\r\n\r\n") != std::string::npos;
  }));
  EXPECT_THAT(request, testing::StartsWith("\r\n\r\n\0\r\nQUIT\n\x20"s));
}

TEST_F(HealthCheckTest, ConnectsToThePortOfTheCheckWithoutAProxyHeader) {
  Server closed;
  closed.stop();
  CheckTarget target{backend("b", closed.address()), http_spec()};
  target.spec.port = server_.address().port();
  target.proxy_protocol = config::ProxyVersion::v1;
  checks_.apply({target});
  std::string request;
  ASSERT_TRUE(run_until([&] {
    request += server_.received();
    return request.find("\r\n\r\n") != std::string::npos;
  }));
  EXPECT_THAT(request, testing::StartsWith("GET / HTTP/1.1\r\nHost: 127.0.0.1:" +
                                           std::to_string(server_.address().port()) + "\r\n"));
  server_.say("HTTP/1.1 204 No Content\r\n\r\n");
  ASSERT_TRUE(run_until_results(1));
  EXPECT_EQ(target.backend->health(), Health::up) << "though its own port refuses";
}

TEST_F(HealthCheckTest, RunsAllChecksWithABoundedNumberAtATime) {
  config::HealthCheck greeted = spec();
  greeted.expect = "PONG";
  std::vector<CheckTarget> targets;
  for (int i = 0; i < 200; ++i) {
    targets.push_back({backend(std::to_string(i), server_.address()), greeted});
  }
  checks_.apply(std::move(targets));
  // A quarter of the concurrent checks is reserved for backends that are up.
  constexpr int kRoom = HealthChecks::kLeastRunning * 3 / 4;
  ASSERT_TRUE(run_until([&] { return server_.accepted == kRoom; }));
  settle();
  EXPECT_EQ(server_.accepted, kRoom);
  for (int round = 0; round < 5; ++round) {
    clock_.advance(greeted.timeout + 50ms);
    settle();
  }
  ASSERT_TRUE(run_until_results(200));
  EXPECT_TRUE(checks_.primed());
}

TEST_F(HealthCheckTest, SilentBackendsDoNotDelayChecksOfBackendsThatAreUp) {
  config::HealthCheck greeted = spec();
  greeted.expect = "PONG";
  const auto good = backend("good", server_.address());
  checks_.apply({{good, spec()}});
  ASSERT_TRUE(run_until([&] { return good->health() == Health::up; }));
  std::vector<CheckTarget> targets;
  Server silent;
  for (int i = 0; i < 500; ++i)
    targets.push_back({backend(std::to_string(i), silent.address()), greeted});
  targets.push_back({good, spec()});
  checks_.apply(std::move(targets));
  settle();
  server_.stop();
  int intervals = 0;
  while (good->health() == Health::up && intervals < 20) {
    clock_.advance(spec().interval);
    settle();
    ++intervals;
  }
  EXPECT_EQ(intervals, int(spec().fall)) << "as without the others";
}

TEST_F(HealthCheckTest, BackendsThatAreUpDoNotDelayChecksOfBackendsThatAreDown) {
  config::HealthCheck greeted = spec();
  greeted.expect = "PONG";
  Server silent;
  std::vector<CheckTarget> targets;
  for (int i = 0; i < 500; ++i) {
    targets.push_back({backend(std::to_string(i), silent.address()), greeted});
    targets.back().backend->set_health(Health::up);
  }
  targets.push_back({backend("down", server_.address()), spec()});
  targets.back().backend->set_health(Health::down);
  checks_.apply(std::move(targets));
  settle();
  clock_.advance(greeted.timeout + 50ms);
  settle();
  EXPECT_EQ(server_.accepted, 1) << "when the first places are free";
}

TEST_F(HealthCheckTest, StartsABoundedNumberOfChecksPerTurnIncludingChecksThatEndAtOnce) {
  std::vector<CheckTarget> targets;
  for (int i = 0; i < 500; ++i) {
    const auto nowhere = Address::parse("unix:/nonexistent/" + std::to_string(i));
    targets.push_back({backend(std::to_string(i), *nowhere), spec()});
  }
  checks_.apply(std::move(targets));
  for (size_t turn = 1; turn <= 4; ++turn) {
    EXPECT_EQ(observer_.results.size(), turn * HealthChecks::kStartsPerTurn);
    loop_.run_turn(Duration::zero());
  }
}

TEST_F(HealthCheckTest, AllBackendsAreCheckedAtOnceWithEnoughDescriptors) {
  constexpr int kBackends = 200;
  config::HealthCheck greeted = spec();
  greeted.expect = "PONG";
  HealthChecks checks(loop_, observer_, 1, HealthChecks::room_of(8192));
  std::vector<CheckTarget> targets;
  for (int i = 0; i < kBackends; ++i)
    targets.push_back({backend(std::to_string(i), server_.address()), greeted});
  checks.apply(std::move(targets));
  ASSERT_TRUE(run_until([&] { return server_.accepted == kBackends; }));
  clock_.advance(greeted.timeout + 50ms);
  EXPECT_TRUE(run_until([&] { return checks.primed(); })) << "after one timeout";
}

TEST_F(HealthCheckTest, ManyChecksThatFailDuringStartDoNotGrowTheStack) {
  std::vector<CheckTarget> targets;
  for (int i = 0; i < 20'000; ++i) {
    const auto nowhere = Address::parse("unix:/nonexistent/" + std::to_string(i));
    targets.push_back({backend(std::to_string(i), *nowhere), spec()});
  }
  checks_.apply(std::move(targets));
  ASSERT_TRUE(run_until([&] { return checks_.primed(); }));
  EXPECT_EQ(observer_.checks.size(), 20'000u);
}

}  // namespace
}  // namespace weir

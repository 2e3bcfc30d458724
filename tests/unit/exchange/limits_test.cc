#include "exchange/limits.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr TimePoint kBegan = TimePoint(100s);

config::Timeout of(Duration value) {
  return {value, {}};
}

// A listener, a route and a cluster whose limits all differ.
struct LimitsFixture : testing::Test {
  LimitsFixture() {
    timeouts.request_header = of(1s);
    timeouts.request_body = of(2s);
    timeouts.client_idle = of(3s);
    timeouts.half_close = of(4s);
    timeouts.tunnel_idle = of(5s);
    cluster.connect_timeout = of(6s);
    cluster.response_header_timeout = of(7s);
    cluster.response_idle_timeout = of(8s);
    cluster.queue.timeout = of(9s);
  }
  LimitFacts at(ExchangeStage stage) const {
    LimitFacts facts{.stage = stage, .timeouts = timeouts};
    facts.route = &route;
    facts.cluster = &cluster;
    facts.began = facts.queued_since = facts.attempt_began = kBegan;
    return facts;
  }

  config::ListenerTimeouts timeouts;
  ClusterSpec cluster;
  Route route;
};

using Limits = LimitsFixture;

TEST_F(Limits, EachStageHasItsOwn) {
  struct Case {
    ExchangeStage stage;
    Duration after;
    unsigned status;
    EndReason reason;
    bool of_cluster;
  };
  const Case cases[] = {
      {ExchangeStage::read_head, 1s, 408, EndReason::request_header_timeout, false},
      {ExchangeStage::queued, 9s, 503, EndReason::queue_timeout, true},
      {ExchangeStage::connect, 6s, 504, EndReason::connect_timeout, true},
      {ExchangeStage::await_response, 7s, 504, EndReason::response_timeout, true},
  };
  for (const Case& one : cases) {
    const ExchangeLimit limit = limits(at(one.stage));
    EXPECT_EQ(limit.at - kBegan, one.after);
    EXPECT_EQ(limit.status, one.status);
    EXPECT_EQ(limit.reason, one.reason);
    EXPECT_EQ(limit.of_cluster, one.of_cluster);
  }
}

TEST_F(Limits, StagesThatDoNotWaitHaveNone) {
  for (const ExchangeStage stage :
       {ExchangeStage::idle, ExchangeStage::route, ExchangeStage::acquire,
        ExchangeStage::send_request, ExchangeStage::over})
    EXPECT_EQ(limits(at(stage)).at, kNever);
}

TEST_F(Limits, PauseAndDeliveryEndWithoutAnAnswer) {
  LimitFacts pause = at(ExchangeStage::pause), delivering = at(ExchangeStage::delivering);
  pause.pause_until = kBegan + 10ms;
  delivering.next_check = kBegan + 20ms;
  EXPECT_EQ(limits(pause).at, kBegan + 10ms);
  EXPECT_EQ(limits(pause).timeout, nullptr);
  EXPECT_EQ(limits(delivering).at, kBegan + 20ms);
}

TEST_F(Limits, ClientThatSendsItsBodyHasTheLimitOfTheBody) {
  LimitFacts facts = at(ExchangeStage::await_response);
  facts.up = {.running = true, .blocked = false, .last_moved = kBegan + 1s};
  facts.upload_since = kBegan + 500ms;
  EXPECT_EQ(limits(facts).reason, EndReason::request_body_timeout);
  EXPECT_EQ(limits(facts).status, 408u);
  EXPECT_EQ(limits(facts).at, kBegan + 3s);
  facts.upload_since = kBegan + 2s;  // after a 100
  EXPECT_EQ(limits(facts).at, kBegan + 4s);
}

TEST_F(Limits, BackendThatDoesNotTakeTheBodyHasTheLimitOfTheResponse) {
  LimitFacts facts = at(ExchangeStage::await_response);
  facts.up = {.running = true, .blocked = true, .last_moved = kBegan + 1s};
  EXPECT_EQ(limits(facts).reason, EndReason::response_timeout);
  EXPECT_EQ(limits(facts).at, kBegan + 8s);
  facts.up.blocked = false;
  facts.awaits_continue = true;
  EXPECT_EQ(limits(facts).reason, EndReason::response_timeout);
}

TEST_F(Limits, ResponseHeadHasTheEarlierOfRouteAndTry) {
  config::Retry retry;
  retry.per_try_timeout = of(2s);
  route.retry = RetryPolicy(retry);
  EXPECT_EQ(limits(at(ExchangeStage::await_response)).at, kBegan + 2s);
  EXPECT_FALSE(limits(at(ExchangeStage::await_response)).of_cluster);
  route.response_header = of(1s);
  EXPECT_EQ(limits(at(ExchangeStage::await_response)).at, kBegan + 1s);
  EXPECT_EQ(limits(at(ExchangeStage::await_response)).timeout, &*route.response_header);
}

TEST_F(Limits, RelayHasTheLimitOfTheSideThatIsWaitedFor) {
  LimitFacts facts = at(ExchangeStage::relay);
  facts.down = {.running = true, .blocked = true, .last_moved = kBegan};
  EXPECT_EQ(limits(facts).reason, EndReason::client_idle_timeout);
  EXPECT_EQ(limits(facts).at, kBegan + 3s);
  facts.down.blocked = false;
  facts.up.last_moved = kBegan + 1s;
  EXPECT_EQ(limits(facts).reason, EndReason::response_timeout);
  EXPECT_EQ(limits(facts).at, kBegan + 9s);
  EXPECT_TRUE(limits(facts).of_cluster);
  EXPECT_EQ(limits(facts).status, 0u);
  route.response_idle = of(1s);
  EXPECT_EQ(limits(facts).at, kBegan + 2s);
  EXPECT_FALSE(limits(facts).of_cluster);
}

TEST_F(Limits, AnswerThatIsNotTakenHasTheLimitOfTheClient) {
  LimitFacts facts = at(ExchangeStage::answer);
  facts.answer_moved = kBegan + 1s;
  EXPECT_EQ(limits(facts).at, kBegan + 4s);
  EXPECT_EQ(limits(facts).reason, EndReason::client_idle_timeout);
}

TEST_F(Limits, TunnelIsIdleOrHalfClosed) {
  LimitFacts facts = at(ExchangeStage::tunnel);
  facts.down.last_moved = kBegan;
  EXPECT_EQ(limits(facts).at, kBegan + 5s);
  facts.half_closed = true;
  EXPECT_EQ(limits(facts).at, kBegan + 4s);
  EXPECT_EQ(limits(facts).reason, EndReason::half_close_timeout);
  timeouts.half_close = of(0s);
  EXPECT_EQ(limits(facts).reason, EndReason::idle_timeout);
}

TEST_F(Limits, DisabledTimeoutIsNeverReached) {
  timeouts.request_header = of(0s);
  EXPECT_EQ(limits(at(ExchangeStage::read_head)).at, kNever);
}

TEST_F(Limits, WholeRequestHasOneButNoTunnel) {
  route.request_timeout = of(30s);
  EXPECT_EQ(request_limit(at(ExchangeStage::relay)).at, kBegan + 30s);
  EXPECT_EQ(request_limit(at(ExchangeStage::relay)).reason, EndReason::request_timeout);
  EXPECT_EQ(request_limit(at(ExchangeStage::tunnel)).at, kNever);
  EXPECT_EQ(request_limit(at(ExchangeStage::delivering)).at, kNever);
  LimitFacts unrouted = at(ExchangeStage::read_head);
  unrouted.route = nullptr;
  EXPECT_EQ(request_limit(unrouted).at, kNever);
}

// Streams of gRPC are silent for hours, in both directions.
TEST_F(Limits, GrpcCallHasNoneOfTheClusterAndNoneForItsBody) {
  for (const ExchangeStage stage : {ExchangeStage::await_response, ExchangeStage::relay}) {
    LimitFacts facts = at(stage);
    EXPECT_NE(limits(facts).at, kNever);
    facts.grpc = true;
    EXPECT_EQ(limits(facts).at, kNever);
    facts.up.running = true;
    EXPECT_EQ(limits(facts).at, kNever);
  }
}

TEST_F(Limits, GrpcCallHasThoseOfItsRouteAndOfAClientThatTakesNothing) {
  route.response_header = of(20s);
  route.response_idle = of(30s);
  LimitFacts facts = at(ExchangeStage::await_response);
  facts.grpc = true;
  EXPECT_EQ(limits(facts).at, kBegan + 20s);
  facts.stage = ExchangeStage::relay;
  facts.down.last_moved = kBegan;
  EXPECT_EQ(limits(facts).at, kBegan + 30s);
  facts.down.blocked = true;
  EXPECT_EQ(limits(facts).reason, EndReason::client_idle_timeout);
}

TEST_F(Limits, GrpcTimeoutBoundsTheRequestIfItIsShorter) {
  LimitFacts facts = at(ExchangeStage::await_response);
  facts.grpc = true;
  facts.grpc_timeout = 2s;
  EXPECT_EQ(request_limit(facts).at, kBegan + 2s);
  EXPECT_EQ(request_limit(facts).reason, EndReason::request_timeout);
  route.request_timeout = of(1s);
  EXPECT_EQ(request_limit(facts).at, kBegan + 1s);
}

TEST(BodyRate, ComparesTheBytesOfEachWindow) {
  BodyRate rate;
  rate.start(kBegan);
  EXPECT_EQ(rate.next_check(), kBegan + BodyRate::kWindow);
  EXPECT_FALSE(rate.too_slow(kBegan + 5s, 500, 100, false));  // 100 bytes per second
  EXPECT_TRUE(rate.too_slow(kBegan + 10s, 999, 100, false));
  EXPECT_FALSE(rate.too_slow(kBegan + 15s, 999, 100, true));  // the backend was the slow side
  EXPECT_FALSE(rate.too_slow(kBegan + 20s, 1500, 100, false));
}

TEST(BodyRate, DoesNotCountBytesBeforeARestartedWindow) {
  BodyRate rate;
  rate.start(kBegan);
  EXPECT_FALSE(rate.too_slow(kBegan + 5s, 500, 100, false));
  rate.restart_window(kBegan + 6s);
  EXPECT_TRUE(rate.too_slow(kBegan + 11s, 900, 100, false));
}

}  // namespace
}  // namespace weir

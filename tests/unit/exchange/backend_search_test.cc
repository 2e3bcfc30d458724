// BackendSearch and Attempt with clusters and pools, and without a connection.
#include "exchange/backend_search.h"

#include <gtest/gtest.h>

#include "exchange/http1_backend.h"
#include "support/test_loop.h"

namespace weir::test {
namespace {

struct Waiter final : QueueWaiter {
  void on_room() override { ++called; }
  int called = 0;
};

class BackendSearchTest : public testing::Test, public TestLoop {
 protected:
  using Result = BackendSearch::Result;
  using Wait = BackendSearch::Wait;

  BackendSearchTest() {
    spec.name = "c";
    config::Retry with;
    with.attempts = 2;
    retry = RetryPolicy(with);
  }
  void add_backend() {
    const auto index = static_cast<uint32_t>(spec.hosts.size());
    const std::string name = "b" + std::to_string(index);
    spec.hosts.push_back({std::make_shared<Backend>("c", name, name, Address::loopback(9)), 1,
                          false, config::BackendState::active, index});
  }
  void begin() {
    spec.index();
    apply_limits(spec);
    cluster = std::make_unique<Cluster>(spec, metrics, 1, &pools);
    ASSERT_TRUE(search.begin(*cluster));
  }
  BackendSearch::Query query() { return {clock.now(), 1, Pool::Trust::events, own}; }
  Result find() {
    choice = {};
    return search.find(query(), choice);
  }
  Wait wait() {
    return search.wait(query(), spec.queue.timeout.value_or(config::Timeout{10s, {}}));
  }
  RetryFacts facts() const {
    return {.policy = retry, .method = "GET", .tries = search.tries(), .retries = search.retries()};
  }
  // An attempt that has failed to connect.
  bool fail_and_try_again() {
    Attempt attempt(side, *cluster, choice.backend, std::move(choice.claim), clock.now());
    search.count_try();
    attempt.end(RetryCause::connect_failure);
    return search.try_again(attempt, RetryCause::connect_failure, facts(), clock.now());
  }

  WorkerMetrics metrics{0};
  Pools pools{loop};
  ClusterSpec spec;
  RetryPolicy retry;
  std::unique_ptr<Cluster> cluster;
  PrivateConnections own;
  Waiter waiter;
  Http1Backend side{loop};
  BackendSearch search{waiter};
  BackendSearch::Choice choice;
};

TEST_F(BackendSearchTest, FindsABackendWithRoom) {
  add_backend();
  begin();
  EXPECT_EQ(find(), Result::found);
  EXPECT_EQ(choice.backend, 0u);
  EXPECT_FALSE(choice.claim.lease->transport.is_open()) << "no connection was kept";
}

TEST_F(BackendSearchTest, ClusterWithoutBackendsHasNone) {
  begin();
  EXPECT_EQ(find(), Result::none);
}

TEST_F(BackendSearchTest, FailedBackendIsChosenAgainOnlyAfterThatIsAllowed) {
  add_backend();
  add_backend();
  begin();
  ASSERT_EQ(find(), Result::found);
  const BackendIndex first = choice.backend;
  ASSERT_TRUE(fail_and_try_again());
  ASSERT_EQ(find(), Result::found);
  EXPECT_NE(choice.backend, first);
  ASSERT_TRUE(fail_and_try_again());
  EXPECT_EQ(find(), Result::none);
  EXPECT_TRUE(search.forget_failed());
  EXPECT_EQ(find(), Result::found);
  EXPECT_FALSE(search.forget_failed());
}

TEST_F(BackendSearchTest, RetriesAreLimitedByThePolicy) {
  add_backend();
  begin();
  for (int i = 0; i < 2; ++i) {
    search.forget_failed();
    ASSERT_EQ(find(), Result::found);
    ASSERT_TRUE(fail_and_try_again());
  }
  search.forget_failed();
  ASSERT_EQ(find(), Result::found);
  EXPECT_FALSE(fail_and_try_again());
  EXPECT_EQ(search.tries(), 3u);
  EXPECT_EQ(search.retries(), 2u);
  EXPECT_EQ(cluster->cells().retry_causes[RetryCause::connect_failure].value, 2u);
}

TEST_F(BackendSearchTest, RequestWaitsWhileEveryBackendIsFullAndIsCalledWhenThereIsRoom) {
  spec.pool.max_connections = 1;
  spec.queue.max = 1;
  add_backend();
  begin();
  Lease other = cluster->pool(0).open();
  EXPECT_EQ(find(), Result::full);
  EXPECT_EQ(wait(), Wait::entered);
  other.reset();
  EXPECT_EQ(waiter.called, 1);
  search.on_room();
  EXPECT_EQ(find(), Result::found);
  search.leave_queue();
  EXPECT_EQ(cluster->queue().length(), 0u);
}

TEST_F(BackendSearchTest, CalledRequestThatFindsNoRoomGoesBackUntilItsTimeIsUp) {
  spec.pool.max_connections = 1;
  spec.queue.max = 1;
  add_backend();
  begin();
  const Lease other = cluster->pool(0).open();
  ASSERT_EQ(find(), Result::full);
  ASSERT_EQ(wait(), Wait::entered);
  cluster->queue().look();
  search.on_room();
  EXPECT_EQ(find(), Result::full);
  EXPECT_EQ(wait(), Wait::entered) << "in front";
  cluster->queue().look();
  search.on_room();
  clock.advance(10s);
  EXPECT_EQ(find(), Result::full);
  EXPECT_EQ(wait(), Wait::timed_out);
}

TEST_F(BackendSearchTest, QueueHasALimit) {
  spec.pool.max_connections = 1;
  spec.queue.max = 1;
  add_backend();
  begin();
  const Lease other = cluster->pool(0).open();
  ASSERT_EQ(find(), Result::full);
  ASSERT_EQ(wait(), Wait::entered);
  Waiter second_waiter;
  BackendSearch second(second_waiter);
  ASSERT_TRUE(second.begin(*cluster));
  BackendSearch::Choice none;
  EXPECT_EQ(second.find(query(), none), Result::full);
  EXPECT_EQ(second.wait(query(), {10s, {}}), Wait::queue_full);
}

TEST_F(BackendSearchTest, AttemptIsCountedOnceAndEndsItsUse) {
  add_backend();
  begin();
  ASSERT_EQ(find(), Result::found);
  BackendCells& cells = cluster->cells_of(0);
  {
    Attempt attempt(side, *cluster, choice.backend, std::move(choice.claim), clock.now());
    EXPECT_EQ(cells.in_flight.value, 1);
    EXPECT_EQ(cluster->load(0), 1);
    attempt.on_sent(clock.now());
    attempt.on_response(200, clock.now());
    attempt.end(EndReason::backend_reset);
    attempt.end(RetryCause::connect_failure);
    attempt.settle(100, 50);
    attempt.settle(150, 50);
  }
  EXPECT_EQ(cells.in_flight.value, 0);
  EXPECT_EQ(cluster->load(0), 0);
  EXPECT_EQ(cells.requests[CodeClass::success].value, 1u);
  EXPECT_EQ(cells.requests.sum(), 1u);
  EXPECT_EQ(cells.request_errors[BackendError::truncated].value, 1u);
  EXPECT_EQ(cells.request_errors.sum(), 1u);
  EXPECT_EQ(cells.sent_bytes.value, 150u);
  EXPECT_EQ(cells.received_bytes.value, 50u);
}

TEST_F(BackendSearchTest, AttemptThatTheClientEndedIsNoErrorOfTheBackend) {
  add_backend();
  begin();
  ASSERT_EQ(find(), Result::found);
  Attempt attempt(side, *cluster, choice.backend, std::move(choice.claim), clock.now());
  attempt.end(EndReason::client_reset);
  EXPECT_EQ(cluster->cells_of(0).requests[CodeClass::none].value, 1u);
  EXPECT_EQ(cluster->cells_of(0).request_errors.sum(), 0u);
}

}  // namespace
}  // namespace weir::test

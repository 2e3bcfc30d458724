// One queue for the waiters of several workers, whose loops run in the test's thread.
#include "upstream/wait_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/test_loop.h"
#include "upstream/cluster.h"

namespace weir::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class WaitQueueTest : public testing::Test {
 protected:
  // What one worker has of the cluster.
  struct Side {
    Side(const ClusterSpec& spec, ManualClock& clock)
        : loop(clock), cluster(std::make_unique<Cluster>(spec, metrics, 1, &pools)) {}
    ClusterQueue& queue() { return cluster->queue(); }

    EventLoop loop;
    WorkerMetrics metrics{0};
    Pools pools{loop};
    std::unique_ptr<Cluster> cluster;
  };
  struct Waiter final : QueueWaiter {
    Waiter(WaitQueueTest& t, Side& s, std::string n) : test(t), side(s), name(std::move(n)) {}
    ~Waiter() { side.queue().leave(*this); }
    void on_room() override {
      place = take_handed();
      test.called.push_back(name);
    }
    WaitQueueTest& test;
    Side& side;
    std::string name;
    Reservation place;
  };

  WaitQueueTest() { limit(1); }
  ~WaitQueueTest() override {
    waiters.clear();
    used = {};
    EXPECT_EQ(shared().queue.waiting(), 0u);
    EXPECT_EQ(requests(0).taken(), 0);
    EXPECT_EQ(requests(1).taken(), 0);
  }

  static ClusterSpec two_backends() {
    ClusterSpec spec;
    spec.name = "c";
    for (int i = 0; i < 2; ++i)
      spec.hosts.push_back({std::make_shared<Backend>("c", "b", "b", Address::loopback(9))});
    spec.index();
    return spec;
  }
  void limit(uint32_t concurrency) {
    for (HostSpec& host : spec.hosts) host.concurrency = concurrency;
    apply_limits(spec);
  }
  ClusterShared& shared() { return *spec.shared; }
  Limit& requests(size_t host) { return spec.hosts[host].backend->requests(); }
  // Of worker `side`, which waits from now on.
  Waiter& waits(Side& side, const std::string& name, Wish wish = {}) {
    wish.cluster = &spec;
    wish.pooled = false;
    waiters.push_back(std::make_unique<Waiter>(*this, side, name));
    EXPECT_TRUE(side.queue().enter(*waiters.back(), wish, clock.now(), 100));
    return *waiters.back();
  }
  // What the bells of other threads have woken.
  void turn() {
    for (Side* side : {&a, &b}) side->loop.run_turn(Duration::zero());
  }
  void leaves(Waiter& waiter) {
    waiter.side.queue().leave(waiter);
    waiter.place = {};
  }
  void use(Side& side, size_t host) {
    ASSERT_FALSE(used.at(host));
    used[host] = side.cluster->reserve(static_cast<BackendIndex>(host));
    ASSERT_TRUE(used[host]);
    user[host] = &side;
  }
  // The request of use() is over.
  void is_over(size_t host) {
    user[host]->cluster->begin_use(static_cast<BackendIndex>(host));
    user[host]->cluster->end_use(static_cast<BackendIndex>(host), used[host]);
  }

  ManualClock clock;
  ClusterSpec spec = two_backends();
  std::vector<std::string> called;
  Side a{spec, clock}, b{spec, clock};
  std::vector<std::unique_ptr<Waiter>> waiters;
  std::array<Reservation, 2> used;
  std::array<Side*, 2> user{};
};

TEST_F(WaitQueueTest, FreedPlaceIsTakenForTheOldestWaiterOfAllWorkers) {
  use(a, 0);
  Waiter& first = waits(b, "b1");
  clock.advance(10ms);
  turn();
  waits(a, "a1");
  is_over(0);
  EXPECT_EQ(requests(0).taken(), 1) << "before the other worker was woken";
  EXPECT_FALSE(a.cluster->reserve(0)) << "no later request overtakes it";
  EXPECT_THAT(called, IsEmpty());
  turn();
  EXPECT_THAT(called, ElementsAre("b1"));
  EXPECT_EQ(first.place.backend(), spec.hosts[0].backend.get());
  EXPECT_EQ(shared().queue.waiting(), 2u) << "until it has used the place";
}

TEST_F(WaitQueueTest, OwnWaiterIsPreferredIfItCameHardlyLater) {
  use(a, 0);
  waits(b, "b1");
  clock.advance(900us);
  turn();
  waits(a, "a1");
  clock.advance(200us);
  turn();
  waits(a, "a2");
  is_over(0);
  EXPECT_THAT(called, ElementsAre("a1")) << "at once: no other thread has to be woken";
  leaves(*waiters[1]);
  turn();
  EXPECT_THAT(called, ElementsAre("a1", "b1")) << "a2 is younger by more than a millisecond";
}

TEST_F(WaitQueueTest, WaiterIsPassedOverThatHasFailedAtTheBackend) {
  use(a, 0);
  const std::array<BackendIndex, 1> failed{0};
  waits(a, "a1", {.failed = failed});
  waits(a, "a2");
  is_over(0);
  EXPECT_THAT(called, ElementsAre("a2"));
}

TEST_F(WaitQueueTest, WaiterOfAConfigurationWithoutTheBackendIsPassedOver) {
  use(a, 0);
  ClusterSpec other = spec;
  other.hosts.erase(other.hosts.begin());
  other.index();
  Waiter& first = waits(a, "a1");
  a.queue().enter_again(first, {&other, {}, false});
  waits(a, "a2");
  is_over(0);
  EXPECT_THAT(called, ElementsAre("a2"));
  leaves(first);
}

TEST_F(WaitQueueTest, PlaceOfABackendThatIsDownIsHandedOverWhenItIsUpAgain) {
  use(a, 0);
  Waiter& waiter = waits(a, "a1");
  spec.hosts[0].backend->set_health(Health::down);
  is_over(0);
  EXPECT_FALSE(waiter.place) << "it may look for another backend";
  EXPECT_EQ(requests(0).taken(), 0);
  a.queue().enter_again(waiter, {&spec, {}, false});
  use(b, 0);
  spec.hosts[0].backend->set_health(Health::up);
  is_over(0);
  turn();
  EXPECT_TRUE(waiter.place);
}

TEST_F(WaitQueueTest, PlaceThatWasTakenForAWaiterWhichLeavesGoesToTheNextOne) {
  use(a, 0);
  Waiter& first = waits(b, "b1");
  waits(b, "b2");
  is_over(0);
  leaves(first);  // before its worker was woken
  EXPECT_EQ(requests(0).taken(), 0);
  turn();
  EXPECT_THAT(called, ElementsAre("b2")) << "it looks for itself";
}

TEST_F(WaitQueueTest, LookingGoesOnUntilAWaiterFindsNoRoom) {
  use(a, 0);
  Waiter& first = waits(b, "b1");
  Waiter& second = waits(a, "a1");
  waits(b, "b2");
  a.queue().look();
  turn();
  ASSERT_THAT(called, ElementsAre("b1"));
  a.queue().look();
  turn();
  EXPECT_THAT(called, ElementsAre("b1")) << "one at a time";
  leaves(first);  // it has found room
  turn();
  EXPECT_THAT(called, ElementsAre("b1", "a1"));
  a.queue().enter_again(second, {&spec, {}, false});
  turn();
  EXPECT_THAT(called, ElementsAre("b1", "a1")) << "nor would the next one";
  EXPECT_EQ(shared().queue.waiting(), 2u);
}

TEST_F(WaitQueueTest, WaiterThatFoundNoRoomIsTheOldestAgain) {
  Waiter& first = waits(a, "a1");
  clock.advance(10ms);
  turn();
  waits(a, "a2");
  a.queue().look();
  a.queue().enter_again(first, {&spec, {}, false});
  use(b, 0);
  is_over(0);
  turn();
  EXPECT_THAT(called, ElementsAre("a1", "a1"));
}

TEST_F(WaitQueueTest, LimitOfTheQueueCountsTheWaitersOfAllWorkers) {
  use(a, 0);
  waits(a, "a1");
  waits(b, "b1");
  Waiter third(*this, a, "a2");
  EXPECT_FALSE(a.queue().enter(third, {&spec}, clock.now(), 2));
  EXPECT_EQ(a.queue().length(), 1u);
}

TEST_F(WaitQueueTest, OldestWaiterLooksAgainAfterAWhileWithoutAnEvent) {
  waits(b, "b1");
  clock.advance(2 * ClusterQueue::kLook);
  turn();
  turn();
  EXPECT_THAT(called, ElementsAre("b1"));
}

}  // namespace
}  // namespace weir::test

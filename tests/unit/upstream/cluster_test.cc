#include "upstream/cluster.h"

#include <set>

#include "base/hash.h"
#include "support/growth.h"

namespace weir::test {
namespace {

class ClusterTest : public testing::Test {
 protected:
  HostSpec& add(bool backup = false, config::BackendState state = config::BackendState::active) {
    const std::string name = "b" + std::to_string(spec.hosts.size());
    const auto port = static_cast<uint16_t>(1000 + spec.hosts.size());
    spec.hosts.push_back({std::make_shared<Backend>("c", name, name, Address::loopback(port)), 1,
                          backup, state, static_cast<uint32_t>(spec.hosts.size())});
    return spec.hosts.back();
  }
  void fail_checks(size_t host) {
    spec.hosts[host].backend->set_health(Health::down);
    if (cluster) cluster->rebuild();
  }
  // The backends that get sessions.
  std::set<BackendIndex> picked() {
    if (!cluster) cluster = std::make_unique<Cluster>(spec, metrics, 1);
    std::set<BackendIndex> seen;
    for (uint64_t i = 0; i < 200; ++i) seen.insert(cluster->pick(clock.now(), mix(i), {}));
    return seen;
  }
  using Set = std::set<BackendIndex>;

  ManualClock clock;
  ClusterSpec spec;
  WorkerMetrics metrics{0};
  std::unique_ptr<Cluster> cluster;
};

TEST_F(ClusterTest, UsesBackendsInServiceWhoseChecksDoNotFail) {
  add();
  add();
  add(false, config::BackendState::drain);
  add(false, config::BackendState::maintenance);
  EXPECT_EQ(picked(), (Set{0, 1}));
  fail_checks(0);
  EXPECT_EQ(picked(), (Set{1}));
}

TEST_F(ClusterTest, BackupsAreUsedOnlyWhenNothingElseIsUsable) {
  add();
  add(true);
  add(true);
  EXPECT_EQ(picked(), (Set{0}));
  fail_checks(0);
  EXPECT_EQ(picked(), (Set{1, 2}));
}

TEST_F(ClusterTest, BackupIsUsedWhenAllOtherBackendsAreHeldOff) {
  add();
  add(true);
  EXPECT_EQ(picked(), (Set{0}));
  const std::vector<BackendIndex> tried{0};
  EXPECT_EQ(cluster->pick(clock.now(), 1, tried), 1u) << "for this client";
  spec.hosts[0].backend->note_connect_failure(clock.now(), spec.backoff);
  EXPECT_EQ(picked(), (Set{1})) << "for all, as long as it is held off";
  spec.hosts[1].backend->note_connect_failure(clock.now(), spec.backoff);
  EXPECT_EQ(picked(), (Set{0})) << "held off, but no backup";
  clock.advance(2s);
  EXPECT_EQ(picked(), (Set{0}));
}

TEST_F(ClusterTest, PicksNoBackendWhenNoneIsUsable) {
  add();
  fail_checks(0);
  EXPECT_EQ(picked(), (Set{kNoBackend}));
}

TEST_F(ClusterTest, IgnoresChecksBelowThePanicThreshold) {
  spec.panic_threshold = 0.5;
  for (int i = 0; i < 4; ++i) add();
  fail_checks(0);
  fail_checks(1);
  EXPECT_EQ(picked(), (Set{2, 3}));  // half is not below half
  EXPECT_FALSE(cluster->panicking());
  fail_checks(2);
  EXPECT_EQ(picked(), (Set{0, 1, 2, 3}));
  EXPECT_TRUE(cluster->panicking());
}

TEST_F(ClusterTest, LargeClusterIsRebuiltOnceForManyHealthChanges) {
  constexpr size_t kChanges = 2000;
  for (size_t i = 0; i < 5 * kChanges; ++i) add();
  ASSERT_FALSE(picked().empty());
  clock.advance(1s);
  const Duration one_rebuild = least_cost([&] { return cost_of([&] { cluster->rebuild(); }); });
  const Duration changes = cost_of([&] {
    for (size_t i = 1; i < kChanges; ++i) {
      spec.hosts[i].backend->set_health(Health::down);
      cluster->health_changed();
      const BackendIndex host = cluster->pick(clock.now(), mix(i), {});
      ASSERT_NE(spec.hosts[host].backend->health(), Health::down);
    }
  });
  EXPECT_LT(ratio_of(changes, one_rebuild), kChanges / 10.0) << "rebuilds";
  for (size_t i = 0; i < spec.hosts.size(); ++i)
    spec.hosts[i].backend->set_health(i == 7 ? Health::up : Health::down);
  cluster->health_changed();
  clock.advance(1s);
  EXPECT_EQ(picked(), (Set{7})) << "a backend that is up again is used after a moment";
}

TEST_F(ClusterTest, UsesWorkingBackupsBeforePanic) {
  spec.panic_threshold = 0.5;
  add();
  add(true);
  fail_checks(0);
  EXPECT_EQ(picked(), (Set{1}));
  EXPECT_FALSE(cluster->panicking());
}

TEST_F(ClusterTest, BackendThatDrainsItselfGetsNoSessionsInAPanicEither) {
  add();
  add();
  add();
  spec.hosts[0].backend->set_health(Health::draining);
  EXPECT_EQ(picked(), (Set{1, 2}));
  spec.panic_threshold = 1;
  fail_checks(1);
  EXPECT_TRUE(cluster->panicking());
  EXPECT_EQ(picked(), (Set{1, 2}));
  spec.hosts[0].backend->set_health(Health::up);
  cluster->rebuild();
  EXPECT_EQ(picked(), (Set{0, 1, 2}));
}

TEST_F(ClusterTest, HeldOffBackendIsSkippedUntilItsTimeIsOver) {
  add();
  add();
  spec.hosts[0].backend->note_connect_failure(clock.now(), spec.backoff);
  EXPECT_EQ(picked(), (Set{1}));
  clock.advance(2s);
  EXPECT_EQ(picked(), (Set{0, 1}));
}

TEST_F(ClusterTest, TriesOneBackendWhenAllAreHeldOff) {
  add();
  add();
  for (HostSpec& host : spec.hosts) host.backend->note_connect_failure(clock.now(), spec.backoff);
  EXPECT_EQ(picked(), (Set{0, 1}));
}

TEST_F(ClusterTest, ExaminesEachOfAThousandHeldOffBackendsOnce) {
  for (int i = 0; i < 1000; ++i) add().backend->note_connect_failure(clock.now(), spec.backoff);
  EXPECT_EQ(picked().size(), 200u);
  // One of them is up again: no other is picked.
  spec.hosts[500].backend->note_connect_success();
  EXPECT_EQ(picked(), (Set{500}));
}

TEST_F(ClusterTest, DoesNotPickATriedBackendAgain) {
  for (int i = 0; i < 3; ++i) add();
  picked();
  const std::vector<BackendIndex> tried{0, 2};
  for (uint64_t i = 0; i < 50; ++i) EXPECT_EQ(cluster->pick(clock.now(), mix(i), tried), 1u);
  const std::vector<BackendIndex> all{0, 1, 2};
  EXPECT_EQ(cluster->pick(clock.now(), 1, all), kNoBackend);
}

}  // namespace
}  // namespace weir::test

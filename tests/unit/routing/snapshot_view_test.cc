#include "routing/snapshot.h"
#include "support/test_loop.h"

namespace weir::test {
namespace {

// A worker's views of successive snapshots.
class SnapshotViewTest : public testing::Test, public TestLoop {
 protected:
  ClusterSpecs::Shared spec(const std::string& name, uint32_t series, size_t hosts = 2) {
    ClusterSpec spec;
    spec.name = name;
    spec.series = series;
    for (uint32_t i = 0; i < hosts; ++i) {
      std::shared_ptr<Backend>& backend = backends_[name + "/" + std::to_string(i)];
      if (!backend)
        backend = std::make_shared<Backend>(name, std::to_string(i), "x", Address::loopback(9));
      spec.hosts.push_back({.backend = backend, .series = series * 100 + i});
    }
    spec.index();
    return std::make_shared<const ClusterSpec>(std::move(spec));
  }
  void view(std::vector<ClusterSpecs::Shared> clusters) {
    auto next = std::make_shared<Snapshot>();
    for (ClusterSpecs::Shared& cluster : clusters) next->clusters.push_back(std::move(cluster));
    next->index(snapshot_.get());
    current = SnapshotRef(new SnapshotView(next, metrics, 1, pools, current ? &*current : nullptr));
    snapshot_ = std::move(next);
  }

  WorkerMetrics metrics{0};
  Pools pools{loop};
  SnapshotRef current;

 private:
  std::map<std::string, std::shared_ptr<Backend>> backends_;
  std::shared_ptr<const Snapshot> snapshot_;
};

TEST_F(SnapshotViewTest, CreatesObjectsOnFirstUse) {
  view({spec("a", 0, 1000), spec("b", 1, 1000)});
  EXPECT_TRUE(metrics.report().backends.empty());
  EXPECT_TRUE(metrics.report().clusters.empty());
  Cluster& cluster = current->cluster(1);
  const BackendIndex place = cluster.pick(loop.now(), 1, {});
  Reservation reservation = cluster.reserve(place);
  cluster.begin_use(place);
  const WorkerReport report = metrics.report();
  ASSERT_EQ(report.backends.size(), 1u) << "one backend of a thousand was used";
  EXPECT_EQ(report.backends[0].cells.load, 1);
  EXPECT_EQ(pools.entries(), 1u) << "the queue";
  cluster.end_use(place, reservation);
}

TEST_F(SnapshotViewTest, UnchangedClusterStaysTheSameObject) {
  const ClusterSpecs::Shared kept = spec("kept", 0), unused = spec("unused", 1);
  view({kept, unused, spec("changed", 2)});
  Cluster& before = current->cluster(0);
  Cluster& changed = current->cluster(2);
  view({spec("changed", 2), kept, unused});
  EXPECT_EQ(&current->cluster(1), &before);
  EXPECT_NE(&current->cluster(0), &changed);
}

TEST_F(SnapshotViewTest, ChangedClusterKeepsThePoolsOfUnchangedBackends) {
  view({spec("a", 0, 3)});
  Pool& first = current->cluster(0).pool(0);
  current->cluster(0).pool(2);
  view({spec("a", 0, 2)});
  EXPECT_TRUE(current->renew(100));
  EXPECT_EQ(&current->cluster(0).pool(0), &first);
  view({spec("b", 1)});
  view({spec("a", 0, 2)});
  EXPECT_NE(&current->cluster(0).pool(0), &first)
      << "the cluster was not in the configuration in between";
}

TEST_F(SnapshotViewTest, ClustersInUseAreRenewedInParts) {
  view({spec("a", 0, 50), spec("b", 1, 50), spec("c", 2, 50), spec("unused", 3, 50)});
  for (size_t i = 0; i < 3; ++i) current->cluster(i);
  view({spec("a", 0, 51), spec("b", 1, 51), spec("c", 2, 51), spec("unused", 3, 51)});
  EXPECT_FALSE(current->renew(50));
  EXPECT_FALSE(current->renew(50));
  EXPECT_TRUE(current->renew(50));
}

TEST_F(SnapshotViewTest, PoolsOfRemovedBackendsAreFreed) {
  for (uint32_t i = 0; i < 2000; ++i) {
    view({spec("cluster" + std::to_string(i), i)});
    current->cluster(0).pool(0);
  }
  EXPECT_LT(pools.entries(), 300u);
}

}  // namespace
}  // namespace weir::test

#include "upstream/outlier.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "base/hash.h"
#include "support/log_capture.h"
#include "upstream/cluster.h"

namespace weir::test {
namespace {

class OutlierTest : public testing::Test {
 protected:
  OutlierTest() {
    spec.name = "c";
    spec.outlier_detection = {.consecutive_errors = 3,
                              .base_ejection = 30s,
                              .max_ejection = 100s,
                              .max_ejection_percent = 0.5};
    clock.advance(1h);
  }
  void backends(size_t n, config::BackendState state = config::BackendState::active) {
    for (; n > 0; --n) {
      const size_t i = spec.hosts.size();
      const std::string name = "b" + std::to_string(i);
      const Address address = Address::loopback(static_cast<uint16_t>(1000 + i));
      spec.hosts.push_back({std::make_shared<Backend>("c", name, name, address), 1, false, state,
                            static_cast<uint32_t>(i)});
    }
  }
  Cluster& cluster() {
    if (!made) made = std::make_unique<Cluster>(spec, metrics, 1);
    return *made;
  }
  void answer(BackendIndex host, unsigned status, int times = 1) {
    for (; times > 0; --times) cluster().ejections().note_response(host, status, clock.now());
  }
  void time_out(BackendIndex host, int times = 1) {
    for (; times > 0; --times) cluster().ejections().note_timeout(host, clock.now());
  }
  void eject(BackendIndex host) { answer(host, 503, 3); }
  bool out(BackendIndex host) const { return spec.ejected(spec.hosts[host], clock.now()); }
  Duration out_for(BackendIndex host) const {
    return spec.hosts[host].backend->outlier().ejected_until() - clock.now();
  }
  std::set<BackendIndex> picked() {
    std::set<BackendIndex> seen;
    for (uint64_t i = 0; i < 200; ++i) seen.insert(cluster().pick(clock.now(), mix(i), {}));
    return seen;
  }
  uint64_t ejections(BackendIndex host) { return cluster().cells_of(host).ejections.value; }
  using Set = std::set<BackendIndex>;

  ManualClock clock;
  ClusterSpec spec;
  WorkerMetrics metrics{0};
  std::unique_ptr<Cluster> made;
};

TEST_F(OutlierTest, ConsecutiveGatewayErrorsEjectTheBackendForSomeTime) {
  backends(2);
  answer(0, 502);
  answer(0, 504);
  EXPECT_FALSE(out(0)) << "two of three";
  answer(0, 503);
  EXPECT_TRUE(out(0));
  EXPECT_EQ(out_for(0), 30s);
  EXPECT_EQ(picked(), (Set{1}));
  EXPECT_EQ(ejections(0), 1u);
  clock.advance(30s);
  EXPECT_FALSE(out(0));
  EXPECT_EQ(picked(), (Set{0, 1}));
}

TEST_F(OutlierTest, MissingResponseCountsAsError) {
  backends(2);
  for (int i = 0; i < 3; ++i) cluster().ejections().note_no_response(1, clock.now());
  EXPECT_TRUE(out(1));
}

TEST_F(OutlierTest, AnyOtherResponseResetsTheErrorCount) {
  backends(2);
  for (unsigned status : {200u, 404u, 500u, 501u}) {
    answer(0, 503, 2);
    answer(0, status);
  }
  EXPECT_FALSE(out(0));
}

TEST_F(OutlierTest, ErrorsAreCountedPerBackend) {
  backends(4);
  for (BackendIndex host = 0; host < 4; ++host) answer(host, 503, 2);
  EXPECT_EQ(picked(), (Set{0, 1, 2, 3}));
}

TEST_F(OutlierTest, WithoutOutlierDetectionNoBackendIsEjected) {
  spec.outlier_detection.reset();
  backends(2);
  answer(0, 503, 100);
  cluster().ejections().note_no_response(0, clock.now());
  EXPECT_EQ(picked(), (Set{0, 1}));
}

TEST_F(OutlierTest, EjectionTimeGrowsByTheBaseTimeUpToTheMaximum) {
  backends(2);
  for (Duration expected : {30s, 60s, 90s, 100s, 100s}) {
    eject(0);
    EXPECT_EQ(out_for(0), expected);
    clock.advance(expected);
  }
  EXPECT_EQ(ejections(0), 5u);
}

TEST_F(OutlierTest, EjectionTimeStartsFromTheBaseAfterTheMaximumTimeWithoutEjection) {
  backends(2);
  eject(0);
  clock.advance(30s + 99s);
  eject(0);
  EXPECT_EQ(out_for(0), 60s);
  clock.advance(60s + 101s);
  eject(0);
  EXPECT_EQ(out_for(0), 30s);
}

TEST_F(OutlierTest, ResponsesDuringAnEjectionDoNotCount) {
  backends(2);
  eject(0);
  answer(0, 503, 10);
  answer(0, 200);
  EXPECT_EQ(out_for(0), 30s);
  clock.advance(30s);
  answer(0, 503, 2);
  EXPECT_FALSE(out(0)) << "the row starts when it is back";
  answer(0, 503);
  EXPECT_EQ(out_for(0), 60s);
}

TEST_F(OutlierTest, EjectsAtMostTheConfiguredShareAtATime) {
  backends(5);
  for (BackendIndex host = 0; host < 5; ++host) eject(host);
  EXPECT_EQ(picked(), (Set{2, 3, 4})) << "half of five is two";
  clock.advance(30s);
  eject(4);
  EXPECT_TRUE(out(4)) << "there is room again";
}

TEST_F(OutlierTest, ShareOfLessThanOneBackendEjectsNone) {
  backends(1);
  eject(0);
  EXPECT_FALSE(out(0));
  EXPECT_EQ(ejections(0), 0u);
}

TEST_F(OutlierTest, ShareIsCountedOfTheBackendsInService) {
  backends(2);
  backends(6, config::BackendState::maintenance);
  eject(0);
  eject(1);
  EXPECT_EQ(picked(), (Set{1}));
}

TEST_F(OutlierTest, ShareThatDividesEvenlyIsUsedFully) {
  spec.outlier_detection->max_ejection_percent = 0.29;  // times 100: less than 29 in a double
  backends(100);
  for (BackendIndex host = 0; host < 100; ++host) eject(host);
  EXPECT_EQ(picked().count(28), 0u);
  EXPECT_FALSE(out(29));
  EXPECT_TRUE(out(28));
}

TEST_F(OutlierTest, TriesOneBackendWhenAllAreEjected) {
  spec.outlier_detection->max_ejection_percent = 1;
  backends(2);
  eject(0);
  eject(1);
  EXPECT_FALSE(picked().empty());
  EXPECT_EQ(picked().count(kNoBackend), 0u);
}

TEST_F(OutlierTest, TimeoutsEjectABackendWhoseNeighboursAnswer) {
  backends(4);
  for (int i = 0; i < 3; ++i) {
    for (BackendIndex other : {1u, 2u, 3u}) answer(other, 200);
    time_out(0);
  }
  EXPECT_TRUE(out(0));
}

TEST_F(OutlierTest, TimeoutsOfAllBackendsEjectNone) {
  backends(8);
  for (int i = 0; i < 100; ++i) {
    for (BackendIndex host = 0; host < 8; ++host) time_out(host);
    clock.advance(10ms);
  }
  EXPECT_EQ(picked().size(), 8u);
  for (BackendIndex host = 0; host < 8; ++host) EXPECT_EQ(ejections(host), 0u);
}

TEST_F(OutlierTest, TimeoutsEjectUntilHalfOfTheOthersHaveManyTimeouts) {
  backends(8);
  // Three others: less than half of seven.
  for (BackendIndex host : {1u, 2u, 3u}) time_out(host);
  time_out(0, 3);
  EXPECT_TRUE(out(0));
  // Of the six that are left beside backend 1, three.
  time_out(4);
  time_out(1, 2);
  EXPECT_FALSE(out(1));
}

TEST_F(OutlierTest, ErrorResponsesAndResetsEjectWhileTheOthersTimeOut) {
  backends(4);
  for (BackendIndex host : {1u, 2u, 3u}) time_out(host, 2);
  eject(0);
  EXPECT_TRUE(out(0));
  for (int i = 0; i < 3; ++i) cluster().ejections().note_no_response(1, clock.now());
  EXPECT_TRUE(out(1));
}

TEST_F(OutlierTest, TimeoutsDuringAnOverloadDoNotCountAfterIt) {
  backends(3);
  for (BackendIndex host : {1u, 2u}) time_out(host);
  time_out(0, 3);
  clock.advance(3s);
  time_out(0, 2);
  EXPECT_FALSE(out(0));
  time_out(0);
  EXPECT_TRUE(out(0));
}

TEST_F(OutlierTest, OtherErrorsOfTheRowStillCountWhenItsTimeoutsDoNot) {
  backends(3);
  for (BackendIndex host : {1u, 2u}) time_out(host);
  answer(0, 503, 2);
  time_out(0);
  EXPECT_FALSE(out(0)) << "two errors are left";
  answer(0, 503);
  EXPECT_TRUE(out(0));
}

TEST_F(OutlierTest, RareTimeoutsOfTheOthersAreNoOverload) {
  backends(3);
  for (BackendIndex host : {1u, 2u}) {
    time_out(host);
    answer(host, 200, 3);
  }
  time_out(0, 3);
  EXPECT_TRUE(out(0));
}

TEST_F(OutlierTest, BackendsThatGetNoRequestsDoNotCountAsOthers) {
  backends(5);
  backends(4, config::BackendState::drain);
  for (BackendIndex host : {3u, 4u}) spec.hosts[host].backup = true;
  time_out(1);
  time_out(0, 3);
  EXPECT_FALSE(out(0)) << "one of two";
}

TEST_F(OutlierTest, WorkersShareTheErrorCountAndTheEjectionTime) {
  backends(2);
  Cluster other(spec, metrics, 2);
  answer(0, 503, 2);
  other.ejections().note_response(0, 503, clock.now());
  EXPECT_TRUE(out(0));
  EXPECT_EQ(picked(), (Set{1}));
}

TEST_F(OutlierTest, ConfigurationWithoutOutlierDetectionEndsAllEjections) {
  backends(2);
  eject(0);
  ClusterSpec without = spec;
  without.outlier_detection.reset();
  Cluster reloaded(without, metrics, 1);
  std::set<BackendIndex> seen;
  for (uint64_t i = 0; i < 200; ++i) seen.insert(reloaded.pick(clock.now(), mix(i), {}));
  EXPECT_EQ(seen, (Set{0, 1}));
}

TEST_F(OutlierTest, ConcurrentFailuresOfWorkersEjectAtMostTheShare) {
  backends(8);
  std::vector<std::unique_ptr<WorkerMetrics>> cells;
  std::vector<std::unique_ptr<Cluster>> workers;
  for (uint32_t i = 0; i < 4; ++i) {
    cells.push_back(std::make_unique<WorkerMetrics>(i));
    workers.push_back(std::make_unique<Cluster>(spec, *cells.back(), i));
  }
  std::vector<std::thread> threads;
  for (auto& worker : workers) {
    threads.emplace_back([&worker = *worker, now = clock.now()] {
      for (int i = 0; i < 1000; ++i)
        worker.ejections().note_response(static_cast<BackendIndex>(i % 8), 503, now);
    });
  }
  for (std::thread& thread : threads) thread.join();
  size_t are_out = 0;
  for (BackendIndex host = 0; host < 8; ++host) are_out += out(host) ? 1 : 0;
  EXPECT_EQ(are_out, 4u);
}

TEST_F(OutlierTest, LogsTheEjectionWithItsTimeAndTheReturn) {
  LogCapture log;
  backends(2);
  eject(0);
  clock.advance(30s);
  answer(0, 200, 2);
  const std::string text = log.events();
  EXPECT_THAT(text,
              testing::HasSubstr(
                  "level=warn event=backend.ejected cluster=c backend=b0 errors=3 for=30s\n"));
  EXPECT_THAT(text,
              testing::EndsWith("level=info event=backend.readmitted cluster=c backend=b0\n"));
}

TEST(Outlier, ReportsTheFirstSuccessAfterAnEjectionOnce) {
  Outlier outlier;
  const TimePoint now = TimePoint{} + 1h;
  EXPECT_FALSE(outlier.note_success());
  EXPECT_TRUE(outlier.note_error(1));
  outlier.eject(now, {});
  EXPECT_FALSE(outlier.note_error(2)) << "an error in between changes nothing";
  outlier.reset_row();
  EXPECT_TRUE(outlier.note_success());
  EXPECT_FALSE(outlier.note_success());
}

}  // namespace
}  // namespace weir::test

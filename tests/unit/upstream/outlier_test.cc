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
    for (; times > 0; --times) answer(cluster().ejections(), host, status);
  }
  void answer(Ejections& of, BackendIndex host, unsigned status) {
    if (of.is_failure(host, status, clock.now()))
      of.note_failure(host, clock.now());
    else
      of.note_success(host, clock.now());
  }
  void time_out(BackendIndex host, int times = 1) {
    for (; times > 0; --times) cluster().ejections().note_timeout(host, clock.now());
  }
  void eject(BackendIndex host) { answer(host, 503, 3); }
  bool out(BackendIndex host) const { return spec.ejected(spec.hosts[host]); }
  Outlier& outlier(BackendIndex host) const { return spec.hosts[host].backend->outlier(); }
  Duration out_for(BackendIndex host) const { return outlier(host).ejected_until() - clock.now(); }
  // A check that is begun now passes at once.
  void prove(BackendIndex host) { outlier(host).confirm(clock.now(), clock.now()); }
  // The next request is the trial.
  bool try_out(BackendIndex host, Outlier::Trial how) {
    if (!cluster().ejections().begin_trial(host, clock.now())) return false;
    cluster().ejections().end_trial(host, how, clock.now());
    return true;
  }
  // The backend passes a check and a trial once its length is over.
  void readmit(BackendIndex host) {
    clock.advance(out_for(host));
    prove(host);
    ASSERT_TRUE(try_out(host, Outlier::Trial::passed));
  }
  std::set<BackendIndex> picked(bool repeatable = false) {
    std::set<BackendIndex> seen;
    for (uint64_t i = 0; i < 200; ++i)
      seen.insert(cluster().pick(clock.now(), mix(i), {}, repeatable));
    return seen;
  }
  uint64_t ejections(BackendIndex host) { return cluster().cells_of(host).ejections.value; }
  using Set = std::set<BackendIndex>;

  ManualClock clock;
  ClusterSpec spec;
  WorkerMetrics metrics{0};
  std::unique_ptr<Cluster> made;
};

TEST_F(OutlierTest, ConsecutiveGatewayErrorsEjectTheBackend) {
  backends(2);
  answer(0, 502);
  answer(0, 504);
  EXPECT_FALSE(out(0)) << "two of three";
  answer(0, 503);
  EXPECT_TRUE(out(0));
  EXPECT_EQ(out_for(0), 30s);
  EXPECT_EQ(picked(), (Set{1}));
  EXPECT_EQ(ejections(0), 1u);
}

TEST_F(OutlierTest, TimeAloneDoesNotEndAnEjection) {
  backends(2);
  eject(0);
  clock.advance(1h);
  EXPECT_TRUE(out(0));
  EXPECT_EQ(picked(/*repeatable=*/true), (Set{1}));
  EXPECT_FALSE(try_out(0, Outlier::Trial::passed));
}

TEST_F(OutlierTest, CheckAloneDoesNotEndAnEjection) {
  backends(2);
  eject(0);
  prove(0);
  clock.advance(29s);
  EXPECT_EQ(picked(true), (Set{1}));
  EXPECT_FALSE(try_out(0, Outlier::Trial::passed));
  clock.advance(1s);
  EXPECT_EQ(picked(true), (Set{0, 1})) << "as the trial";
  EXPECT_TRUE(out(0));
}

TEST_F(OutlierTest, CheckThatBeganBeforeTheEjectionProvesNothing) {
  backends(2);
  const TimePoint begun = clock.now();
  clock.advance(1ms);
  eject(0);
  outlier(0).confirm(begun, clock.now());
  EXPECT_TRUE(outlier(0).awaits_proof());
  clock.advance(1h);
  EXPECT_FALSE(try_out(0, Outlier::Trial::passed));
  prove(0);
  EXPECT_FALSE(outlier(0).awaits_proof());
  EXPECT_TRUE(try_out(0, Outlier::Trial::passed));
}

TEST_F(OutlierTest, OneRequestOfAllWorkersIsTheTrial) {
  backends(2);
  Cluster other(spec, metrics, 2);
  eject(0);
  clock.advance(30s);
  prove(0);
  EXPECT_TRUE(cluster().ejections().begin_trial(0, clock.now()));
  EXPECT_FALSE(other.ejections().begin_trial(0, clock.now()));
  EXPECT_EQ(picked(true), (Set{1})) << "until the trial is over";
  cluster().ejections().end_trial(0, Outlier::Trial::passed, clock.now());
  EXPECT_FALSE(out(0));
  EXPECT_EQ(picked(), (Set{0, 1}));
}

TEST_F(OutlierTest, ResponseOfTheTrialDecides) {
  backends(2);
  for (unsigned status : {502u, 503u, 504u, 500u, 404u, 200u}) {
    eject(0);
    clock.advance(out_for(0));
    prove(0);
    answer(1, 200, 50);
    ASSERT_TRUE(cluster().ejections().begin_trial(0, clock.now()));
    const bool good = status < 500;
    EXPECT_EQ(cluster().ejections().end_trial(0, status, clock.now()), good);
    EXPECT_EQ(out(0), !good) << status;
  }
}

TEST_F(OutlierTest, FailedTrialsDoubleTheLengthToFiveSecondsAndNeedANewCheck) {
  spec.outlier_detection->base_ejection = 1s;
  backends(2);
  eject(0);
  EXPECT_EQ(out_for(0), 1s);
  for (Duration expected : {2s, 4s, 5s, 5s}) {
    clock.advance(out_for(0));
    prove(0);
    ASSERT_TRUE(try_out(0, Outlier::Trial::failed));
    EXPECT_EQ(out_for(0), expected);
    EXPECT_TRUE(outlier(0).awaits_proof());
  }
  EXPECT_EQ(ejections(0), 1u);
}

TEST_F(OutlierTest, FailedTrialDoesNotChangeALongerLength) {
  backends(2);
  eject(0);
  clock.advance(30s);
  prove(0);
  ASSERT_TRUE(try_out(0, Outlier::Trial::failed));
  EXPECT_EQ(out_for(0), 30s);
}

TEST_F(OutlierTest, WithdrawnTrialIsFollowedByAnother) {
  backends(2);
  eject(0);
  clock.advance(30s);
  prove(0);
  EXPECT_TRUE(try_out(0, Outlier::Trial::withdrawn));
  EXPECT_TRUE(out(0));
  EXPECT_EQ(picked(true), (Set{0, 1}));
  EXPECT_TRUE(try_out(0, Outlier::Trial::passed));
}

TEST_F(OutlierTest, RequestThatCannotBeSentAgainIsTheTrialOnlyAfterASecond) {
  backends(2);
  eject(0);
  clock.advance(35s);
  prove(0);
  clock.advance(999ms);
  EXPECT_EQ(picked(false), (Set{1}));
  EXPECT_EQ(picked(true), (Set{0, 1}));
  clock.advance(1ms);
  EXPECT_EQ(picked(false), (Set{0, 1}));
}

TEST_F(OutlierTest, OnlyOneOfManyThreadsBeginsATrial) {
  backends(2);
  eject(0);
  clock.advance(30s);
  prove(0);
  std::atomic<int> begun{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { begun += outlier(0).begin_trial(clock.now()) ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(begun, 1);
}

TEST_F(OutlierTest, MissingResponseCountsAsError) {
  backends(2);
  for (int i = 0; i < 3; ++i) cluster().ejections().note_failure(1, clock.now());
  EXPECT_TRUE(out(1));
}

TEST_F(OutlierTest, AnyOtherResponseResetsTheErrorCount) {
  backends(2);
  for (unsigned status : {200u, 404u, 500u, 501u}) {
    answer(0, 503, 2);
    answer(0, status);
    clock.advance(11s);  // or two of three fail, which is a reason of its own
  }
  EXPECT_FALSE(out(0));
}

TEST_F(OutlierTest, BackendThatAnswers500IsEjectedWhenTheOthersDoNot) {
  backends(3);
  answer(0, 500, 100);
  EXPECT_FALSE(out(0)) << "nothing to compare with";
  for (BackendIndex other : {1u, 2u}) answer(other, 200, 50);
  answer(0, 500, 2);
  EXPECT_FALSE(out(0));
  answer(0, 500);
  EXPECT_TRUE(out(0));
}

TEST_F(OutlierTest, RequestThatBreaksEveryBackendEjectsNone) {
  spec.outlier_detection->consecutive_errors = 5;
  backends(4);
  for (int i = 0; i < 200; ++i) {
    for (BackendIndex host = 0; host < 4; ++host) answer(host, i % 2 == 0 ? 500 : 200);
    clock.advance(20ms);
  }
  for (int i = 0; i < 6; ++i) answer(0, 500);
  EXPECT_EQ(picked(), (Set{0, 1, 2, 3})) << "half of all requests fail";
}

TEST_F(OutlierTest, WithSourceHashStatus500IsNoFailure) {
  spec.balance = config::Balance::source_hash;
  backends(2);
  answer(1, 200, 50);
  answer(0, 500, 50);
  EXPECT_FALSE(out(0)) << "one client could eject one backend after the other";
  eject(0);
  EXPECT_TRUE(out(0));
}

TEST_F(OutlierTest, WithStickySessionsStatus500IsNoFailure) {
  spec.sticky.emplace();
  backends(2);
  answer(1, 200, 50);
  answer(0, 500, 50);
  EXPECT_FALSE(out(0)) << "one client could eject one backend after the other";
}

TEST_F(OutlierTest, BackendThatFailsAThirdOfItsRequestsIsEjected) {
  spec.outlier_detection->consecutive_errors = 5;
  backends(4);
  int answers = 0;
  while (!out(0) && answers < 100) {
    for (BackendIndex other : {1u, 2u, 3u}) answer(other, 200);
    answer(0, answers++ % 3 == 0 ? 503 : 200);
    clock.advance(10ms);
  }
  EXPECT_GE(answers, 15);
  EXPECT_LE(answers, 35);
}

TEST_F(OutlierTest, BackendIsComparedOnlyWithWhatItDidSinceItIsBack) {
  spec.outlier_detection->consecutive_errors = 5;
  spec.outlier_detection->base_ejection = 1s;
  backends(4);
  for (BackendIndex other : {1u, 2u, 3u}) answer(other, 200, 50);
  answer(0, 503, 5);
  ASSERT_TRUE(out(0));
  readmit(0);
  clock.advance(500ms);
  answer(0, 503);
  EXPECT_FALSE(out(0)) << "the five failures are less than ten seconds old";
}

TEST_F(OutlierTest, EjectedBackendsAreNotCompared) {
  spec.outlier_detection->consecutive_errors = 5;
  backends(8);
  for (int i = 0; i < 60; ++i)
    for (BackendIndex host = 0; host < 8; ++host) answer(host, host < 4 ? 503 : 200);
  EXPECT_EQ(picked(), (Set{4, 5, 6, 7}));
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
  cluster().ejections().note_failure(0, clock.now());
  EXPECT_EQ(picked(), (Set{0, 1}));
}

TEST_F(OutlierTest, RelapsesDoubleTheLengthUpToTheMaximum) {
  backends(2);
  for (Duration expected : {30s, 60s, 100s, 100s}) {
    eject(0);
    EXPECT_EQ(out_for(0), expected);
    readmit(0);
    clock.advance(10 * expected);
  }
  EXPECT_EQ(ejections(0), 4u);
}

TEST_F(OutlierTest, LengthStartsFromTheBaseAfterTenLengthsWithoutAnEjection) {
  backends(2);
  eject(0);
  readmit(0);
  clock.advance(301s);
  eject(0);
  EXPECT_EQ(out_for(0), 30s);
}

TEST_F(OutlierTest, LengthIsRememberedForTenSecondsAtLeast) {
  spec.outlier_detection->base_ejection = 100ms;
  backends(2);
  eject(0);
  readmit(0);
  clock.advance(10s);
  eject(0);
  EXPECT_EQ(out_for(0), 200ms);
  readmit(0);
  clock.advance(11s);
  eject(0);
  EXPECT_EQ(out_for(0), 100ms);
}

TEST_F(OutlierTest, ResponsesDuringAnEjectionDoNotCount) {
  backends(2);
  eject(0);
  answer(0, 503, 10);
  answer(0, 200);
  EXPECT_EQ(out_for(0), 30s);
  readmit(0);
  answer(0, 503, 2);
  EXPECT_FALSE(out(0)) << "the row starts when it is back";
  answer(0, 503);
  EXPECT_TRUE(out(0));
}

TEST_F(OutlierTest, EjectsAtMostTheConfiguredShareAtATime) {
  backends(5);
  for (BackendIndex host = 0; host < 5; ++host) eject(host);
  EXPECT_EQ(picked(), (Set{2, 3, 4})) << "half of five is two";
  readmit(0);
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
  for (BackendIndex host = 0; host < 100; ++host) {
    eject(host);
    clock.advance(1ms);  // verdicts about many backends are not made at once
  }
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
  for (int i = 0; i < 3; ++i) cluster().ejections().note_failure(1, clock.now());
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
  time_out(0, 9);
  EXPECT_FALSE(out(0)) << "a quarter of the others' requests fail, too";
  time_out(0);
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
  answer(other.ejections(), 0, 503);
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
      for (BackendIndex good : {6u, 7u})
        for (int i = 0; i < 5000; ++i) worker.ejections().note_success(good, now);
      for (int i = 0; i < 6000; ++i)
        worker.ejections().note_failure(static_cast<BackendIndex>(i % 6), now);
    });
  }
  for (std::thread& thread : threads) thread.join();
  size_t are_out = 0;
  for (BackendIndex host = 0; host < 8; ++host) are_out += out(host) ? 1 : 0;
  EXPECT_EQ(are_out, 4u);
}

TEST_F(OutlierTest, LogsTheEjectionItsTrialsAndTheReturn) {
  LogCapture log;
  backends(2);
  eject(0);
  clock.advance(30s);
  prove(0);
  ASSERT_TRUE(try_out(0, Outlier::Trial::failed));
  readmit(0);
  answer(0, 200, 2);
  const std::string text = log.events();
  EXPECT_THAT(text,
              testing::HasSubstr(
                  "level=warn event=backend.ejected cluster=c backend=b0 errors=3 for=30s\n"));
  EXPECT_THAT(text, testing::HasSubstr(
                        "level=info event=backend.trial_failed cluster=c backend=b0 for=30s\n"));
  EXPECT_THAT(text,
              testing::EndsWith("level=info event=backend.readmitted cluster=c backend=b0\n"));
}

}  // namespace
}  // namespace weir::test

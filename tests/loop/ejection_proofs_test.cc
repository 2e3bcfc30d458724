// Checks of ejected backends: what they are, how often they run, and what they prove.
#include "loop/health_check_fixture.h"

namespace weir {
namespace {

class EjectionProofsTest : public HealthCheckTest {
 protected:
  // `health`: its cluster has health checks, which an hour separates unless they are hastened.
  void apply(bool health = false, config::HealthCheck check = spec()) {
    check.interval = 1h;
    checks_.apply(
        {{.backend = checked_, .spec = std::move(check), .health = health, .proofs = true}});
  }
  void eject() { checked_->outlier().eject(loop_.now(), {}); }
  bool proven() const { return !checked_->outlier().awaits_proof(); }
  // The connections that come within about a second.
  int in_a_second() {
    const int before = server_.accepted;
    clock_.advance(1100ms);
    settle();
    return server_.accepted - before;
  }
};

TEST_F(EjectionProofsTest, EjectedBackendIsProvenByAConnect) {
  apply();
  eject();
  EXPECT_FALSE(proven());
  EXPECT_EQ(in_a_second(), 1);
  EXPECT_TRUE(proven());
  EXPECT_EQ(in_a_second(), 0) << "it awaits a trial";
}

TEST_F(EjectionProofsTest, BackendThatIsNotEjectedIsNotConnectedTo) {
  apply();
  EXPECT_EQ(in_a_second(), 0);
  EXPECT_EQ(in_a_second(), 0);
}

TEST_F(EjectionProofsTest, FrequentReloadsDoNotPostponeTheProof) {
  eject();
  for (int i = 0; i < 4 && !proven(); ++i) {
    apply();
    clock_.advance(600ms);
    settle();
  }
  EXPECT_TRUE(proven());
}

TEST_F(EjectionProofsTest, RefusedConnectIsRepeatedEverySecond) {
  apply();
  eject();
  server_.stop();
  for (int i = 0; i < 3; ++i) in_a_second();
  EXPECT_FALSE(proven());
  server_.start();
  EXPECT_EQ(in_a_second(), 1);
  EXPECT_TRUE(proven());
}

TEST_F(EjectionProofsTest, ClusterWithHealthChecksNeedsOneThatPasses) {
  config::HealthCheck check = spec();
  check.expect = "READY";
  server_.greeting = "READY";
  apply(/*health=*/true, check);
  ASSERT_TRUE(run_until_results(1));
  server_.greeting = "BUSY";
  eject();
  server_.hangs_up = true;
  EXPECT_EQ(in_a_second(), 1);
  EXPECT_FALSE(proven());
  server_.greeting = "READY";
  server_.hangs_up = false;
  EXPECT_EQ(in_a_second(), 1);
  EXPECT_TRUE(proven());
  EXPECT_EQ(observer_.results.size(), 3u) << "they are checks, and hastened";
  EXPECT_EQ(checked_->health(), Health::up);
}

TEST_F(EjectionProofsTest, CheckWithoutAnAnswerEndsAfterItsTimeout) {
  config::HealthCheck check = spec();
  check.expect = "READY";
  apply(/*health=*/false, check);
  settle();
  eject();
  EXPECT_EQ(in_a_second(), 1);
  EXPECT_EQ(in_a_second(), 0) << "it is still running";
  int later = 0;
  for (int i = 0; i < 2; ++i) later += in_a_second();
  EXPECT_EQ(later, 1);
}

TEST_F(EjectionProofsTest, TargetWithoutHealthChecksHasNoHealth) {
  apply();
  EXPECT_EQ(observer_.primed, 1);
  clock_.advance(2h);
  settle();
  EXPECT_TRUE(observer_.results.empty());
  EXPECT_EQ(checked_->health(), Health::unknown);
}

}  // namespace
}  // namespace weir

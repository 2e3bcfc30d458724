// When the next check of a backend begins.
#include "loop/health_check_fixture.h"

namespace weir {
namespace {

class HealthCheckPaceTest : public HealthCheckTest {
 protected:
  static config::HealthCheck rare() {
    config::HealthCheck check = spec();
    check.interval = 60s;
    return check;
  }
  // The checks that begin within this time.
  int begun_in(Duration time) {
    const int before = server_.accepted;
    for (Duration passed{}; passed < time; passed += 100ms) {
      clock_.advance(100ms);
      settle();
    }
    return server_.accepted - before;
  }
  void take_down() {
    server_.greeting.clear();
    server_.hangs_up = true;
    for (int i = 0; i < 70 && checked_->health() != Health::down; ++i) begun_in(1s);
    ASSERT_EQ(checked_->health(), Health::down);
  }
  static config::HealthCheck greeted(config::HealthCheck check) {
    check.expect = "220";
    return check;
  }
};

TEST_F(HealthCheckPaceTest, StreakIsFastFromTheEndOfEachCheckOn) {
  server_.greeting = "220";
  checks_.apply({{checked_, greeted(rare())}});
  ASSERT_TRUE(run_until_results(1));
  server_.greeting.clear();
  EXPECT_EQ(begun_in(59s), 0);
  EXPECT_EQ(begun_in(1100ms), 1);
  EXPECT_EQ(begun_in(2700ms), 0) << "2s until it has failed, and not yet a second more";
  EXPECT_EQ(begun_in(600ms), 1);
  EXPECT_EQ(begun_in(2700ms), 0);
  EXPECT_EQ(begun_in(600ms), 1);
  EXPECT_EQ(checked_->health(), Health::up) << "two of three";
  begun_in(2200ms);
  EXPECT_EQ(checked_->health(), Health::down);
}

TEST_F(HealthCheckPaceTest, BackendThatIsDownIsCheckedFastForTenSeconds) {
  server_.greeting = "220";
  checks_.apply({{checked_, greeted(rare())}});
  ASSERT_TRUE(run_until_results(1));
  take_down();
  EXPECT_GE(begun_in(10s), 8);
  EXPECT_LE(begun_in(60s), 2);
}

TEST_F(HealthCheckPaceTest, RisingStreakIsFastLongAfterTheBackendWentDown) {
  server_.greeting = "220";
  config::HealthCheck check = greeted(rare());
  check.interval = 20s;
  checks_.apply({{checked_, check}});
  ASSERT_TRUE(run_until_results(1));
  take_down();
  begun_in(30s);
  server_.hangs_up = false;
  server_.greeting = "220";
  ASSERT_TRUE(run_until([&] { return begun_in(100ms) == 1; }));
  EXPECT_EQ(checked_->health(), Health::down) << "one of two";
  EXPECT_EQ(begun_in(1200ms), 1);
  EXPECT_EQ(checked_->health(), Health::up);
}

TEST_F(HealthCheckPaceTest, IntervalShorterThanTheFastOneIsKept) {
  config::HealthCheck check = greeted(spec());
  check.interval = 500ms;
  check.timeout = 500ms;
  check.fall = 100;
  server_.greeting = "220";
  checks_.apply({{checked_, check}});
  ASSERT_TRUE(run_until_results(1));
  server_.greeting.clear();
  server_.hangs_up = true;
  EXPECT_GE(begun_in(5s), 8);
}

TEST_F(HealthCheckPaceTest, HeldOffBackendIsCheckedSoonAndAPassedCheckEndsTheHoldOff) {
  checks_.apply({{checked_, rare()}});
  ASSERT_TRUE(run_until_results(1));
  ASSERT_EQ(begun_in(5s), 0);
  checked_->note_connect_failure(loop_.now(), {.base = 30s, .max = 30s});
  ASSERT_TRUE(checked_->held_off(loop_.now()));
  EXPECT_EQ(begun_in(1100ms), 1);
  EXPECT_FALSE(checked_->held_off(loop_.now()));
  EXPECT_EQ(begun_in(5s), 0) << "rarely again";
}

TEST_F(HealthCheckPaceTest, CheckThatConnectsUnlikeSessionsEndsNoHoldOff) {
  config::HealthCheck check = rare();
  check.port = server_.address().port();
  checks_.apply({{checked_, check}});
  ASSERT_TRUE(run_until_results(1));
  checked_->note_connect_failure(loop_.now(), {.base = 30s, .max = 30s});
  EXPECT_GE(begun_in(2s), 1);
  EXPECT_TRUE(checked_->held_off(loop_.now()));
}

TEST_F(HealthCheckPaceTest, EjectedBackendIsCheckedSoon) {
  checks_.apply({{.backend = checked_, .spec = rare(), .proofs = true}});
  ASSERT_TRUE(run_until_results(1));
  ASSERT_EQ(begun_in(5s), 0);
  checked_->outlier().eject(loop_.now(), {});
  EXPECT_EQ(begun_in(1100ms), 1);
  EXPECT_FALSE(checked_->outlier().awaits_proof());
}

}  // namespace
}  // namespace weir

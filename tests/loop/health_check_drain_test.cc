// Backends that drain themselves by their answers to checks.
#include "loop/health_check_fixture.h"
#include "support/log_capture.h"

namespace weir {
namespace {

using testing::ElementsAre;

constexpr const char* kGood = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr const char* kBad = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
constexpr const char* kDrain = "HTTP/1.1 503 No\r\nX-Drain: 1\r\nContent-Length: 0\r\n\r\n";

class HealthCheckDrainTest : public HealthCheckTest {
 protected:
  static config::HealthCheck draining() {
    config::HealthCheck check = http_spec();
    check.drain_on = {.status = {{{503, 503}}}, .header = "X-Drain: *", .body = ""};
    return check;
  }
  // The health after one more check, which gets this answer.
  Health after(const char* answer) {
    server_.greeting = answer;
    EXPECT_TRUE(next_result());
    return checked_->health();
  }
  void begin(const char* answer) {
    server_.greeting = answer;
    checks_.apply({{checked_, draining()}});
    ASSERT_TRUE(run_until_results(1));
  }
};

TEST_F(HealthCheckDrainTest, AnswerDrainsAtOnceAndTheNextOneWithoutItEndsThat) {
  begin(kGood);
  EXPECT_EQ(after(kDrain), Health::draining);
  EXPECT_EQ(after(kDrain), Health::draining);
  EXPECT_EQ(after(kGood), Health::up);
  EXPECT_THAT(observer_.changes, ElementsAre("b up", "b draining", "b up"));
  EXPECT_THAT(observer_.results, testing::Each(CheckResult::ok)) << "a drain is no failure";
}

TEST_F(HealthCheckDrainTest, FirstAnswerMayDrain) {
  begin(kDrain);
  EXPECT_EQ(checked_->health(), Health::draining);
  EXPECT_TRUE(checks_.primed());
}

TEST_F(HealthCheckDrainTest, BackendThatDrainsItselfGoesDownAfterFallFailures) {
  begin(kDrain);
  EXPECT_EQ(after(kBad), Health::draining);
  EXPECT_EQ(after(kBad), Health::draining);
  EXPECT_EQ(after(kDrain), Health::draining);
  EXPECT_EQ(after(kBad), Health::draining);
  EXPECT_EQ(after(kBad), Health::draining) << "the answer in between begins the row anew";
  EXPECT_EQ(after(kBad), Health::down);
}

TEST_F(HealthCheckDrainTest, AnswerThatDrainsCountsAsASuccessOfABackendThatIsDown) {
  begin(kBad);
  EXPECT_EQ(after(kDrain), Health::down) << "one of two";
  EXPECT_EQ(after(kGood), Health::up);
  after(kBad), after(kBad), after(kBad);
  EXPECT_EQ(after(kGood), Health::down);
  EXPECT_EQ(after(kDrain), Health::draining);
}

TEST_F(HealthCheckDrainTest, DrainSurvivesAReload) {
  begin(kDrain);
  checks_.apply({{checked_, draining()}});
  EXPECT_EQ(checked_->health(), Health::draining);
  config::HealthCheck changed = draining();
  changed.interval = 7s;
  checks_.apply({{checked_, changed}});
  EXPECT_EQ(checked_->health(), Health::draining);
  EXPECT_TRUE(checks_.primed()) << "no start waits for it";
  checks_.apply({});
  EXPECT_EQ(checked_->health(), Health::unknown) << "no check asks it any more";
}

TEST_F(HealthCheckDrainTest, LogNamesTheStatusThatDrains) {
  test::LogCapture log;
  begin(kDrain);
  EXPECT_THAT(log.events(), testing::HasSubstr("level=info event=backend.draining cluster=app "
                                               "backend=b reason=\"status 503\"\n"));
}

}  // namespace
}  // namespace weir

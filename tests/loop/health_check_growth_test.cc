// The work of many checks grows with their number, not faster.
#include "loop/health_check_fixture.h"
#include "support/growth.h"

namespace weir {
namespace {

using test::cost_of;
using test::growth;
using test::kNearlyLinear;

class HealthCheckGrowthTest : public HealthCheckTest {
 protected:
  std::vector<CheckTarget> targets(size_t count) {
    std::vector<CheckTarget> all;
    for (size_t i = 0; i < count; ++i) {
      all.push_back(
          {.backend = backend(std::to_string(i), server_.address()), .spec = every_second()});
      all.back().proofs = true;
    }
    return all;
  }
  static config::HealthCheck every_second() {
    config::HealthCheck check = spec();
    check.interval = 1s;
    check.timeout = 1s;
    return check;
  }
  // Until each has a result.
  void finish(HealthChecks& checks, size_t count) {
    const size_t results = observer_.results.size() + count;
    for (int i = 0; i < 5000 && observer_.results.size() < results; ++i) {
      loop_.run_turn(1ms);
      server_.step();
      server_.connections.clear();
    }
    ASSERT_EQ(observer_.results.size(), results);
    ASSERT_EQ(checks.running(), 0u);
  }
  // One more check of each.
  void round(HealthChecks& checks, size_t count) {
    clock_.advance(1100ms);
    finish(checks, count);
  }
};

TEST_F(HealthCheckGrowthTest, RoundOfChecksCostsInProportionToTheirNumber) {
  EXPECT_LT(growth(100,
                   [&](size_t count) {
                     HealthChecks checks(loop_, observer_, 1, HealthChecks::room_of(8192));
                     checks.apply(targets(count));
                     finish(checks, count);
                     round(checks, count);
                     return cost_of([&] { round(checks, count); });
                   }),
            kNearlyLinear);
}

TEST_F(HealthCheckGrowthTest, UnchangedReloadCostsInProportionAndDisturbsNoCheck) {
  EXPECT_LT(growth(500,
                   [&](size_t count) {
                     HealthChecks checks(loop_, observer_, 1, HealthChecks::room_of(8192));
                     std::vector<CheckTarget> all = targets(count);
                     for (CheckTarget& target : all) target.spec.interval = 1h;
                     checks.apply(all);
                     finish(checks, count);
                     const size_t results = observer_.results.size();
                     const Duration cost = cost_of([&] { checks.apply(all); });
                     settle();
                     EXPECT_EQ(observer_.results.size(), results);
                     EXPECT_EQ(checks.running(), 0u);
                     return cost;
                   }),
            kNearlyLinear);
}

TEST_F(HealthCheckGrowthTest, ResultsThatChangeNothingAreNotReported) {
  constexpr size_t kBackends = 50;
  checks_.apply(targets(kBackends));
  finish(checks_, kBackends);
  for (int i = 0; i < 4; ++i) round(checks_, kBackends);
  EXPECT_EQ(observer_.changes.size(), kBackends) << "the first results";
}

}  // namespace
}  // namespace weir

#include "config/plan.h"

#include "support/config_read.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kBefore = R"(
listeners:
  - { name: web, bind: [":80", ":81"], cluster: app, timeouts: { idle: 1h } }
  - { name: old, bind: ":82", cluster: app }
clusters:
  - name: app
    backends: ["a:1", { name: b, address: "b:1" }]
    health_check: { interval: 2s }
)";

TEST(Plan, IsEmptyForTheSameConfiguration) {
  EXPECT_THAT(plan(model(kBefore), model(kBefore)), IsEmpty());
}

// A health check may send a password, and an expected answer may contain a version or an account.
TEST(Plan, MarksBytesOfHealthChecksAsConfidentialAsTextAndInHexadecimal) {
  const auto with = [](const std::string& check) {
    return model(
        "listeners: [{ name: db, bind: \":80\", cluster: c }]\nclusters:\n  - name: c\n    "
        "backends: [\"10.0.0.1:80\"]\n    health_check: { type: tcp, interval: 2s, " +
        check + " }\n");
  };
  const Model before = with("send: a, expect: b");
  for (const char* check : {"send: x, expect: y", "send_hex: \"00 01\", expect_hex: \"02 03\""}) {
    size_t found = 0;
    for (const Change& change : plan(before, with(check))) {
      if (change.path.find(".send") == std::string::npos &&
          change.path.find(".expect") == std::string::npos)
        continue;
      ++found;
      EXPECT_TRUE(change.confidential) << change.path;
    }
    EXPECT_GE(found, 2u) << check;
  }
}

TEST(Plan, ReportsEachChangeWithItsEffect) {
  const std::vector<Change> changes = plan(model(kBefore), model(R"(
global: { workers: 2 }
listeners:
  - { name: new, bind: ":83", cluster: spare }
  - { name: web, bind: [":81", ":84"], cluster: app, timeouts: { idle: 10m } }
clusters:
  - name: app
    backends: ["c:1", { name: b, address: "b:2", weight: 7 }]
    health_check: { interval: 7s }
  - { name: spare, backends: ["d:1"] }
drain: { spread: 3s }
)"));
  EXPECT_THAT(lines(changes),
              ElementsAre("restart global.workers: auto → 2",                         //
                          "rebind listeners.new added",                               //
                          "rebind listeners.web.bind: :80, :81 → :81, :84",           //
                          "new_sessions listeners.web.timeouts.idle: 1h → 10m",       //
                          "rebind listeners.old removed",                             //
                          "new_sessions clusters.app.backends.c:1 added",             //
                          "new_sessions clusters.app.backends.b.address: b:1 → b:2",  //
                          "new_sessions clusters.app.backends.b.weight: 1 → 7",       //
                          "new_sessions clusters.app.backends.a:1 removed",           //
                          "live clusters.app.health_check.interval: 2s → 7s",         //
                          "new_sessions clusters.spare added",                        //
                          "live drain.spread: (half of timeout) → 3s"));
  EXPECT_EQ(changes[1].listener, "new");
  EXPECT_EQ(changes[3].listener, "web");
  EXPECT_EQ(changes[3].cluster, "");
  EXPECT_EQ(changes[6].cluster, "app");
  EXPECT_EQ(changes[6].backend, "b");
  EXPECT_EQ(changes[8].backend, "a:1");
  EXPECT_EQ(changes[9].backend, "");
  EXPECT_EQ(hardest(changes), Effect::restart);
}

TEST(Plan, OrderHasNoMeaning) {
  EXPECT_THAT(plan(model(kBefore), model(R"(
clusters:
  - { name: app, backends: [{ name: b, address: "b:1" }, "a:1"], health_check: {} }
listeners:
  - { name: old, bind: ":82", cluster: app }
  - { name: web, bind: [":81", ":80"], cluster: app }
)")),
              IsEmpty());
}

TEST(Plan, ReportsThatACheckIsSwitchedOnOrOff) {
  const char* without =
      "listeners: [{ bind: ':1', cluster: a }]\nclusters: [{ name: a, backends: ['h:1'] }]\n";
  const char* with =
      "listeners: [{ bind: ':1', cluster: a }]\n"
      "clusters: [{ name: a, backends: ['h:1'], health_check: {} }]\n";
  EXPECT_THAT(lines(plan(model(without), model(with))),
              ElementsAre("live clusters.a.health_check added"));
  EXPECT_THAT(lines(plan(model(with), model(without))),
              ElementsAre("live clusters.a.health_check removed"));
}

}  // namespace
}  // namespace weir::config

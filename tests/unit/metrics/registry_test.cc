#include "metrics/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr TimePoint kStart{1h};

TEST(SeriesRegistry, GivesANameTheSameIdAfterAReload) {
  SeriesRegistry registry;
  const uint32_t web = registry.listener("web");
  registry.keep_only({{web}, {}, {}}, kStart);
  EXPECT_NE(registry.listener("mail"), web);
  EXPECT_EQ(registry.listener("web"), web);
}

TEST(SeriesRegistry, KeepsBackendsOfTheSameNameInTwoClustersApart) {
  SeriesRegistry registry;
  EXPECT_NE(registry.backend("a", "one"), registry.backend("b", "one"));
}

TEST(SeriesRegistry, ShowsARemovedSeriesForTenMinutes) {
  SeriesRegistry registry;
  const uint32_t web = registry.listener("web");
  registry.keep_only({{web}, {}, {}}, kStart);
  registry.keep_only({}, kStart + 1min);
  EXPECT_THAT(registry.take_expired(kStart + 11min - 1ns, {}).listeners, IsEmpty());
  EXPECT_TRUE(registry.listeners().shown(web));
  EXPECT_THAT(registry.take_expired(kStart + 11min, {}).listeners, ElementsAre(web));
  EXPECT_FALSE(registry.listeners().shown(web));
}

TEST(SeriesRegistry, KeepsARemovedSeriesWhileASnapshotThatNamesItIsAlive) {
  SeriesRegistry registry;
  const SeriesIds ids{
      {registry.listener("web")}, {registry.cluster("app")}, {registry.backend("app", "one")}};
  registry.keep_only(ids, kStart);
  registry.keep_only({}, kStart);
  EXPECT_TRUE(registry.take_expired(kStart + 1h, ids).empty());
  const SeriesIds expired = registry.take_expired(kStart + 2h, {});
  EXPECT_EQ(expired.listeners, ids.listeners);
  EXPECT_EQ(expired.clusters, ids.clusters);
  EXPECT_EQ(expired.backends, ids.backends);
}

TEST(SeriesRegistry, TreatsRoutesOfAListenerLikeTheListener) {
  SeriesRegistry registry;
  const uint32_t web = registry.route("web", "api");
  EXPECT_NE(registry.route("other", "api"), web);
  EXPECT_NE(registry.route("web", kNoRoute), web);
  const SeriesIds ids{{}, {}, {}, {web}};
  registry.keep_only(ids, kStart);
  EXPECT_TRUE(registry.routes().shown(web));
  registry.keep_only({}, kStart);
  EXPECT_EQ(registry.route("web", "api"), web);
  registry.keep_only({}, kStart);
  EXPECT_THAT(registry.take_expired(kStart + 10min, ids).routes,
              testing::Not(testing::Contains(web)))
      << "in use";
  EXPECT_THAT(registry.take_expired(kStart + 10min, {}).routes, testing::Contains(web));
}

TEST(SeriesRegistry, KeepsTheCountersOfASeriesThatIsAddedAgain) {
  SeriesRegistry registry;
  const uint32_t app = registry.cluster("app");
  registry.keep_only({{}, {app}, {}}, kStart);
  registry.keep_only({}, kStart);
  EXPECT_EQ(registry.cluster("app"), app);
  EXPECT_THAT(registry.take_expired(kStart + 1h, {}).clusters, IsEmpty()) << "it is wanted again";
  registry.keep_only({{}, {app}, {}}, kStart + 1h);
  EXPECT_THAT(registry.take_expired(kStart + 2h, {}).clusters, IsEmpty());
}

TEST(SeriesRegistry, NeverShowsSeriesOfAFailedReload) {
  SeriesRegistry registry;
  const uint32_t broken = registry.cluster("broken");
  EXPECT_FALSE(registry.clusters().shown(broken));
  registry.keep_only({}, kStart);
  EXPECT_FALSE(registry.clusters().shown(broken));
  EXPECT_THAT(registry.take_expired(kStart + 10min, {}).clusters, ElementsAre(broken));
}

TEST(SeriesRegistry, ReusesAnIdOnlyAfterAPause) {
  SeriesRegistry registry;
  const uint32_t one = registry.cluster("one");
  registry.keep_only({}, kStart);
  ASSERT_THAT(registry.take_expired(kStart + 10min, {}).clusters, ElementsAre(one));
  EXPECT_NE(registry.cluster("two"), one);
  registry.keep_only({}, kStart + 20min);
  EXPECT_EQ(registry.cluster("three"), one);
}

TEST(SeriesRegistry, ReusesTheRoomOfExpiredNames) {
  SeriesRegistry registry;
  size_t level = 0;
  for (int minute = 0; minute < 500; ++minute) {
    const TimePoint now = kStart + minute * 1min;
    const SeriesIds ids{{}, {}, {registry.backend("app", "b" + std::to_string(minute))}};
    registry.keep_only(ids, now);
    registry.take_expired(now, ids);
    if (minute == 50) level = registry.backends().all().size();
  }
  EXPECT_LE(level, 20u);
  EXPECT_EQ(registry.backends().all().size(), level);
}

}  // namespace
}  // namespace weir

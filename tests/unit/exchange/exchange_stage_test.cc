#include "exchange/exchange_stage.h"

#include <gtest/gtest.h>

#include <array>

namespace weir {
namespace {

constexpr size_t kStages = static_cast<size_t>(ExchangeStage::over) + 1;

ExchangeStage stage(size_t i) {
  return static_cast<ExchangeStage>(i);
}

TEST(ExchangeStage, EveryStageUnderWayMayEnd) {
  for (size_t i = 0; i < kStages; ++i) {
    const bool under_way = stage(i) != ExchangeStage::idle && stage(i) != ExchangeStage::over;
    EXPECT_EQ(may_move(stage(i), ExchangeStage::over), under_way) << i;
  }
}

TEST(ExchangeStage, OnlyAnEndedExchangeBecomesIdle) {
  for (size_t i = 0; i < kStages; ++i)
    EXPECT_EQ(may_move(stage(i), ExchangeStage::idle), stage(i) == ExchangeStage::over) << i;
}

TEST(ExchangeStage, WeirAnswersOnlyBeforeAResponseHasBegun) {
  for (const ExchangeStage from : {ExchangeStage::relay, ExchangeStage::tunnel,
                                   ExchangeStage::delivering, ExchangeStage::answer})
    EXPECT_FALSE(may_move(from, ExchangeStage::answer));
}

TEST(ExchangeStage, RetryGoesBackToAcquire) {
  for (const ExchangeStage from : {ExchangeStage::connect, ExchangeStage::await_response,
                                   ExchangeStage::queued, ExchangeStage::pause})
    EXPECT_TRUE(may_move(from, ExchangeStage::acquire));
  EXPECT_FALSE(may_move(ExchangeStage::relay, ExchangeStage::acquire));
}

TEST(ExchangeStage, EveryStageIsReachedFromIdle) {
  std::array<bool, kStages> reached{true};
  for (size_t round = 0; round < kStages; ++round)
    for (size_t from = 0; from < kStages; ++from)
      for (size_t to = 0; to < kStages; ++to)
        reached[to] |= reached[from] && may_move(stage(from), stage(to));
  for (size_t i = 0; i < kStages; ++i) EXPECT_TRUE(reached[i]) << i;
}

}  // namespace
}  // namespace weir

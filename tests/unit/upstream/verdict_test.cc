// judge() against the exact tails of the binomial distribution, which it approximates, and against
// the numbers of answers that it is meant to need.
#include "upstream/verdict.h"

#include <gmock/gmock.h>

#include <cmath>

namespace weir {
namespace {

constexpr uint32_t kLeast = 5;

bool judged(Outcomes sample, Outcomes others) {
  return judge({&sample, 1}, others, kLeast);
}

// The number of answers, of which every `of`-th to `share` fail, after which the backend is judged.
// 0: never within 1,000.
uint64_t answers_needed(double share, double p) {
  const Outcomes others{1'000'000, static_cast<uint64_t>(p * 1'000'000)};
  for (uint64_t n = 1; n <= 1000; ++n) {
    const auto failures = static_cast<uint64_t>(std::floor(share * static_cast<double>(n) + 1e-9));
    if (judged({n, failures}, others)) return n;
  }
  return 0;
}

// P(at least k of n fail), each with probability p.
double tail(uint64_t n, uint64_t k, double p) {
  double sum = 0;
  const auto real = [](uint64_t value) { return static_cast<double>(value); };
  for (uint64_t i = k; i <= n; ++i) {
    const double ways =
        std::lgamma(real(n) + 1) - std::lgamma(real(i) + 1) - std::lgamma(real(n - i) + 1);
    sum += std::exp(ways + real(i) * std::log(p) + real(n - i) * std::log1p(-p));
  }
  return sum;
}

TEST(Verdict, NeedsFewAnswersOfABackendThatAlwaysFails) {
  EXPECT_EQ(answers_needed(1, 0.01), 5u);
  EXPECT_EQ(answers_needed(1, 0.05), 8u);
  EXPECT_EQ(answers_needed(1, 0.20), 14u);
  EXPECT_EQ(answers_needed(1, 0.50), 32u) << "one request that breaks every backend";
}

TEST(Verdict, NeedsMoreAnswersOfABackendThatFailsInPart) {
  EXPECT_NEAR(static_cast<double>(answers_needed(0.5, 0.01)), 14, 1);
  EXPECT_NEAR(static_cast<double>(answers_needed(0.5, 0.05)), 27, 2);
  EXPECT_NEAR(static_cast<double>(answers_needed(0.5, 0.20)), 99, 3);
  EXPECT_NEAR(static_cast<double>(answers_needed(0.3, 0.01)), 29, 3);
  EXPECT_NEAR(static_cast<double>(answers_needed(0.2, 0.01)), 52, 4);
}

TEST(Verdict, KeepsABackendThatIsOnlySomewhatWorseThanTheOthers) {
  EXPECT_EQ(answers_needed(0.3, 0.20), 0u);
  EXPECT_EQ(answers_needed(0.19, 0.05), 0u);
  EXPECT_EQ(answers_needed(0.11, 0.01), 0u);
}

TEST(Verdict, KeepsABackendThatFailsAsAllDo) {
  for (const double p : {0.0, 0.01, 0.2, 0.5, 0.9, 1.0}) EXPECT_EQ(answers_needed(p, p), 0u) << p;
  EXPECT_EQ(answers_needed(1, 0.999999), 0u);
}

TEST(Verdict, IsNeverMadeByChanceMoreOftenThanOnceIn250MillionSamples) {
  for (const double p : {0.01, 0.02, 0.05, 0.1, 0.2, 0.5}) {
    for (const uint64_t n : {5u, 8u, 20u, 50u, 200u, 1000u}) {
      const Outcomes others{1'000'000, static_cast<uint64_t>(p * 1'000'000)};
      uint64_t k = 1;
      while (k <= n && !judged({n, k}, others)) ++k;
      if (k <= n) {
        EXPECT_LT(tail(n, k, p), 1 / 4e9) << k << " of " << n << ", others " << p;
      }
    }
  }
}

TEST(Verdict, NeedsTheLeastNumberOfFailures) {
  const Outcomes sample{4, 4};
  EXPECT_FALSE(judge({&sample, 1}, {1000, 0}, 5));
  const Outcomes twenty{20, 20};
  EXPECT_FALSE(judge({&twenty, 1}, {1000, 0}, 21));
  EXPECT_TRUE(judge({&twenty, 1}, {1000, 0}, 20));
  const Outcomes two{2, 2};
  EXPECT_TRUE(judge({&two, 1}, {1000, 0}, 2)) << "fewer than five, if the user says so";
  EXPECT_FALSE(judge({&two, 1}, {1000, 50}, 2));
}

TEST(Verdict, IsMadeByTheWorstSpan) {
  const Outcomes spans[] = {{0, 0}, {10, 10}, {10'000, 10}};
  EXPECT_TRUE(judge(spans, {100'000, 0}, kLeast)) << "a good past does not hide a bad present";
  EXPECT_FALSE(judge(std::span(spans).last(1), {100'000, 0}, kLeast));
}

}  // namespace
}  // namespace weir

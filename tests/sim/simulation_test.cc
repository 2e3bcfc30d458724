// 200 seeds in the normal run, in blocks that ctest runs side by side.
//   WEIR_SIM_SEED=n   runs that one
//   WEIR_SIM_SEEDS=n  runs n seeds instead of 200, spread over the blocks
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

#if defined(WEIR_ASAN) || defined(WEIR_TSAN)
#include <sanitizer/common_interface_defs.h>
#endif

#include "world/world.h"

namespace weir::sim {
namespace {

constexpr uint64_t kBlocks = 8;
constexpr uint64_t kSeeds = 200;
uint64_t current_seed = 0;

// A broken invariant in the core aborts, and a sanitizer exits; the seed must be known even then.
void print_seed() {
  std::fprintf(stderr, "seed %llu: run it again with WEIR_SIM_SEED=%llu\n",
               static_cast<unsigned long long>(current_seed),
               static_cast<unsigned long long>(current_seed));
}

void print_seed_on_death() {
  signal(SIGABRT, [](int) {
    signal(SIGABRT, SIG_DFL);
    print_seed();
  });
#if defined(WEIR_ASAN) || defined(WEIR_TSAN)
  __sanitizer_set_death_callback(print_seed);
#endif
}

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

void run(uint64_t seed, Tally& tally) {
  current_seed = seed;
  std::string text;
  for (const std::string& failure : run_seed(seed, tally)) text += "\n  " + failure;
  EXPECT_EQ(text, "") << "seed " << seed << ": run it again with WEIR_SIM_SEED=" << seed;
}

class Simulation : public testing::TestWithParam<uint64_t> {};

TEST_P(Simulation, LosesNothingAndEveryEndHasAReason) {
  print_seed_on_death();
  Tally tally;
  if (const uint64_t seed = from_environment("WEIR_SIM_SEED", 0); seed != 0) {
    if (GetParam() == 0) run(seed, tally);
    return;
  }
  const uint64_t seeds = from_environment("WEIR_SIM_SEEDS", kSeeds);
  for (uint64_t seed = 1 + GetParam(); seed <= seeds && !HasFailure(); seed += kBlocks)
    run(seed, tally);
  // A history in which nothing happens proves nothing.
  EXPECT_GT(tally.sessions, 0u);
  EXPECT_GT(tally.bytes, 0u);
  EXPECT_GT(tally.false_blocks + tally.short_calls, 0u);
  fmt::print("{} sessions, {} bytes, {} spliced, {} turns, {} EAGAIN and {} short calls injected\n",
             tally.sessions, tally.bytes, tally.spliced, tally.turns, tally.false_blocks,
             tally.short_calls);
  for (size_t i = 0; i < kEndReasons; ++i)
    fmt::print("{} {}\n", text(static_cast<EndReason>(i)), tally.ended[i]);
}

INSTANTIATE_TEST_SUITE_P(Blocks, Simulation, testing::Range<uint64_t>(0, kBlocks));

}  // namespace
}  // namespace weir::sim

// World: one seed's history from the first connection to the last, and everything that must hold.
#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "world/control.h"

namespace weir::sim {

// What one history came to, over all seeds to be added up: a simulation in which nothing goes wrong
// proves nothing.
struct Tally {
  std::vector<uint64_t> ended = std::vector<uint64_t>(kEndReasons);
  uint64_t sessions = 0, bytes = 0, spliced = 0, false_blocks = 0, short_calls = 0, turns = 0;
  void add(const Tally& other);
};

// Runs it; what was broken, one line each.
std::vector<std::string> run_seed(uint64_t seed, Tally& tally);

}  // namespace weir::sim

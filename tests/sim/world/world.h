// World: one seed's history from the first connection to the last, and all checks of it.
#pragma once

#include <string>
#include <vector>

#include "world/traffic.h"

namespace weir::sim {

// Runs the history. Returns its failures, one line each.
std::vector<std::string> run_seed(uint64_t seed, const Stack& stack, Tally& tally);

}  // namespace weir::sim

// Checks of the handshakes with clients, for any protocol after them.
#pragma once

#include <string>
#include <vector>

#include "world/traffic.h"

namespace weir::sim {

void judge_handshakes(const Evidence& evidence, std::vector<std::string>& failures, Tally& tally);

}  // namespace weir::sim

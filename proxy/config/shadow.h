// Whether a route can be reached after another route: pure functions of the configured values.
#pragma once

#include <string>
#include <string_view>

#include "config/http_model.h"

namespace weir::config {

// Every request that `second` matches, `first` matches. False if the two matches alone do not prove
// it: no warning is better than a wrong one.
bool covers(const Match& first, const Match& second);

// The reason that no request has this path after the listener's `paths` are applied; empty if a
// request may have it.
std::string never_seen(std::string_view path, const PathRules& paths);

}  // namespace weir::config

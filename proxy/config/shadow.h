// Whether a route can be reached behind another one: pure functions over what was written.
#pragma once

#include <string>
#include <string_view>

#include "config/http_model.h"

namespace weir::config {

// Every request that `second` matches, `first` matches. False where the two alone do not
// prove it: no warning is better than a wrong one.
bool covers(const Match& first, const Match& second);

// Why no request has this path once the listener's `paths` has been applied; empty when some may.
std::string never_seen(std::string_view path, const PathRules& paths);

}  // namespace weir::config

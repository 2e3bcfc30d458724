// Checks the values of an HTTP listener against each other: its routes, their actions and their
// order.
#pragma once

#include <string>

#include "config/findings.h"
#include "config/model.h"
#include "config/places.h"
#include "config/references.h"

namespace weir::config {

// `path`: the listener's, "listeners[0]".
void validate_routes(const Listener& listener, const std::string& path, const Places& places,
                     References& references, Findings& findings);

}  // namespace weir::config

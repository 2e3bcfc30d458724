// What the values of an HTTP listener mean together: its routes, what they do, in which order.
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

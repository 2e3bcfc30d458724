// Checks the keys of a health check against each other: a part of validate.h.
#pragma once

#include <string>

#include "config/findings.h"
#include "config/model.h"
#include "config/places.h"

namespace weir::config {

// `path`: of the health check, which `cluster` has.
void validate_check(const Cluster& cluster, const std::string& path, const Places& places,
                    Findings& findings);

}  // namespace weir::config

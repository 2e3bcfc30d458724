// Checks the keys of the admin server against each other and against those of the metrics.
#pragma once

#include <string_view>

#include "config/findings.h"
#include "config/model.h"
#include "config/places.h"

namespace weir::config {

// Whether the admin server answers this path itself, or a probe expects it to.
bool is_admin_path(std::string_view path);

void validate_admin(const Model&, const Places&, Findings&);

}  // namespace weir::config

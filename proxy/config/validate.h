// What the values mean together: names, references, addresses that clash, times that contradict
// each other. Looks at values only; opens nothing and calls no other component.
#pragma once

#include "config/findings.h"
#include "config/model.h"
#include "config/provenance.h"

namespace weir::config {

void validate(const Model&, const Provenance&, Findings&);

}  // namespace weir::config

// Checks values against each other: names, references, addresses that conflict, times that
// contradict each other. Uses values only; opens nothing and calls no other component.
#pragma once

#include "config/findings.h"
#include "config/model.h"
#include "config/provenance.h"

namespace weir::config {

void validate(const Model&, const Provenance&, Findings&);

}  // namespace weir::config

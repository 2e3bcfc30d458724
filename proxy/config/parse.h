// Nodes → Model, by the key table: kinds, unknown and missing keys, values, `defaults:`. Reading
// continues after a finding, so that one pass reports all problems; a value that cannot be read
// keeps its default.
#pragma once

#include <string>

#include "config/environment.h"
#include "config/model.h"
#include "config/provenance.h"
#include "config/reader.h"
#include "config/route_tests.h"

namespace weir::config {

struct Parsed {
  Model model;
  Provenance provenance;
};

Parsed parse(const Node& root, const Environment&, Findings&);

// A file for `weir test`; its values take no `defaults:`.
RouteTests parse_route_tests(const Node& root, const Environment&, Findings&);

// One text value with its variables replaced; nothing after a finding. For the keys of the file
// itself.
std::optional<std::string> parse_text(const Node&, const Environment&, Findings&);

}  // namespace weir::config

// The origins of the values of a loaded configuration, by path: "listeners[0].timeouts.idle",
// strings with their index: "listeners[0].bind[1]". A path without an entry has its default.
#pragma once

#include <map>
#include <string>

#include "config/findings.h"

namespace weir::config {

struct Origin {
  Place place;
  bool shared = false;      // from the `defaults:` block
  std::string environment;  // names of the variables in it, separated by blanks; empty for none
};

using Provenance = std::map<std::string, Origin, std::less<>>;

}  // namespace weir::config

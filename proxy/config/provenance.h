// Where the values of a loaded configuration come from, by path: "listeners[0].timeouts.idle",
// strings with their index: "listeners[0].bind[1]". A path that is not there has its default.
#pragma once

#include <map>
#include <string>

#include "config/findings.h"

namespace weir::config {

struct Origin {
  Place place;
  bool shared = false;      // from the `defaults:` block
  std::string environment;  // the variables it was made from, with blanks between; empty for none
};

using Provenance = std::map<std::string, Origin, std::less<>>;

}  // namespace weir::config

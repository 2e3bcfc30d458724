// Looks up the host names of a configuration. Blocks, so it runs on the loader's thread; at every
// load and reload, not in between.
#pragma once

#include <map>
#include <string>

#include "base/address.h"
#include "config/model.h"

namespace weir {

// By the text of the configuration ("db.internal:5432"): its first address. The error names the
// backend.
using ResolvedAddresses = std::map<std::string, Address>;
Result<ResolvedAddresses> resolve_backends(const config::Model& model);

}  // namespace weir

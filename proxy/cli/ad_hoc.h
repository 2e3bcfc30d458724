// The configuration that is equivalent to the flags of `weir proxy`. A pure function.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/verbs.h"

namespace weir::cli {

// The text of a configuration file. An error names the flag and the correction.
Result<std::string> ad_hoc_config(const ProxyOptions&);

}  // namespace weir::cli

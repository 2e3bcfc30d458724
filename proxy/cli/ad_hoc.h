// The configuration that `weir proxy` stands for. A pure function of its flags.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/verbs.h"

namespace weir::cli {

// As the text of a file; the error names the flag and what to write.
Result<std::string> ad_hoc_config(const ProxyOptions&);

}  // namespace weir::cli

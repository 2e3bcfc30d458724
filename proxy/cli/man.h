// The manual page, printed from the declared command line. A pure function.
#pragma once

#include <string>

#include "cli/description.h"

namespace weir::cli {

// roff with the man macros; `version` stands in the footer.
std::string man_page(const CommandDescription& program, const std::string& version);

}  // namespace weir::cli

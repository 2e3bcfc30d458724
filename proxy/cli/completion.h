// Completion scripts for shells, printed from the declared command line. Pure functions.
#pragma once

#include <string>

#include "cli/description.h"

namespace weir::cli {

std::string bash_completion(const CommandDescription& program);
std::string zsh_completion(const CommandDescription& program);
std::string fish_completion(const CommandDescription& program);

}  // namespace weir::cli

// Loads the configuration of a verb that needs no running weir: a file, or standard input for "-".
#pragma once

#include <string>

#include "config/load.h"

namespace weir::cli {

// A configuration from standard input cannot include files; its relative paths start at the working
// directory.
config::Loaded load_given(const std::string& path);
// The name in messages: the path, or "stdin".
std::string name_of(const std::string& path);

}  // namespace weir::cli

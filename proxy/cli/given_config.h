// The configuration that a verb was given: a file, or standard input for "-". For verbs that need
// no running weir.
#pragma once

#include <string>

#include "config/load.h"

namespace weir::cli {

// Reads all of standard input; it includes no files, and paths in it count from the working
// directory.
config::Loaded load_given(const std::string& path);
// What it is called in messages: the path, or "stdin".
std::string name_of(const std::string& path);

}  // namespace weir::cli

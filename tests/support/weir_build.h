// The build of weir that a test drives: the test's own build, or the one whose folder WEIR_BUILD
// names. So the programs that drive weir are built once, for the weir of every preset.
#pragma once

#include <string>

namespace weir {

const std::string& weir_binary();

// A module of tests/ that weir can preload, such as "fake_names".
std::string weir_module(const std::string& name);

// Whether a sanitizer makes that weir slow and large.
bool weir_is_sanitized();

}  // namespace weir

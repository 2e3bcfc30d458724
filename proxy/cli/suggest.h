// Suggestions for mistyped commands and options. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/description.h"

namespace weir::cli {

// A message about the first unknown command or option of `arguments` (without the program's name),
// with a suggestion. The parser reports all other errors.
std::optional<std::string> unknown_word(const CommandDescription& program,
                                        std::span<const std::string_view> arguments);

}  // namespace weir::cli

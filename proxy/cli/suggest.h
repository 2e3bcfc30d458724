// What a mistyped word was meant to be. Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/description.h"

namespace weir::cli {

// The first unknown command or option of `arguments` (without the program's name), as a message
// with what was probably meant. Whatever else is wrong with them is left to the parser.
std::optional<std::string> unknown_word(const CommandDescription& program,
                                        std::span<const std::string_view> arguments);

}  // namespace weir::cli

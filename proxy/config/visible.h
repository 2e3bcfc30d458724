// Text of a user in a message: an invisible character is written as its number, <U+00A0>. Such
// characters come from web pages and word processors, and look like a blank or are not visible at
// all.
#pragma once

#include <string>
#include <string_view>

namespace weir::config {

// Control characters but a line's end, and blanks and marks of Unicode that are invisible.
std::string visible(std::string_view text);
bool has_invisible(std::string_view text);

}  // namespace weir::config

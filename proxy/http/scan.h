// Finds the end of field text (HTAB, SP, visible ASCII, obs-text) in many bytes at a time. The end
// of a line and every byte forbidden in it is the first byte that is not field text, so one scan
// finds both. Pure functions, any thread; they read no byte outside of `text`.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir {

// The index of the first byte at or after `from` that is not field text (HTAB, SP, visible ASCII,
// obs-text); text.size() if there is none. from <= text.size().
size_t find_not_field_text(std::string_view text, size_t from);
size_t find_not_field_text_scalar(std::string_view text, size_t from);

// The same for what a request-target may hold: visible ASCII without '#'.
size_t find_not_target_text(std::string_view text, size_t from);
size_t find_not_target_text_scalar(std::string_view text, size_t from);

// The index of the first colon, text.size() if there is none. Names are short.
size_t find_colon(std::string_view text);

}  // namespace weir

// Finds the end of field text (HTAB, SP, visible ASCII, obs-text) in many bytes at a time. The end
// of a line and every byte forbidden in it is the first byte that is not field text, so one scan
// finds both. Pure functions, any thread; they read no byte outside of `text`.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir {

// The index of the first byte at or after `from` that is not field text; text.size() if there is
// none. from <= text.size(). SSE2 where there is x86-64, which is its baseline: no flag, no
// dispatch.
size_t find_not_field_text(std::string_view text, size_t from);

// The same, a byte at a time: what other machines use, and what the tests compare with.
size_t find_not_field_text_scalar(std::string_view text, size_t from);

}  // namespace weir

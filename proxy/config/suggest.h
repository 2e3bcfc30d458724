// "did you mean": the nearest of the words that exist.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace weir::config {

// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other;
// counted up to `limit`, which is also the result for a larger distance.
size_t edit_distance(std::string_view a, std::string_view b, size_t limit);

// The candidate at most two edits away (one for short words), or empty.
std::string nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace weir::config

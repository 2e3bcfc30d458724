#include "config/visible.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace weir::config {
namespace {

struct Range {
  uint32_t first, last;
};
constexpr Range kInvisible[] = {
    {0x00, 0x09},     {0x0b, 0x1f},     {0x7f, 0xa0},     {0xad, 0xad},
    {0x61c, 0x61c},   {0x115f, 0x1160}, {0x1680, 0x1680}, {0x180e, 0x180e},
    {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x2064}, {0x2066, 0x206f},
    {0x3000, 0x3000}, {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
};

bool is_invisible(uint32_t character) {
  return std::any_of(std::begin(kInvisible), std::end(kInvisible), [character](const Range& range) {
    return character >= range.first && character <= range.last;
  });
}

// Removes the first character of the text and returns it; a byte that is not UTF-8 is U+FFFD.
uint32_t next_character(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  uint32_t character = size == 1 ? first : first & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) {
    const bool continued = i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
    if (!continued || first < 0xc2) return text.remove_prefix(1), 0xfffd;
    character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  }
  text.remove_prefix(size);
  return character;
}

}  // namespace

std::string visible(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::string_view before = text;
    const uint32_t character = next_character(text);
    if (is_invisible(character))
      result += fmt::format("<U+{:04X}>", character);
    else
      result += before.substr(0, before.size() - text.size());
  }
  return result;
}

bool has_invisible(std::string_view text) {
  while (!text.empty())
    if (is_invisible(next_character(text))) return true;
  return false;
}

}  // namespace weir::config

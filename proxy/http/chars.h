// Character classes of RFC 9110 and 9112, as one table look-up each. Pure functions, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/ascii.h"

namespace weir {

enum CharClass : uint8_t {
  kToken = 1,  // tchar: methods, field names, list members
  kFieldText =
      2,  // HTAB, SP, visible ASCII, obs-text: what a field value and a chunk extension may hold
  kTargetText = 4,  // visible ASCII without '#': a request-target carries no fragment
  kHostText = 8,    // unreserved, sub-delims and '%': a registered name
  kHex = 16,
  kDigit = 32,
  kNameText = 64,     // letters, digits and '-': field names that no other name looks like
  kLowerToken = 128,  // tchar without upper case: field names of HTTP/2 (RFC 9113 8.2.1)
};

namespace detail {
constexpr std::array<uint8_t, 256> make_char_classes() {
  std::array<uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    bool digit = is_digit(char(c));
    bool alpha = is_letter(char(c));
    bool visible = is_visible(char(c));
    auto among = [c](std::string_view set) {
      return c != 0 && set.find(char(c)) != std::string_view::npos;
    };
    unsigned bits = 0;
    if (digit || alpha || among("!#$%&'*+-.^_`|~")) bits |= kToken;
    if (visible || c == ' ' || c == '\t' || c >= 0x80) bits |= kFieldText;
    if (visible && c != '#') bits |= kTargetText;
    if (digit || alpha || among("-._~!$&'()*+,;=%")) bits |= kHostText;
    if (hex_value(char(c)) >= 0) bits |= kHex;
    if (digit) bits |= kDigit;
    if (digit || alpha || c == '-') bits |= kNameText;
    if ((bits & kToken) != 0 && ascii_lower(char(c)) == char(c)) bits |= kLowerToken;
    table[c] = uint8_t(bits);
  }
  return table;
}
inline constexpr std::array<uint8_t, 256> kCharClasses = make_char_classes();
}  // namespace detail

constexpr bool is(CharClass wanted, char c) {
  return (detail::kCharClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}

// True for a non-empty text made of one class only.
constexpr bool all(CharClass wanted, std::string_view text) {
  for (char c : text) {
    if (!is(wanted, c)) return false;
  }
  return !text.empty();
}

// Without optional whitespace (SP, HTAB) around it.
constexpr std::string_view trim_ows(std::string_view text) {
  auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes the next member off a comma separated list, trimmed; it may be empty. False at the end.
constexpr bool next_member(std::string_view& rest, std::string_view& member) {
  if (rest.data() == nullptr) return false;
  size_t comma = rest.find(',');
  member = trim_ows(rest.substr(0, comma));
  rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  return true;
}

}  // namespace weir

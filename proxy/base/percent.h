// Percent-encodings in one spelling (RFC 3986 6.2.2.1 and 6.2.2.2): unreserved bytes are not
// encoded, hexadecimal digits are upper case. Requests and the configuration use the same
// functions, so that equivalent paths compare equal. Pure functions, any thread; only spelled()
// allocates.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/ascii.h"

namespace weir {

// The first byte of `text`, which must not be empty, and how many characters encode it: 3 for an
// encoding, 1 for a character that is not encoded, such as a '%' without two digits after it.
struct EncodedByte {
  unsigned char byte;
  size_t size;
};
constexpr EncodedByte first_byte(std::string_view text) {
  if (text[0] == '%' && text.size() > 2) {
    const int high = hex_value(text[1]), low = hex_value(text[2]);
    if (high >= 0 && low >= 0) return {static_cast<unsigned char>(high * 16 + low), 3};
  }
  return {static_cast<unsigned char>(text[0]), 1};
}

// Whether every '%' in `text` begins an encoded byte.
bool is_encoded(std::string_view text);

// Removes the first byte of form-encoded text; '+' is a blank.
constexpr char take_decoded(std::string_view& text) {
  const EncodedByte next = first_byte(text);
  text.remove_prefix(next.size);
  return next.size == 1 && next.byte == '+' ? ' ' : static_cast<char>(next.byte);
}

// RFC 3986 2.3: a byte that means the same encoded and not encoded.
constexpr bool is_unreserved(unsigned char c) {
  return is_alphanumeric(static_cast<char>(c)) || c == '-' || c == '.' || c == '_' || c == '~';
}

// Writes `text` in the one spelling to `out`, which may be where `text` is. Returns the size, which
// is at most that of `text`.
size_t write_spelled(std::string_view text, char* out);

std::string spelled(std::string_view text);

// Whether `sent` equals `spelling`, which is in the one spelling, when the case of the hexadecimal
// digits of encodings is ignored. An unreserved byte that is encoded in `sent` is a difference.
bool is_spelled_as(std::string_view sent, std::string_view spelling);

}  // namespace weir

// Percent-encodings of RFC 3986 in one spelling (6.2.2.1 and 6.2.2.2): what need not be encoded is
// decoded, hexadecimal digits are upper case. The configuration and requests use the same function,
// so that equivalent paths compare equal. Pure functions, no allocation, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir {

// Of a hexadecimal digit in either case; -1 for any other byte.
constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte that `text` begins with, and how many characters encode it: 3, or 1 for a byte as it is.
struct EncodedByte {
  unsigned char byte;
  size_t size;
};
constexpr EncodedByte first_byte(std::string_view text) {
  if (text[0] == '%' && text.size() > 2) {
    const int high = hex_digit(text[1]), low = hex_digit(text[2]);
    if (high >= 0 && low >= 0) return {static_cast<unsigned char>(high * 16 + low), 3};
  }
  return {static_cast<unsigned char>(text[0]), 1};
}

// RFC 3986 2.3: bytes that mean the same whether they are encoded or not.
constexpr bool is_unreserved(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// Writes `text` in the one spelling; returns its size, which is at most that of `text`.
size_t write_spelled(std::string_view text, char* out);

std::string spelled(std::string_view text);

// `sent` is `spelling`, which is in the one spelling, but for the case of hexadecimal digits.
bool is_spelled_as(std::string_view sent, std::string_view spelling);

}  // namespace weir

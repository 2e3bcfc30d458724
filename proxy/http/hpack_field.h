// A field as HPACK carries it: name and value, and what weir has found out about them, so that a
// field of a table is neither hashed nor checked again. Pure functions, any thread, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "http/chars.h"
#include "http/header_names.h"
#include "http/scan.h"

namespace weir {

// RFC 9113 8.3; `protocol` is RFC 8441 4.
enum class PseudoField : uint8_t { none, authority, method, path, scheme, status, protocol };

inline constexpr std::array<std::string_view, 7> kPseudoNames = {
    "", ":authority", ":method", ":path", ":scheme", ":status", ":protocol"};

constexpr std::string_view pseudo_name(PseudoField field) {
  return kPseudoNames[size_t(field)];
}
// `none` for a name that is no pseudo-field, and for a name with a colon that weir does not know.
constexpr PseudoField pseudo_field(std::string_view name) {
  for (size_t i = 1; i < kPseudoNames.size(); ++i) {
    if (kPseudoNames[i] == name) return PseudoField(i);
  }
  return PseudoField::none;
}

struct HpackField {
  std::string_view name, value;
  FieldId id = FieldId::other;
  PseudoField pseudo = PseudoField::none;
  bool name_valid = false;     // a known pseudo-field, or valid_field_name()
  bool value_valid = false;    // valid_field_value()
  bool never_indexed = false;  // it must be forwarded as a literal never indexed (RFC 7541 6.2.3)
};

// RFC 9113 8.2.1: a token without upper case.
constexpr bool valid_field_name(std::string_view name) {
  return all(kLowerToken, name);
}
// RFC 9113 8.2.1 and RFC 9110 5.5: field text that neither begins nor ends with SP or HTAB. Empty
// values are valid.
inline bool valid_field_value(std::string_view value) {
  auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (!value.empty() && (blank(value.front()) || blank(value.back()))) return false;
  return find_not_field_text(value, 0) == value.size();
}

}  // namespace weir

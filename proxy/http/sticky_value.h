// StickyValue: the value of a sticky cookie, read and written: base64url (RFC 4648 5) of version 1,
// the key's id, the time of issue in four bytes, the tag in sixteen. Pure functions, without
// allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir {

using StickyTag = std::array<uint8_t, 16>;

struct StickyValue {
  uint8_t key = 0;
  uint32_t issued = 0;  // seconds since 1970
  StickyTag tag{};
  friend bool operator==(const StickyValue&, const StickyValue&) = default;
};

inline constexpr size_t kStickySize = 30;
using StickyText = std::array<char, kStickySize>;

// None: the text is no such value. No two texts are the same value.
std::optional<StickyValue> parse_sticky(std::string_view text);
StickyText sticky_text(const StickyValue& value);

}  // namespace weir

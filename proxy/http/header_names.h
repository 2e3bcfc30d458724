// Field names as numbers: FieldId, the flags of each, and the look-up by length and hash. The rows
// are in http/header_names.def. Pure functions over constant tables, any thread, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "http/chars.h"

namespace weir {

enum class FieldId : uint8_t {
  other,  // any name that is not in http/header_names.def
#define FIELD(id, name, flags) id,
#include "http/header_names.def"
#undef FIELD
};

enum FieldFlag : uint8_t {
  kHopByHop = 1,   // for one connection: not relayed, whether or not Connection names it
  kWritten = 2,    // only weir writes it, from a plan: not relayed, not for `set` and `add`
  kProtected = 4,  // a Connection field that names it does not remove it
  kNoTrailer = 8,  // not relayed in trailers
  kClaim = 16,     // a hop's statement about its client: not relayed from an untrusted peer
};

namespace detail {

struct KnownField {
  std::string_view name;
  unsigned flags;
};
inline constexpr auto kKnownFields = std::to_array<KnownField>({
    {"", 0},
#define FIELD(id, name, flags) {name, (flags)},
#include "http/header_names.def"
#undef FIELD
});
static_assert(kKnownFields.size() <= 64, "MessageHead keeps a bit for each");

// Letters differ in one bit from their other case. That bit is set in '-' and in digits already.
constexpr unsigned name_hash(std::string_view name) {
  auto at = [name](size_t i) { return unsigned(static_cast<unsigned char>(name[i])) | 0x20u; };
  const size_t size = name.size();
  return (unsigned(size) * 7 + at(0) * 29 + at(size / 2) * 3 + at(size - 1) * 53) & 0xff;
}

// Open addressing: a new row never needs a new hash.
inline constexpr std::array<uint8_t, 256> kNameSlots = [] {
  std::array<uint8_t, 256> slots{};
  for (size_t id = 1; id < kKnownFields.size(); ++id) {
    unsigned slot = name_hash(kKnownFields[id].name);
    while (slots[slot] != 0) slot = (slot + 1) & 0xff;
    slots[slot] = uint8_t(id);
  }
  return slots;
}();

template <class Word>
inline bool same_word(const char* name, const char* known) {
  Word a, b, bit;
  std::memcpy(&a, name, sizeof a);
  std::memcpy(&b, known, sizeof b);
  std::memset(&bit, 0x20, sizeof bit);
  return (a | bit) == b;
}

// Whether `name`, which has the length of `known`, is `known` in any case. Setting the bit maps no
// byte of field text but a letter, '-' or digit on a letter, '-' or digit, so there are no others.
inline bool same_name(std::string_view name, std::string_view known) {
  const size_t size = name.size();
  if (size >= 8) {
    for (size_t i = 0; i + 8 < size; i += 8) {
      if (!same_word<uint64_t>(name.data() + i, known.data() + i)) return false;
    }
    return same_word<uint64_t>(name.data() + size - 8, known.data() + size - 8);
  }
  if (size >= 4)
    return same_word<uint32_t>(name.data(), known.data()) &&
           same_word<uint32_t>(name.data() + size - 4, known.data() + size - 4);
  return iequals(name, known);
}

}  // namespace detail

// The number of a name in any case; `name` is field text.
inline FieldId field_id(std::string_view name) {
  if (name.empty()) return FieldId::other;
  for (unsigned slot = detail::name_hash(name); detail::kNameSlots[slot] != 0;
       slot = (slot + 1) & 0xff) {
    const uint8_t id = detail::kNameSlots[slot];
    const std::string_view known = detail::kKnownFields[id].name;
    if (known.size() == name.size() && detail::same_name(name, known)) return FieldId(id);
  }
  return FieldId::other;
}

constexpr std::string_view known_name(FieldId id) {  // empty for `other`
  return detail::kKnownFields[size_t(id)].name;
}
constexpr bool has_flag(FieldId id, FieldFlag flag) {
  return (detail::kKnownFields[size_t(id)].flags & flag) != 0;
}

// Whether servers that turn names into variables (CGI, WSGI, FastCGI, Rack) may confuse `a` with
// `b`: they ignore case and every byte that is neither a letter nor a digit. A name looks like
// itself.
bool looks_alike(std::string_view a, std::string_view b);
// The known name that `name` looks like without being it; `other`: none.
FieldId alias_of(std::string_view name);
inline bool is_alias(std::string_view name) {
  return alias_of(name) != FieldId::other;
}

// Whether `name` looks like X-Forwarded-*, with any end: such fields are about the client.
bool is_forwarding_claim(std::string_view name);

// Whether a configuration may set, add or remove this field: the name is a token, is not written by
// weir itself, and does not look like another known name.
bool is_configurable(std::string_view name);

}  // namespace weir

#include "config/field_names.h"

#include <algorithm>

#include "base/ascii.h"

namespace weir::config {
namespace {

enum Flag : unsigned {
  kHopByHop = 1,
  kWritten = 2,
  kProtected = 4,
  kNoTrailer = 8,
  kClaim = 16,
};
struct Known {
  std::string_view name;
  unsigned flags;
};
constexpr Known kKnown[] = {
#define FIELD(id, name, flags) {name, (flags)},
#include "http/header_names.def"
#undef FIELD
};

// As a variable's name has it.
char folded(char c) {
  const char small = ascii_lower(c);
  return (small >= 'a' && small <= 'z') || (small >= '0' && small <= '9') ? small : '-';
}

const Known* find(std::string_view name, char (*as)(char)) {
  for (const Known& known : kKnown)
    if (std::equal(name.begin(), name.end(), known.name.begin(), known.name.end(),
                   [as](char a, char b) { return as(a) == b; }))
      return &known;
  return nullptr;
}

bool has(std::string_view name, Flag flag) {
  const Known* known = find(name, ascii_lower);
  return known != nullptr && (known->flags & flag) != 0;
}

}  // namespace

bool is_written_by_weir(std::string_view name) {
  return has(name, kWritten);
}

bool is_about_client(std::string_view name) {
  return has(name, kClaim);
}

std::string_view misspelled_field(std::string_view name) {
  const Known* known = find(name, folded);
  return known == nullptr || find(name, ascii_lower) != nullptr ? std::string_view() : known->name;
}

}  // namespace weir::config

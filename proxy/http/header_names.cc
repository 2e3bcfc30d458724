#include "http/header_names.h"

#include <algorithm>

namespace weir {
namespace {

constexpr char as_variable(char c) {
  return is_alphanumeric(c) ? ascii_lower(c) : '-';
}

constexpr size_t kLongestName = [] {
  size_t longest = 0;
  for (const auto& known : detail::kKnownFields) longest = std::max(longest, known.name.size());
  return longest;
}();

}  // namespace

bool looks_alike(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return as_variable(x) == as_variable(y); });
}

FieldId alias_of(std::string_view name) {
  if (name.size() > kLongestName) return FieldId::other;
  char hyphened[kLongestName];
  bool differs = false;
  for (size_t i = 0; i < name.size(); ++i) {
    hyphened[i] = as_variable(name[i]);
    differs |= hyphened[i] == '-' && name[i] != '-';
  }
  return differs ? field_id({hyphened, name.size()}) : FieldId::other;
}

bool is_forwarding_claim(std::string_view name) {
  constexpr std::string_view kPrefix = "x-forwarded-";
  return name.size() > kPrefix.size() && looks_alike(kPrefix, name.substr(0, kPrefix.size()));
}

bool is_configurable(std::string_view name) {
  return all(kToken, name) && !is_alias(name) && !has_flag(field_id(name), kWritten);
}

}  // namespace weir

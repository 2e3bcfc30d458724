#include "http/cookies.h"

#include <algorithm>

namespace weir {

bool next_cookie(std::string_view& rest, std::string_view& text, Cookie& cookie) {
  if (rest.empty()) return false;
  text = rest.substr(0, rest.find(';'));
  rest.remove_prefix(std::min(text.size() + 1, rest.size()));
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    cookie = {{}, trim_ows(text)};  // RFC 6265bis 5.6: a value without a name
  } else {
    cookie = {trim_ows(text.substr(0, equals)), trim_ows(text.substr(equals + 1))};
  }
  return true;
}

std::string_view find_cookie(const MessageHead& head, std::string_view name) {
  if (!head.has(FieldId::cookie)) return {};
  for (size_t i = 0; i < head.field_count(); ++i) {
    if (head.field_id(i) != FieldId::cookie) continue;
    std::string_view rest = head.field_value(i), text;
    for (Cookie cookie; next_cookie(rest, text, cookie);)
      if (cookie.name == name) return cookie.value;
  }
  return {};
}

}  // namespace weir

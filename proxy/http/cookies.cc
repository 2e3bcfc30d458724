#include "http/cookies.h"

#include <algorithm>

namespace weir {

bool next_cookie(std::string_view& rest, Cookie& cookie) {
  if (rest.empty()) return false;
  const std::string_view part = rest.substr(0, rest.find(';'));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  cookie = {{}, {}, trim_ows(part)};
  const size_t equals = cookie.text.find('=');
  if (equals == std::string_view::npos) {
    cookie.value = cookie.text;  // RFC 6265bis 5.6: a value without a name
  } else {
    cookie.name = trim_ows(cookie.text.substr(0, equals));
    cookie.value = trim_ows(cookie.text.substr(equals + 1));
  }
  return true;
}

std::string_view find_cookie(const MessageHead& head, std::string_view name) {
  std::string_view found;
  find_cookies(head, name, [&](std::string_view value) {
    found = value;
    return true;
  });
  return found;
}

std::string_view without_cookie(const MessageHead& head, std::string_view name,
                                TextMemory& memory) {
  memory.begin();
  bool first = true;
  each_cookie(head, [&](const Cookie& cookie) {
    if (cookie.name == name || cookie.text.empty()) return false;
    if (!std::exchange(first, false)) memory.add("; ");
    memory.add(cookie.text);
    return false;
  });
  return memory.end();
}

}  // namespace weir

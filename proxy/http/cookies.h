// Cookies of a request: the pairs of its Cookie fields, of which HTTP/2 may have one for each pair
// (RFC 6265 4.2.1, RFC 9113 8.2.3). Pure functions over views of the head, without allocation.
#pragma once

#include <string_view>

#include "http/forwarding.h"
#include "http/message.h"

namespace weir {

// As received: a quoted value keeps its quotes. Without '=' the text is the value, as in browsers.
struct Cookie {
  std::string_view name, value;
  std::string_view text;  // the whole pair
};

// Takes the next pair off the value of a Cookie field, whatever stands between two ';'. False:
// `rest` is empty.
bool next_cookie(std::string_view& rest, Cookie& cookie);

// Calls `use(cookie)` for each pair, until it returns true.
template <typename Use>
void each_cookie(const MessageHead& head, Use use) {
  if (!head.has(FieldId::cookie)) return;
  for (size_t i = 0; i < head.field_count(); ++i) {
    if (head.field_id(i) != FieldId::cookie) continue;
    std::string_view rest = head.field_value(i);
    for (Cookie cookie; next_cookie(rest, cookie);)
      if (use(cookie)) return;
  }
}

// The same for the values of the cookies of that name, which is case-sensitive.
template <typename Use>
void find_cookies(const MessageHead& head, std::string_view name, Use use) {
  each_cookie(head, [&](const Cookie& cookie) { return cookie.name == name && use(cookie.value); });
}

// The value of the first one; the null view when there is none.
std::string_view find_cookie(const MessageHead& head, std::string_view name);

// The value of one Cookie field with all other cookies of the head; empty: there are none. The null
// view: it does not fit into `memory`.
std::string_view without_cookie(const MessageHead& head, std::string_view name, TextMemory& memory);

}  // namespace weir

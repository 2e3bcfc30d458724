// Cookies of a request: the pairs of its Cookie fields, of which HTTP/2 may have one for each pair
// (RFC 6265 4.2.1, RFC 9113 8.2.3). Pure functions over views of the head, without allocation.
#pragma once

#include <string_view>

#include "http/message.h"

namespace weir {

// As received: a quoted value keeps its quotes. Without '=' the text is the value, as in browsers.
struct Cookie {
  std::string_view name, value;
};

// Takes the next pair off the value of a Cookie field, whatever it is: `text` is the pair with the
// blanks around it, between two ';'. False: `rest` is empty.
bool next_cookie(std::string_view& rest, std::string_view& text, Cookie& cookie);

// The value of the first cookie of that name, which is case-sensitive; the null view when there is
// none.
std::string_view find_cookie(const MessageHead& head, std::string_view name);

}  // namespace weir

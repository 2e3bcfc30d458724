// The fields of trailers as lines "name: value CRLF": how they are kept between the two sides of an
// exchange. Pure, any thread, no allocation.
#pragma once

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "http/chars.h"

namespace weir {

// Takes the first line off `lines`. False: there is none.
inline bool next_field_line(std::string_view& lines, std::string_view& name,
                            std::string_view& value) {
  if (lines.empty()) return false;
  const std::string_view line = lines.substr(0, lines.find("\r\n"));
  lines.remove_prefix(std::min(lines.size(), line.size() + 2));
  const size_t colon = line.find(':');
  DCHECK(colon != std::string_view::npos);
  name = line.substr(0, colon);
  value = trim_ows(line.substr(colon + 1));
  return true;
}

}  // namespace weir

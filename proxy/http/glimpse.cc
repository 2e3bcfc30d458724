#include "http/glimpse.h"

#include <algorithm>

#include "http/chars.h"
#include "http/h1_parser.h"

namespace weir {
namespace {

// Takes a line off the bytes, without its end; the last one may be without.
std::string_view next_line(std::string_view& rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view before_blank_or_control(std::string_view text) {
  const auto ends = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; };
  const auto end = std::find_if(text.begin(), text.end(), ends);
  return text.substr(0, std::min<size_t>(static_cast<size_t>(end - text.begin()), kMostGlimpsed));
}

std::string_view host_in(std::string_view fields) {
  constexpr std::string_view kName = "host:";
  while (!fields.empty()) {
    const std::string_view line = next_line(fields);
    if (line.empty()) break;
    if (iequals(line.substr(0, kName.size()), kName))
      return before_blank_or_control(trim_ows(line.substr(kName.size())));
  }
  return {};
}

}  // namespace

HeadGlimpse glimpse(std::string_view bytes) {
  HeadGlimpse seen;
  if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);  // the parser skips it, too
  const std::string_view line = next_line(bytes);
  const size_t blank = std::min(line.find(' '), line.size());
  const std::string_view method = line.substr(0, blank);
  if (!all(kToken, method) || method.size() > 2 * kMaxMethodSize) return seen;
  seen.method = method;
  seen.target = before_blank_or_control(line.substr(std::min(blank + 1, line.size())));
  seen.host = host_in(bytes);
  return seen;
}

}  // namespace weir

#include <charconv>

#include "base/percent.h"
#include "http/scan.h"
#include "http/semantics.h"

namespace weir {
namespace {

constexpr uint32_t kMaxPort = 65535;

bool valid_port(
    std::string_view text) {  // "host:" is allowed by RFC 3986 and means the default port
  if (text.empty()) return true;
  uint32_t port = 0;
  return all(kDigit, text) && text.size() <= 5 &&
         std::from_chars(text.data(), text.data() + text.size(), port).ec == std::errc() &&
         port <= kMaxPort;
}

bool valid_ip_literal(std::string_view text) {  // the text between '[' and ']'
  for (char c : text) {
    if (!is(kHex, c) && c != ':' && c != '.') return false;
  }
  return text.find(':') != std::string_view::npos;
}

// The authority of an absolute-form target, or the null view when the scheme is neither http nor
// https.
std::string_view after_scheme(std::string_view target) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (iequals(target.substr(0, scheme.size()), scheme)) return target.substr(scheme.size());
  }
  return {};
}

}  // namespace

bool valid_authority(std::string_view text) {
  if (text.empty()) return false;
  if (text.front() == '[') {
    size_t end = text.find(']');
    if (end == std::string_view::npos || !valid_ip_literal(text.substr(1, end - 1))) return false;
    std::string_view rest = text.substr(end + 1);
    return rest.empty() || (rest.front() == ':' && valid_port(rest.substr(1)));
  }
  size_t colon = text.find(':');
  std::string_view host = text.substr(0, colon);
  if (!all(kHostText, host) || !is_encoded(host)) return false;
  return colon == std::string_view::npos || valid_port(text.substr(colon + 1));
}

// Removes the dot of the DNS root: "a.test." is "a.test" (RFC 3986 3.2.2).
std::string_view rootless(std::string_view host) {
  if (host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
  return host;
}

Authority split_authority(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.ends_with(']')) return {rootless(authority)};
  Authority parts{rootless(authority.substr(0, colon))};
  std::from_chars(authority.data() + colon + 1, authority.data() + authority.size(), parts.port);
  return parts;
}

Fault parse_target(RequestHead& head) {
  std::string_view target = head.target();
  const bool connect = head.method() == "CONNECT" && head.protocol().empty();
  if (target.empty() || find_not_target_text(target, 0) != target.size())
    return {400, "the request-target has a byte that is not allowed"};
  if (connect) {
    head.form_ = TargetForm::authority;
    head.authority_ = head.target_;
    size_t colon = target.rfind(':');
    if (!valid_authority(target) || colon == std::string_view::npos || colon + 1 == target.size() ||
        target.back() == ']')
      return {400, "CONNECT needs host:port as its request-target"};
    return {};
  }
  if (target == "*") {
    head.form_ = TargetForm::asterisk;
    return head.method() == "OPTIONS" ? Fault{}
                                      : Fault{400, "the request-target * is for OPTIONS only"};
  }
  std::string_view rest = target;
  if (target.front() != '/') {
    rest = after_scheme(target);
    if (rest.data() == nullptr)
      return {400, "the request-target is neither a path nor an http or https URI"};
    head.form_ = TargetForm::absolute;
    std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    if (!valid_authority(authority)) return {400, "the request-target has no valid host"};
    head.authority_ = head.slice_of(authority);
    rest.remove_prefix(authority.size());
  }
  size_t mark = rest.find('?');
  head.path_ = head.slice_of(rest.substr(0, mark));
  head.has_query_ = mark != std::string_view::npos;
  if (head.has_query_) head.query_ = head.slice_of(rest.substr(mark + 1));
  return {};
}

}  // namespace weir

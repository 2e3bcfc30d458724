#include "routing/rewrite.h"

#include <charconv>
#include <cstring>

#include "base/check.h"
#include "http/patterns.h"

namespace weir {
namespace {

// Concatenates texts in memory of a fixed size.
class Text {
 public:
  explicit Text(std::span<char> memory) : memory_(memory) {}

  Text& add(std::string_view text) {
    fits_ = fits_ && text.size() <= memory_.size() - used_;
    if (!fits_) return *this;
    if (!text.empty()) std::memcpy(memory_.data() + used_, text.data(), text.size());
    used_ += text.size();
    return *this;
  }
  Text& add_number(uint16_t number) {
    char digits[5];
    const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
    return add({digits, static_cast<size_t>(end - digits)});
  }
  Text& add_query(std::string_view query) { return query.empty() ? *this : add("?").add(query); }
  std::string_view result() const {
    return fits_ ? std::string_view(memory_.data(), used_) : std::string_view();
  }

 private:
  std::span<char> memory_;
  size_t used_ = 0;
  bool fits_ = true;
};

// The rest is unchanged: "//x" is a path in a request (RFC 9112 3.2.1) and after a host.
void add_replaced(Text& text, std::string_view path, std::string_view prefix,
                  std::string_view replacement) {
  if (!begins_with(path, prefix)) {
    text.add(path);
    return;
  }
  const std::string_view rest = path.substr(prefix.size());
  text.add(replacement).add(rest);
  if (replacement.empty() && rest.empty()) text.add("/");
}

uint16_t implied_port(std::string_view scheme) {
  return scheme == "https" ? 443 : 80;
}

}  // namespace

RouteRewrite::RouteRewrite(const config::Rewrite& rewrite, const RouteMatch& match)
    : prefix(without_last_slashes(rewrite.strip_prefix)),
      replacement(without_last_slashes(rewrite.replace_prefix)),
      host(rewrite.host),
      changes_path(!rewrite.strip_prefix.empty() || !rewrite.replace_prefix.empty()) {
  if (rewrite.strip_prefix.empty() && match.path_kind == RouteMatch::Path::prefix)
    prefix = match.path;
}

std::string_view rewritten_target(const RouteRewrite& rewrite, std::string_view path,
                                  std::string_view query, std::span<char> memory) {
  Text text(memory);
  if (rewrite.changes_path)
    add_replaced(text, path, rewrite.prefix, rewrite.replacement);
  else
    text.add(path);
  return text.add_query(query).result();
}

RouteRedirect::RouteRedirect(const config::Redirect& redirect, const RouteMatch& match)
    : host(redirect.host),
      port(static_cast<uint16_t>(redirect.port)),
      status(static_cast<uint16_t>(redirect.status)) {
  if (redirect.scheme)
    scheme = *redirect.scheme == config::Redirect::Scheme::https ? "https" : "http";
  if (!redirect.path.empty()) {
    path_kind = Path::replace;
    path = redirect.path;
  } else if (!redirect.prefix.empty()) {
    path_kind = Path::prefix;
    path = without_last_slashes(redirect.prefix);
    prefix = match.path;
  }
}

bool leads_to_itself(const RouteRedirect& redirect, const RouteQuery& request) {
  const std::string_view scheme = redirect.scheme.empty() ? request.scheme : redirect.scheme;
  if (scheme != request.scheme) return false;
  if (!redirect.host.empty() && redirect.host != request.host) return false;
  const uint16_t implied = implied_port(scheme);
  const auto or_implied = [implied](uint16_t port) { return port != 0 ? port : implied; };
  const uint16_t kept = redirect.host.empty() ? request.port : uint16_t{0};
  if (or_implied(redirect.port != 0 ? redirect.port : kept) != or_implied(request.port))
    return false;
  switch (redirect.path_kind) {
    case RouteRedirect::Path::keep: return true;
    case RouteRedirect::Path::replace: return redirect.path == request.path;
    case RouteRedirect::Path::prefix: return redirect.path == redirect.prefix;
  }
  CHECK_UNREACHABLE();
}

std::string_view redirect_location(const RouteRedirect& redirect, const RequestAddress& request,
                                   std::span<char> memory) {
  const std::string_view scheme = redirect.scheme.empty() ? request.scheme : redirect.scheme;
  const std::string_view host = redirect.host.empty() ? request.host : redirect.host;
  if (host.empty()) return {};
  const bool elsewhere = scheme != request.scheme || !redirect.host.empty();
  const uint16_t kept = elsewhere ? uint16_t{0} : request.port;
  const uint16_t port = redirect.port != 0 ? redirect.port : kept;
  Text text(memory);
  text.add(scheme).add("://").add(host);
  if (port != 0 && port != implied_port(scheme)) text.add(":").add_number(port);
  const std::string_view path = request.path.substr(0, 1) == "/" ? request.path : "/";
  switch (redirect.path_kind) {
    case RouteRedirect::Path::keep: text.add(path); break;
    case RouteRedirect::Path::replace: text.add(redirect.path); break;
    case RouteRedirect::Path::prefix:
      add_replaced(text, path, redirect.prefix, redirect.path);
      break;
  }
  return text.add_query(request.query).result();
}

}  // namespace weir

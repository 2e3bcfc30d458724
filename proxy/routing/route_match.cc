#include "routing/route_match.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/check.h"
#include "base/percent.h"
#include "http/patterns.h"
#include "http/query.h"

namespace weir {
namespace {

using What = Mismatch::What;

std::vector<NamedPredicate> predicates(const config::NamedValues& values, bool fold) {
  std::vector<NamedPredicate> result;
  for (const config::NamedValue& value : values) {
    NamedPredicate& predicate = result.emplace_back();
    predicate.name = fold ? lower_case(value.name) : value.name;
    predicate.any = value.value == "*";
    predicate.value = value.value;
  }
  return result;
}

bool has_field(const FieldLookup& fields, const NamedPredicate& wanted) {
  const std::string_view value = fields.value(wanted.name);
  return value.data() != nullptr && (wanted.any || value == wanted.value);
}

bool matches_path(const RouteMatch& match, std::string_view path) {
  switch (match.path_kind) {
    case RouteMatch::Path::any: return true;
    case RouteMatch::Path::exact: return is_spelled_as(path, match.path);
    case RouteMatch::Path::prefix: return begins_with(path, match.path);
  }
  CHECK_UNREACHABLE();
}

}  // namespace

RouteMatch::RouteMatch(const config::Match& match)
    : hosts(match.hosts),
      methods(match.methods),
      headers(predicates(match.headers, /*fold=*/true)),
      query(predicates(match.query, /*fold=*/false)) {
  if (!match.path.empty()) {
    path_kind = Path::exact;
    path = match.path;
  } else if (!match.path_prefix.empty()) {
    path_kind = Path::prefix;
    path = without_last_slashes(match.path_prefix);
  }
}

bool matches_host(const RouteMatch& match, std::string_view host) {
  return match.hosts.empty() ||
         std::any_of(match.hosts.begin(), match.hosts.end(),
                     [&](const std::string& pattern) { return host_matches(pattern, host); });
}

bool has_parameter(std::string_view query, const NamedPredicate& wanted) {
  const std::string_view value = find_parameter(query, wanted.name);
  return value.data() != nullptr && (wanted.any || equals_decoded(value, wanted.value));
}

Mismatch mismatch(const RouteMatch& match, const RouteQuery& query) {
  if (!matches_host(match, query.host)) return {What::host, 0};
  if (!matches_path(match, query.path)) return {What::path, 0};
  if (!match.methods.empty() &&
      std::find(match.methods.begin(), match.methods.end(), query.method) == match.methods.end())
    return {What::method, 0};
  for (size_t i = 0; i < match.headers.size(); ++i)
    if (!has_field(query.fields, match.headers[i])) return {What::header, i};
  for (size_t i = 0; i < match.query.size(); ++i)
    if (!has_parameter(query.query, match.query[i])) return {What::query, i};
  return {};
}

}  // namespace weir

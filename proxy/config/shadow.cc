#include "config/shadow.h"

#include <algorithm>

#include "base/ascii.h"
#include "http/patterns.h"

namespace weir::config {
namespace {

// Whether `first` covers every host of `second`, which may be a wildcard, too.
bool covers_host(std::string_view first, std::string_view second) {
  if (first == second) return true;
  return is_wildcard(first) && host_matches(first, is_wildcard(second) ? second.substr(1) : second);
}

bool covers_hosts(const Match& first, const Match& second) {
  if (first.hosts.empty()) return true;
  return !second.hosts.empty() &&
         std::all_of(second.hosts.begin(), second.hosts.end(), [&](const std::string& host) {
           return std::any_of(first.hosts.begin(), first.hosts.end(),
                              [&](const std::string& f) { return covers_host(f, host); });
         });
}

bool covers_path(const Match& first, const Match& second) {
  if (!first.path.empty()) return second.path == first.path;
  if (first.path_prefix.empty()) return true;
  const std::string& path = second.path.empty() ? second.path_prefix : second.path;
  return !path.empty() && begins_with(path, without_last_slashes(first.path_prefix));
}

bool covers_methods(const Match& first, const Match& second) {
  if (first.methods.empty()) return true;
  return !second.methods.empty() &&
         std::all_of(second.methods.begin(), second.methods.end(), [&](const std::string& method) {
           return std::find(first.methods.begin(), first.methods.end(), method) !=
                  first.methods.end();
         });
}

bool same_name(std::string_view a, std::string_view b, bool any_case) {
  return any_case ? iequals(a, b) : a == b;
}

// `second` requires all values that `first` requires.
bool covers_values(const NamedValues& first, const NamedValues& second, bool any_case) {
  return std::all_of(first.begin(), first.end(), [&](const NamedValue& f) {
    return std::any_of(second.begin(), second.end(), [&](const NamedValue& s) {
      return same_name(f.name, s.name, any_case) && (f.value == "*" || f.value == s.value);
    });
  });
}

}  // namespace

bool covers(const Match& first, const Match& second) {
  return covers_hosts(first, second) && covers_path(first, second) &&
         covers_methods(first, second) && covers_values(first.headers, second.headers, true) &&
         covers_values(first.query, second.query, false);
}

std::string never_seen(std::string_view path, const PathRules& paths) {
  const auto has = [&](std::string_view part) {
    return (std::string(path) + "/").find(part) != std::string::npos;
  };
  if (paths.double_slashes != DoubleSlashes::keep && path.find("//") != std::string_view::npos)
    return "double slashes are merged before routes see them (paths.double_slashes)";
  if (paths.dot_segments != DotSegments::keep && (has("/./") || has("/../")))
    return "dot segments are resolved or refused before routes see them (paths.dot_segments)";
  const bool slash = paths.encoded_slashes != EncodedSlashes::keep && (has("%2f") || has("%2F"));
  const bool backslash = (paths.encoded_slashes == EncodedSlashes::reject ||
                          paths.encoded_slashes == EncodedSlashes::automatic) &&
                         (has("%5c") || has("%5C"));
  if (slash || backslash)
    return "encoded slashes are decoded or refused before routes see them (paths.encoded_slashes)";
  return "";
}

}  // namespace weir::config

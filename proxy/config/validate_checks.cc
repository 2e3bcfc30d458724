#include "config/validate_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/ascii.h"

namespace weir::config {
namespace {

// The first escape such as "\xD2" in a text that begins with its opening quote; empty: there is
// none. In YAML it is the character U+00D2, two bytes of UTF-8, but the user means one byte.
std::string_view escaped_byte(std::string_view quoted) {
  if (quoted.empty() || quoted[0] != '"') return {};
  for (size_t i = 1; i + 3 < quoted.size() && quoted[i] != '"'; ++i) {
    if (quoted[i] != '\\') continue;
    const char high = quoted[i + 2];
    if (quoted[i + 1] == 'x' && hex_value(high) >= 8) return quoted.substr(i, 4);
    ++i;  // the escaped character, which may be a quote
  }
  return {};
}

void validate_connection(const Cluster& cluster, const std::string& path, const Places& places,
                         Findings& findings) {
  const HealthCheck& check = *cluster.health_check;
  const auto unix_backend = std::ranges::find_if(cluster.backends, [](const Backend& backend) {
    return backend.address.starts_with("unix:");
  });
  if (unix_backend == cluster.backends.end()) return;
  if (check.port != 0)
    findings.add(Code::E273, places.of(path + ".port"),
                 fmt::format("backend '{}' of cluster '{}' is a UNIX socket, which has no ports",
                             unix_backend->name, cluster.name),
                 "leave 'port' out, or move the backend to a cluster of its own");
  if (check.tls.value_or(false) && !cluster.tls)
    findings.add(Code::E237, places.of(path + ".tls"),
                 fmt::format("backend '{}' of cluster '{}' has no name that its certificate could "
                             "be checked for",
                             unix_backend->name, cluster.name),
                 "leave 'tls' out of the check");
}

void validate_drain(const HealthCheck& check, const std::string& path, const Places& places,
                    Findings& findings) {
  if (!check.drain_on || *check.drain_on != DrainOn{}) return;
  const std::string at = path + ".drain_on";
  for (const char* key : {".status", ".header", ".body"})
    if (places.written(at + key)) return;
  findings.add(Code::E277, places.of(at), "every answer of the check would drain its backend",
               "give status, header or body: drain_on: { status: 503, header: \"X-Drain: *\" }");
}

void validate_texts(const HealthCheck& check, const std::string& path, const Places& places,
                    Findings& findings) {
  struct Text {
    const char* key;
    const std::string& value;
    const char* hex_key;
    const std::string* hex;
  };
  const std::string drain_body = check.drain_on ? check.drain_on->body : "";
  const std::array<Text, 4> texts = {{{"send", check.send, "send_hex", &check.send_hex},
                                      {"expect", check.expect, "expect_hex", &check.expect_hex},
                                      {"expect_body", check.expect_body, nullptr, nullptr},
                                      {"drain_on.body", drain_body, nullptr, nullptr}}};
  const Sources& sources = findings.sources();
  for (const auto& [key, value, hex_key, hex] : texts) {
    const Place at = places.of(fmt::format("{}.{}", path, key));
    if (value.empty() || at.location.line == 0) continue;
    if (hex != nullptr && !hex->empty())
      findings.add(Code::E219, places.of(fmt::format("{}.{}", path, hex_key)),
                   fmt::format("'{}' and '{}' are two forms of the same value", key, hex_key),
                   "leave one of them out");
    const std::string_view byte =
        escaped_byte(sources.text(at.location.file).substr(sources.offset(at.location)));
    if (!byte.empty())
      findings.add(Code::E267, at,
                   fmt::format("'{}' in '{}' is a character of YAML, which is sent as two bytes of "
                               "UTF-8, not as one byte",
                               byte, key),
                   hex_key != nullptr
                       ? fmt::format("write bytes in {}: \"00 04 d2 16 ff\"; for the character: "
                                     "\\u00{}",
                                     hex_key, byte.substr(2))
                       : fmt::format("for the character write \\u00{}", byte.substr(2)));
  }
}

}  // namespace

void validate_check(const Cluster& cluster, const std::string& path, const Places& places,
                    Findings& findings) {
  validate_connection(cluster, path, places, findings);
  validate_drain(*cluster.health_check, path, places, findings);
  validate_texts(*cluster.health_check, path, places, findings);
}

}  // namespace weir::config

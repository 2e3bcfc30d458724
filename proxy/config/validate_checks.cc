#include "config/validate_checks.h"

#include <fmt/format.h>

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

}  // namespace

void validate_check(const HealthCheck& check, const std::string& path, const Places& places,
                    Findings& findings) {
  struct Text {
    const char* key;
    const std::string& value;
    const char* hex_key;
    const std::string* hex;
  };
  const std::array<Text, 3> texts = {{{"send", check.send, "send_hex", &check.send_hex},
                                      {"expect", check.expect, "expect_hex", &check.expect_hex},
                                      {"expect_body", check.expect_body, nullptr, nullptr}}};
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

}  // namespace weir::config

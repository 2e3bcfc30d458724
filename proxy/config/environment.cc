#include "config/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/ascii.h"

namespace weir::config {
namespace {

constexpr size_t kMaxExpanded = 64 * 1024;  // of one value

bool is_name(std::string_view name) {
  return !name.empty() && !is_digit(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
    return is_alphanumeric(c) || c == '_';
  });
}

// The value of one `NAME`, `NAME:-default` or `NAME:?message`.
std::optional<std::string> value_of(std::string_view inside, const Environment& environment,
                                    const Place& place, Findings& findings) {
  const size_t colon = inside.find(':');
  const std::string name(inside.substr(0, colon));
  const std::string_view rest = colon == std::string_view::npos ? "" : inside.substr(colon);
  const bool known = rest.empty() || rest.substr(0, 2) == ":-" || rest.substr(0, 2) == ":?";
  if (!is_name(name) || !known || rest.find("${") != std::string_view::npos) {
    findings.add(Code::E141, place, fmt::format("'${{{}}}' is not a variable", inside),
                 "write ${NAME}, ${NAME:-default} or ${NAME:?message}; $${ is a literal ${");
    return std::nullopt;
  }
  if (!environment) {
    findings.add(Code::E143, place,
                 "variables in a configuration that is sent to weir are not replaced",
                 "send their values, as `weir plan FILE` does");
    return std::nullopt;
  }
  std::optional<std::string> value = environment(name);
  if (value && (rest.empty() || !value->empty())) return value;
  if (rest.substr(0, 2) == ":-") return std::string(rest.substr(2));
  const std::string said = rest.size() > 2 ? fmt::format(": {}", rest.substr(2)) : "";
  findings.add(Code::E140, place, fmt::format("environment variable {} is not set{}", name, said),
               fmt::format("set it, or give a default: ${{{}:-value}}", name));
  return std::nullopt;
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (!value) return std::nullopt;
    return std::string(value);
  };
}

std::optional<Expanded> expand(std::string_view text, const Environment& environment,
                               const Place& place, Findings& findings) {
  Expanded out;
  bool complete = true;  // if not, expansion continues, so that all missing variables are reported
  while (!text.empty()) {
    const size_t dollar = text.find('$');
    out.text += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar);
    if (text.substr(0, 3) == "$${") {
      out.text += "${";
      text.remove_prefix(3);
      continue;
    }
    if (text.substr(0, 2) != "${") {
      out.text += '$';
      text.remove_prefix(1);
      continue;
    }
    const size_t end = text.find('}');
    if (end == std::string_view::npos) {
      findings.add(Code::E141, place, "a '${' is never closed",
                   "write ${NAME}; $${ is a literal ${");
      return std::nullopt;
    }
    const std::string_view inside = text.substr(2, end - 2);
    std::optional<std::string> value = value_of(inside, environment, place, findings);
    complete = complete && value.has_value();
    out.text += value.value_or("");
    out.names.emplace_back(inside.substr(0, inside.find(':')));
    text.remove_prefix(end + 1);
    if (out.text.size() > kMaxExpanded) {
      findings.add(Code::E133, place,
                   fmt::format("the value is longer than {} bytes", kMaxExpanded));
      return std::nullopt;
    }
  }
  if (!complete) return std::nullopt;
  return out;
}

std::string escape_variables(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "${") out += '$';
    out += text[i];
  }
  return out;
}

}  // namespace weir::config

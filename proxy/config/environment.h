// Replaces variables in values: ${NAME}, ${NAME:-default} (the default if NAME is unset or empty),
// ${NAME:?message}, and $${ for a literal ${. Values are replaced after parsing, so the content of
// a variable never becomes YAML.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/findings.h"

namespace weir::config {

// Empty: variables are not possible, and each is a finding.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

Environment process_environment();

struct Expanded {
  std::string text;
  std::vector<std::string> names;  // the variables used
};

// Nullopt after a finding at the place.
std::optional<Expanded> expand(std::string_view text, const Environment&, const Place&, Findings&);

// The text that expand() turns into `text`.
std::string escape_variables(std::string_view text);

}  // namespace weir::config

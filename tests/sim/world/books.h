// Checks for every protocol: the contents of the access log, and that every accepted connection has
// ended.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/outcomes.h"
#include "world/traffic.h"

namespace weir::sim {

// "key=value" of a logfmt line; values of these lines need no quotes.
std::string log_field(std::string_view line, std::string_view key);
uint64_t log_number(std::string_view line, std::string_view key);
std::optional<EndReason> end_reason(std::string_view name);
std::vector<std::string> lines_of(std::string_view text);  // each with a blank before it

void check_listeners(const Evidence& evidence, std::vector<std::string>& failures);

}  // namespace weir::sim

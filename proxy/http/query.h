// Parameters of a query, as forms encode it: "a=1&b=2". Pure functions, without allocation.
#pragma once

#include <string_view>

namespace weir {

// The value of the first parameter of that name, encoded as received; the null view when there is
// none. `query`: without the '?'; names are compared decoded.
std::string_view find_parameter(std::string_view query, std::string_view name);

// Whether the form-encoded text means `text`.
bool equals_decoded(std::string_view encoded, std::string_view text);

}  // namespace weir

// Prints the JSON documents of the admin API as text. Pure functions of the JSON and the style of
// the console. A missing field, or a field of another type, reads as empty or zero: the answer of
// another version still prints.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "cli/console.h"

namespace weir::cli {

std::string status_page(const nlohmann::json& status, const Console& console);
std::string drain_page(const nlohmann::json& drain, const Console& console);
// The changes of a reload or a plan, a line each, with its effect and the sessions it affects.
std::string change_list(const nlohmann::json& changes, const Console& console);
std::string diagnostic_list(const nlohmann::json& diagnostics);

// The field `key`; empty or 0 if it is missing or has another type.
std::string text_of(const nlohmann::json& object, std::string_view key);
double number_of(const nlohmann::json& object, std::string_view key);
const nlohmann::json& part_of(const nlohmann::json& object, std::string_view key);

}  // namespace weir::cli

// The admin API's documents as pages for people. Pure functions of the JSON and the console's
// style; a missing or ill-typed field reads as empty or zero, so that another version's answer
// still prints.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "cli/console.h"

namespace weir::cli {

std::string status_page(const nlohmann::json& status, const Console& console);
std::string drain_page(const nlohmann::json& drain, const Console& console);
// What a reload changed, or would change: one line each, with effect and the sessions it touches.
std::string change_list(const nlohmann::json& changes, const Console& console);
std::string diagnostic_list(const nlohmann::json& diagnostics);

// Fields, whatever their type turns out to be.
std::string text_of(const nlohmann::json& object, std::string_view key);
double number_of(const nlohmann::json& object, std::string_view key);
const nlohmann::json& part_of(const nlohmann::json& object, std::string_view key);

}  // namespace weir::cli

// Reads a text as a type of the configuration.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/value_types.h"

namespace weir::config {

// The value, written as a text; or the code of the error.
template <typename Type>
std::string read(std::string_view given) {
  typename Type::Value value{};
  const std::optional<Problem> problem = Type::type.read(given, &value);
  return problem ? text(problem->code) : Type::type.write(&value);
}

// The error and its hint; "" for none.
template <typename Type>
std::string hint(std::string_view given) {
  typename Type::Value value{};
  const std::optional<Problem> problem = Type::type.read(given, &value);
  return problem ? problem->message + "; " + problem->hint : "";
}

}  // namespace weir::config

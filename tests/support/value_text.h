// What a type of the configuration makes of a text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/value_types.h"

namespace weir::config {

// What reading gives, written again; or the code of what is wrong.
template <typename Type>
std::string read(std::string_view given) {
  typename Type::Value value{};
  const std::optional<Problem> problem = Type::type.read(given, &value);
  return problem ? text(problem->code) : Type::type.write(&value);
}

// What is wrong with it, and the hint; "" for nothing.
template <typename Type>
std::string hint(std::string_view given) {
  typename Type::Value value{};
  const std::optional<Problem> problem = Type::type.read(given, &value);
  return problem ? problem->message + "; " + problem->hint : "";
}

}  // namespace weir::config

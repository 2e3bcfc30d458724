// The configuration as YAML that loads again, by the key table.
#pragma once

#include <string>

#include "config/load.h"

namespace weir::config {

// What differs from the defaults: the file as a user would write it. Loading it gives an equal
// model.
std::string to_yaml(const Model&);
// Every key with its value and, behind it, where that comes from.
std::string effective_yaml(const Loaded&);
// As JSON: to_yaml(), or every key that has a value.
std::string to_json(const Model&);
std::string effective_json(const Loaded&);
// Every key with its default, as comments where there is none to write.
std::string defaults_yaml();

// One line per value, "listeners[0].bind[0]=:80": equal for equal models, and what Loaded::hash is
// of.
std::string all_values(const Model&);

}  // namespace weir::config

// The configuration as YAML that loads again, by the key table.
#pragma once

#include <string>

#include "config/load.h"

namespace weir::config {

// Only values that differ from the defaults, as a user would write the file. Loading it gives an
// equal model.
std::string to_yaml(const Model&);
// Every key with its value, and the origin of the value in a comment after it.
std::string effective_yaml(const Loaded&);
// As JSON: to_yaml(), or every key that has a value.
std::string to_json(const Model&);
std::string effective_json(const Loaded&);
// Every key with its default; keys without a default that can be written are comments.
std::string defaults_yaml();

// One line per value, "listeners[0].bind[0]=:80": equal for equal models. Loaded::hash is the hash
// of this text.
std::string all_values(const Model&);

}  // namespace weir::config

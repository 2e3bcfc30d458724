// What to write instead: hints for words of other proxies and for abbreviated values.
// The words are in word_hints.def and plain_hints.def. Pure functions; an empty text is no hint.
#pragma once

#include <string>
#include <string_view>

#include "config/keys.h"

namespace weir::config {

// For an unknown key of this map.
std::string hint_for_key(Struct map, std::string_view word);
// For a value of this type that could not be read.
std::string hint_for_value(const ValueType& type, std::string_view text);
// For a plain value where `key` takes a list or a map.
std::string hint_for_plain(const Key& key, std::string_view text);
// For a list of these values where `key` takes one of them or a map.
std::string hint_for_list(const Key& key, std::span<const std::string> items);
// For a map where `key` takes a plain value or a list of them; `name`: what it has as 'name' or
// 'address'; `first`: its first key, which may be the name of an element.
std::string hint_for_map(const Key& key, std::string_view name, std::string_view first);

}  // namespace weir::config

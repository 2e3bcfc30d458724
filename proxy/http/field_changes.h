// The changes that a route, or weir itself, makes to the fields of a relayed message. Views; owned
// by the route and the caller.
#pragma once

#include <span>
#include <string_view>

#include "http/header_names.h"

namespace weir {

// A field to write, with the number of its name: looked up once, when it is made.
struct FieldText {
  FieldText() = default;
  FieldText(std::string_view name_, std::string_view value_)
      : FieldText(field_id(name_), name_, value_) {}
  FieldText(FieldId id_, std::string_view name_, std::string_view value_)
      : name(name_), value(value_), id(id_) {}

  std::string_view name, value;
  FieldId id = FieldId::other;
};

// Fields to change; is_configurable() says which names may be used. Received fields that look like
// one of `set` or `remove` are left out, in heads and in trailers; a Connection field of the peer
// removes none of these.
struct FieldChanges {
  std::span<const FieldText> set = {};
  std::span<const FieldText> add = {};
  std::span<const std::string_view> remove = {};
  // Fields of weir itself, X-Forwarded-For and the like: as `set`, but `set` and `remove` win. They
  // are valid, because they are made of parsed values.
  std::span<const FieldText> own = {};
};

}  // namespace weir

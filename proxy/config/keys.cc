#include "config/keys.h"

#include <algorithm>
#include <type_traits>

namespace weir::config {
namespace {

size_t one(const void*) {
  return 1;
}

// A member of the type's C++ type, as a void*. The table does not compile otherwise.
template <auto Member, typename Type>
struct Value;
template <typename Owner, typename T, T Owner::*Member, typename Type>
struct Value<Member, Type> {
  static_assert(std::is_same_v<T, typename Type::Value>, "the key's type is not the member's");
  static void* at(void* owner, size_t) { return &(static_cast<Owner*>(owner)->*Member); }
};

template <auto Member, typename Child>
struct Single;
template <typename Owner, typename T, T Owner::*Member, typename Child>
struct Single<Member, Child> {
  static_assert(std::is_same_v<T, Child>, "the section's struct is not the member's");
  static void* at(void* owner, size_t) { return &(static_cast<Owner*>(owner)->*Member); }
};

template <auto Member, typename Child>
struct Maybe;
template <typename Owner, typename T, T Owner::*Member, typename Child>
struct Maybe<Member, Child> {
  static_assert(std::is_same_v<T, std::optional<Child>>, "an optional section is a std::optional");
  static size_t size(const void* owner) {
    return (static_cast<const Owner*>(owner)->*Member) ? 1 : 0;
  }
  static void* at(void* owner, size_t) { return &*(static_cast<Owner*>(owner)->*Member); }
  static void* append(void* owner) { return &(static_cast<Owner*>(owner)->*Member).emplace(); }
};

template <auto Member, typename Child>
struct Many;
template <typename Owner, typename T, T Owner::*Member, typename Child>
struct Many<Member, Child> {
  static_assert(std::is_same_v<T, std::vector<Child>>, "a list is a std::vector");
  static size_t size(const void* owner) {
    return (static_cast<const Owner*>(owner)->*Member).size();
  }
  static void* at(void* owner, size_t index) {
    return &(static_cast<Owner*>(owner)->*Member)[index];
  }
  static void* append(void* owner) { return &(static_cast<Owner*>(owner)->*Member).emplace_back(); }
};

// clang-format off
const Key kKeys[] = {
#define KEY(owner, key, form, standard, effect, since, help)                                                    \
  {Struct::owner, Key::Kind::value, #key, &types::form::type, {}, "", "", standard, Effect::effect, since, help, \
   one, Value<&owner::key, types::form>::at, nullptr},
#define STRINGS(owner, key, form, standard, effect, since, help)                                                 \
  {Struct::owner, Key::Kind::strings, #key, &types::form::type, {}, "", "", standard, Effect::effect, since,     \
   help, Many<&owner::key, types::form::Value>::size, Many<&owner::key, types::form::Value>::at,                 \
   Many<&owner::key, types::form::Value>::append},
#define SECTION(owner, key, child, since, help)                                                                  \
  {Struct::owner, Key::Kind::section, #key, nullptr, Struct::child, "", "", "", {}, since, help,                 \
   one, Single<&owner::key, child>::at, nullptr},
#define OPTIONAL(owner, key, child, effect, since, help)                                                         \
  {Struct::owner, Key::Kind::optional, #key, nullptr, Struct::child, "", "", "(none)", Effect::effect, since,    \
   help, Maybe<&owner::key, child>::size, Maybe<&owner::key, child>::at, Maybe<&owner::key, child>::append},
#define LIST(owner, key, child, plain, effect, since, help)                                                      \
  {Struct::owner, Key::Kind::list, #key, nullptr, Struct::child, plain, "", "(required)", Effect::effect, since, \
   help, Many<&owner::key, child>::size, Many<&owner::key, child>::at, Many<&owner::key, child>::append},
#define DIRECTIVE(key, schema, standard, since, help)                                                            \
  {Struct::Model, Key::Kind::directive, #key, nullptr, {}, "", schema, standard, {}, since, help,                \
   nullptr, nullptr, nullptr},
#include "config/keys.def"
};
// clang-format on

const StructRow kStructs[] = {
#define STRUCT(name, title, help) {Struct::name, #name, title, help},
#include "config/keys.def"
};

struct SharedRow {
  Struct owner;
  std::string_view key;
};
const SharedRow kShared[] = {
#define SHARED(owner, key) {Struct::owner, #key},
#include "config/keys.def"
};

const std::string_view kLater[] = {
#define LATER(key) #key,
#include "config/keys.def"
};

template <typename T>
Location* place_in(void* object) {
  if constexpr (requires(T & t) { t.location; })
    return &static_cast<T*>(object)->location;
  else
    return nullptr;
}

Location* (*const kPlaces[])(void*) = {
#define STRUCT(name, title, help) place_in<name>,
#include "config/keys.def"
};

}  // namespace

std::string_view Key::same_as() const {
  std::string_view text = default_text;
  if (text.substr(0, 3) != "(= ") return {};
  return text.substr(3, text.size() - 4);
}

std::span<const StructRow> structs() {
  return kStructs;
}
std::span<const Key> keys() {
  return kKeys;
}

std::span<const Key> keys_of(Struct owner) {
  const auto is_owned = [owner](const Key& key) { return key.owner == owner; };
  const auto begin = std::find_if(std::begin(kKeys), std::end(kKeys), is_owned);
  return {begin, std::find_if_not(begin, std::end(kKeys), is_owned)};
}

const Key* find_key(Struct owner, std::string_view name) {
  for (const Key& key : keys_of(owner))
    if (key.name == name) return &key;
  return nullptr;
}

const char* title(Struct id) {
  return kStructs[static_cast<size_t>(id)].title;
}

std::string element_name(Struct id, const void* element) {
  const Key* name = find_key(id, "name");
  return name ? name->type->write(name->at_const(element, 0)) : "";
}

bool is_shared(const Key& key) {
  return std::any_of(std::begin(kShared), std::end(kShared), [&](const SharedRow& row) {
    return row.owner == key.owner && row.key == key.name;
  });
}

std::vector<std::string_view> shared_names() {
  std::vector<std::string_view> names;
  for (const SharedRow& row : kShared)
    if (std::find(names.begin(), names.end(), row.key) == names.end()) names.push_back(row.key);
  return names;
}

std::vector<const Key*> shared_sections(std::string_view name) {
  std::vector<const Key*> sections;
  for (const SharedRow& row : kShared)
    if (row.key == name) sections.push_back(find_key(row.owner, name));
  return sections;
}

bool is_later(std::string_view name) {
  return std::find(std::begin(kLater), std::end(kLater), name) != std::end(kLater);
}

std::vector<std::string> texts(const Key& key, const void* owner) {
  std::vector<std::string> result;
  for (size_t i = 0; key.type && i < key.size(owner); ++i)
    result.push_back(key.type->write(key.at_const(owner, i)));
  return result;
}

Location* location_of(Struct id, void* object) {
  return kPlaces[static_cast<size_t>(id)](object);
}

}  // namespace weir::config

#include "config/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <type_traits>

#include "config/route_tests.h"

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
  static void clear(void* owner) { (static_cast<Owner*>(owner)->*Member).clear(); }
};

// clang-format off
const Key kKeys[] = {
#define KEY(owner, key, form, standard, effect, since, help)                                                    \
  {Struct::owner, Key::Kind::value, #key, &types::form::type, nullptr, {}, "", "", standard, Effect::effect,    \
   since, help, one, Value<&owner::key, types::form>::at, nullptr, nullptr},
#define STRINGS(owner, key, form, standard, effect, since, help)                                                 \
  {Struct::owner, Key::Kind::strings, #key, &types::form::type, nullptr, {}, "", "", standard, Effect::effect,   \
   since, help, Many<&owner::key, types::form::Value>::size, Many<&owner::key, types::form::Value>::at,          \
   Many<&owner::key, types::form::Value>::append, Many<&owner::key, types::form::Value>::clear},
#define MAP(owner, key, naming, form, effect, since, help)                                                       \
  {Struct::owner, Key::Kind::map, #key, &types::form::type, &types::naming::type, {}, "", "", "(none)",          \
   Effect::effect, since, help, Many<&owner::key, NamedValue>::size, Many<&owner::key, NamedValue>::at,          \
   Many<&owner::key, NamedValue>::append, nullptr},
#define SECTION(owner, key, child, since, help)                                                                  \
  {Struct::owner, Key::Kind::section, #key, nullptr, nullptr, Struct::child, "", "", "", {}, since, help,        \
   one, Single<&owner::key, child>::at, nullptr, nullptr},
#define OPTIONAL(owner, key, child, effect, since, help)                                                         \
  {Struct::owner, Key::Kind::optional, #key, nullptr, nullptr, Struct::child, "", "", "(none)", Effect::effect,  \
   since, help, Maybe<&owner::key, child>::size, Maybe<&owner::key, child>::at,                                  \
   Maybe<&owner::key, child>::append, nullptr},
#define LIST(owner, key, child, plain, standard, effect, since, help)                                            \
  {Struct::owner, Key::Kind::list, #key, nullptr, nullptr, Struct::child, plain, "", standard, Effect::effect,   \
   since, help, Many<&owner::key, child>::size, Many<&owner::key, child>::at,                                    \
   Many<&owner::key, child>::append, nullptr},
#define DIRECTIVE(key, schema, standard, since, help)                                                            \
  {Struct::Model, Key::Kind::directive, #key, nullptr, nullptr, {}, "", schema, standard, {}, since, help,       \
   nullptr, nullptr, nullptr, nullptr},
#include "config/keys.def"
};
// clang-format on

const StructRow kStructs[] = {
#define STRUCT(name, title, help) {Struct::name, #name, title, help},
#include "config/keys.def"
};

struct OwnedKey {
  Struct owner;
  std::string_view key;
  std::string_view what = "";
};
const OwnedKey kShared[] = {
#define SHARED(owner, key) {Struct::owner, #key},
#include "config/keys.def"
};
const OwnedKey kUnshared[] = {
#define UNSHARED(owner, key) {Struct::owner, #key},
#include "config/keys.def"
};
const OwnedKey kOrdered[] = {
#define ORDERED(owner, key) {Struct::owner, #key},
#include "config/keys.def"
};
const OwnedKey kConfidential[] = {
#define CONFIDENTIAL(owner, key) {Struct::owner, #key},
#include "config/keys.def"
};
const OwnedKey kOnly[] = {
#define ONLY(owner, key, what) {Struct::owner, #key, #what},
#include "config/keys.def"
};

const OwnedKey* find_row(std::span<const OwnedKey> rows, const Key& key) {
  for (const OwnedKey& row : rows)
    if (row.owner == key.owner && row.key == key.name) return &row;
  return nullptr;
}

const std::string_view kLater[] = {
#define LATER(key) #key,
#include "config/keys.def"
};

template <typename T>
Location* place_in(void* object) {
  if constexpr (requires { requires std::is_same_v<decltype(T::location), Location>; })
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
  return find_row(kShared, key) != nullptr;
}
bool is_unshared(const Key& key) {
  return find_row(kUnshared, key) != nullptr;
}
bool is_ordered(const Key& key) {
  return find_row(kOrdered, key) != nullptr;
}
bool is_confidential(const Key& key) {
  return find_row(kConfidential, key) != nullptr;
}
std::string_view only_for(const Key& key) {
  const OwnedKey* row = find_row(kOnly, key);
  return row ? row->what : "";
}

std::string_view title_of_only_for(const Key& key) {
  const std::string_view only = only_for(key);
  if (only == "http") return "HTTP";
  if (only == "tcp") return "TCP";
  return only == "grpc" ? "gRPC" : only;
}

bool chooses(const Key& key) {
  const std::string_view name = key.name;
  return (key.owner == Struct::Listener && name == "protocol") ||
         (key.owner == Struct::HealthCheck && name == "type");
}

std::vector<std::string_view> shared_names() {
  std::vector<std::string_view> names;
  for (const OwnedKey& row : kShared)
    if (std::find(names.begin(), names.end(), row.key) == names.end()) names.push_back(row.key);
  return names;
}

std::vector<const Key*> shared_sections(std::string_view name) {
  std::vector<const Key*> sections;
  for (const OwnedKey& row : kShared)
    if (row.key == name) sections.push_back(find_key(row.owner, name));
  return sections;
}

bool is_later(std::string_view name) {
  return std::find(std::begin(kLater), std::end(kLater), name) != std::end(kLater);
}

std::string join_path(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::vector<std::string> texts(const Key& key, const void* owner) {
  std::vector<std::string> result;
  for (size_t i = 0; key.type && i < key.size(owner); ++i) {
    const void* element = key.at_const(owner, i);
    if (key.kind == Key::Kind::map) {
      const auto& entry = *static_cast<const NamedValue*>(element);
      result.push_back(entry.name + ": " + key.type->write(&entry.value));
    } else {
      result.push_back(key.type->write(element));
    }
  }
  return result;
}

std::vector<std::string> named_files(Struct id, const void* object) {
  std::vector<std::string> paths;
  for (const Key& key : keys_of(id)) {
    if (key.kind == Key::Kind::directive) continue;
    if (key.type == &types::file_path::type) {
      for (std::string& path : texts(key, object))
        if (!path.empty()) paths.push_back(std::move(path));
    } else if (key.type == nullptr) {
      for (size_t i = 0; i < key.size(object); ++i)
        for (std::string& path : named_files(key.child, key.at_const(object, i)))
          paths.push_back(std::move(path));
    }
  }
  return paths;
}

Location* location_of(Struct id, void* object) {
  return kPlaces[static_cast<size_t>(id)](object);
}

}  // namespace weir::config

// The key table at run time: the keys of each map of the file, and the member of the model for each
// key. Type-erased, so that reading, printing, comparing and describing are one walk each. Constant
// data; any thread. Members are void* of the struct the key belongs to; keys.cc checks their types
// when the table is compiled.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/effect.h"
#include "config/value_types.h"

namespace weir::config {

enum class Struct : uint8_t {
#define STRUCT(name, title, help) name,
#include "config/keys.def"
};

struct Key {
  enum class Kind : uint8_t { value, strings, map, section, optional, list, directive };

  Struct owner;
  Kind kind;
  const char* name;
  const ValueType* type;     // of value, strings; of map: of its values
  const ValueType* names;    // of map: of its names
  Struct child;              // of section, optional, list
  const char* plain;         // of list: the child's key that a plain value stands for; "" for none
  const char* schema;        // of directive
  const char* default_text;  // of value, strings, list, directive
  Effect effect;             // of value, strings, map, optional, list
  const char* since;
  const char* help;
  // Elements: a value or a section has one, an optional none or one, a list any number. The
  // elements of a map are NamedValues.
  size_t (*size)(const void* owner);
  void* (*at)(void* owner, size_t index);
  void* (*append)(void* owner);
  void (*clear)(void* owner);  // of strings

  const void* at_const(const void* o, size_t index) const {
    return at(const_cast<void*>(o), index);
  }
  bool required() const { return std::string_view(default_text) == "(required)"; }
  // The default can be written in a file.
  bool literal_default() const { return default_text[0] != '('; }
  // "(= bind)": the key whose value it takes; empty for others.
  std::string_view same_as() const;
};

struct StructRow {
  Struct id;
  const char* name;
  const char* title;
  const char* help;
};

std::span<const StructRow> structs();
std::span<const Key> keys();
std::span<const Key> keys_of(Struct);
const Key* find_key(Struct, std::string_view name);
const char* title(Struct);
// The key that identifies an element of a list in paths and across reloads: "name".
std::string element_name(Struct, const void* element);

// Whether this section of the struct may also stand under `defaults:`.
bool is_shared(const Key&);
// Whether `defaults:` excludes this key of a section that it may have.
bool is_unshared(const Key&);
// The keys under `defaults:`, in order, and the sections each is made of.
std::vector<std::string_view> shared_names();
std::vector<const Key*> shared_sections(std::string_view name);
bool is_later(std::string_view name);
// Whether the order of this list's elements has a meaning.
bool is_ordered(const Key&);
// Whether its values may be secrets, such as a password in a header field.
bool is_confidential(const Key&);
// "http" or "tcp" for a key that only listeners of that protocol may have; that or "grpc" for a key
// of health checks of that type; empty for other keys.
std::string_view only_for(const Key&);
// The same for people: "HTTP".
std::string_view title_of_only_for(const Key&);
// Whether the value of this key decides which keys with only_for() its map, and the maps in it, may
// have.
bool chooses(const Key&);

// The path of a key: "tls.policy"; at the top the key alone.
std::string join_path(const std::string& path, std::string_view key);

// The texts of a key's elements: one for a value, empty if it is unset; "name: value" for each
// element of a map.
std::vector<std::string> texts(const Key&, const void* owner);

// The values of all keys that name a file to read, in the struct and in the structs that it holds;
// as they are written, with repetitions.
std::vector<std::string> named_files(Struct, const void* object);

// The member of the object that has its place in the file; null if the struct has no such member.
Location* location_of(Struct, void* object);

}  // namespace weir::config

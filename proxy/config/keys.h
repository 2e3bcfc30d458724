// The key table at run time: what each map of the file may hold and where in the model it goes.
// Type-erased, so that reading, printing, comparing and describing are one walk each. Constant
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
  // Elements: one of a value or a section, none or one of an optional, any number of a list. Those
  // of a map are NamedValues.
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
// The key names an element of a list goes by in paths and over reloads: "name".
std::string element_name(Struct, const void* element);

// Whether this section of the struct may also stand under `defaults:`.
bool is_shared(const Key&);
// Whether it is left out of `defaults:` though the section around it is not.
bool is_unshared(const Key&);
// The keys under `defaults:`, in order, and the sections each is made of.
std::vector<std::string_view> shared_names();
std::vector<const Key*> shared_sections(std::string_view name);
bool is_later(std::string_view name);
// Whether the order of this list's elements means something.
bool is_ordered(const Key&);
// Whether its values may be secrets, such as a password in a header field.
bool is_confidential(const Key&);
// "http" for a key that is for HTTP only: of listeners by their protocol, of health checks by
// their type; empty for what is for all.
std::string_view only_for(const Key&);
// Whether its value is that protocol, for the keys of this map and of those in it.
bool chooses(const Key&);

// The path of a key: "tls.policy"; at the top the key alone.
std::string join_path(const std::string& path, std::string_view key);

// The texts of a key's elements: of a value one; empty where unset; of a map "name: value".
std::vector<std::string> texts(const Key&, const void* owner);

// The paths in all keys whose value is a file to read, in the struct and in those it holds; as they
// are written, each as often as it is named.
std::vector<std::string> named_files(Struct, const void* object);

// Where an object of the struct notes its place; null for those that do not.
Location* location_of(Struct, void* object);

}  // namespace weir::config

// The configuration as JSON, by the key table: a file that weir reads, too, since JSON is YAML.
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "config/environment.h"
#include "config/keys.h"
#include "config/print.h"

namespace weir::config {
namespace {

using Json = nlohmann::ordered_json;

Json value_json(const ValueType& type, const std::string& text) {
  if (type.form == Form::boolean) return text == "true";
  int64_t number = 0;
  const char* end = text.data() + text.size();
  if (type.form == Form::number) {
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc() && stop == end) return number;
  }
  return type.words.empty() ? escape_variables(text) : text;
}

class JsonWriter {
 public:
  explicit JsonWriter(bool everything) : everything_(everything) {}

  Json map(Struct type, const void* object) const {
    Json out = Json::object();
    for (const Key& key : keys_of(type)) {
      if (key.kind == Key::Kind::directive) continue;
      Json value = of_key(key, object);
      const bool nothing = value.is_null() || (value.is_structured() && value.empty());
      if (!nothing || (key.kind == Key::Kind::optional && key.size(object) > 0))
        out[key.name] = std::move(value);
    }
    return out;
  }

 private:
  Json of_key(const Key& key, const void* object) const {
    switch (key.kind) {
      case Key::Kind::value: return of_value(key, object);
      case Key::Kind::strings: return of_strings(key, object);
      case Key::Kind::map: return of_names(key, object);
      case Key::Kind::section: return map(key.child, key.at_const(object, 0));
      case Key::Kind::optional:
        return key.size(object) > 0 ? map(key.child, key.at_const(object, 0)) : Json();
      case Key::Kind::list: return of_list(key, object);
      case Key::Kind::directive: return Json();
    }
    CHECK_UNREACHABLE();
  }
  Json of_value(const Key& key, const void* object) const {
    const std::string text = texts(key, object)[0];
    if (text.empty() || (!everything_ && key.literal_default() && text == key.default_text))
      return Json();
    return value_json(*key.type, text);
  }
  Json of_strings(const Key& key, const void* object) const {
    const std::vector<std::string> values = texts(key, object);
    Json list = Json::array();
    if (!everything_ && key.literal_default() && values.size() == 1 &&
        values[0] == key.default_text)
      return list;
    for (const std::string& value : values) list.push_back(value_json(*key.type, value));
    return list;
  }
  static Json of_names(const Key& key, const void* object) {
    Json out = Json::object();
    for (size_t i = 0; i < key.size(object); ++i) {
      const auto& entry = *static_cast<const NamedValue*>(key.at_const(object, i));
      out[entry.name] = value_json(*key.type, key.type->write(&entry.value));
    }
    return out;
  }
  Json of_list(const Key& key, const void* object) const {
    Json list = Json::array();
    for (size_t i = 0; i < key.size(object); ++i)
      list.push_back(map(key.child, key.at_const(object, i)));
    return list;
  }

  const bool everything_;
};

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string to_json(const Model& model) {
  return dump(JsonWriter(false).map(Struct::Model, &model));
}

std::string effective_json(const Loaded& loaded) {
  Json origins = Json::object();
  for (const auto& [path, origin] : loaded.provenance) {
    const Location& at = origin.place.location;
    origins[path] = {{"file", loaded.model.files.at(at.file)},
                     {"line", at.line},
                     {"defaults", origin.shared},
                     {"environment", origin.environment}};
  }
  return dump(
      {{"values", JsonWriter(true).map(Struct::Model, &loaded.model)}, {"origins", origins}});
}

}  // namespace weir::config

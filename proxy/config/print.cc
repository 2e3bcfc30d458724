#include "config/print.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/check.h"
#include "config/keys.h"

namespace weir::config {
namespace {

#define WEIR_ALPHANUMERIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// Whether YAML, or weir, would read the unquoted text as another value. A colon needs no quotes if
// no blank follows: 127.0.0.1:80, unix:/run/x, :80.
bool needs_quotes(std::string_view text) {
  constexpr std::string_view kFirst = WEIR_ALPHANUMERIC "/:";
  constexpr std::string_view kAny = WEIR_ALPHANUMERIC "/:._-%@";
  constexpr std::string_view kWords[] = {"null", "Null", "NULL", "true", "false",
                                         "yes",  "no",   "on",   "off",  "none"};
  if (text.empty() || kFirst.find(text[0]) == std::string_view::npos || text.back() == ':')
    return true;
  if (text.find_first_not_of(kAny) != std::string_view::npos) return true;
  if (std::find(std::begin(kWords), std::end(kWords), text) != std::end(kWords)) return true;
  return text.find_first_not_of("0123456789._-") == std::string_view::npos;  // a number
}
#undef WEIR_ALPHANUMERIC

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\', out += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (is_control(c))
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + "\"";
}

std::string yaml_text(const ValueType& type, std::string_view text) {
  if (type.form != Form::text || !type.words.empty()) return std::string(text);
  const std::string escaped = escape_variables(text);
  return needs_quotes(escaped) ? in_quotes(escaped) : escaped;
}

// Whether the model would have the same value without the key.
bool is_default(const Key& key, const void* owner) {
  const std::vector<std::string> values = texts(key, owner);
  if (values.empty() || (values.size() == 1 && values[0].empty())) return true;
  if (key.literal_default()) return values.size() == 1 && values[0] == key.default_text;
  const Key* other = key.same_as().empty() ? nullptr : find_key(key.owner, key.same_as());
  if (!other) return false;
  const std::vector<std::string> same = texts(*other, owner);
  return !same.empty() && same[0] == values[0];
}

// A map that is written: its object, its path in the model, its indentation.
struct Level {
  Struct type;
  const void* object;
  std::string path;
  size_t indent;
  std::string protocol = "";  // of the listener or check; empty: any
};

enum class Extent : uint8_t {
  written,     // values that differ from their default
  everything,  // all keys that the protocol has
  possible,    // also the other keys, as comments
};

// With `origins` a comment after each value has its origin.
class Writer {
 public:
  explicit Writer(Extent extent, const Loaded* origins = nullptr)
      : extent_(extent), loaded_(origins) {}

  std::string out;

  void write_map(Level level) {
    for (const Key& key : keys_of(level.type)) {
      const bool applies =
          level.protocol.empty() || only_for(key).empty() || only_for(key) == level.protocol;
      if ((applies && !stays_commented_out(key)) || extent_ == Extent::written)
        write_key(key, level);
      else if (extent_ == Extent::possible)
        comment_out(key, level);
      if (chooses(key)) level.protocol = texts(key, level.object)[0];
    }
  }

 private:
  // Keys that need files of the user, such as certificates, are written as comments.
  bool stays_commented_out(const Key& key) const {
    return extent_ == Extent::possible && key.kind == Key::Kind::optional &&
           (key.child == Struct::ListenerTls || key.child == Struct::ClusterTls);
  }
  bool full() const { return extent_ != Extent::written; }

  void comment_out(const Key& key, const Level& level) {
    size_t at = out.size();
    const size_t values = values_;
    write_key(key, {level.type, level.object, level.path, level.indent});
    for (; at < out.size(); at = out.find('\n', at) + 1)
      if (out[at + level.indent] != '#') out.insert(at + level.indent, "# ");
    values_ = values;
  }

  void write_key(const Key& key, const Level& level) {
    switch (key.kind) {
      case Key::Kind::directive: return;
      case Key::Kind::value:
        if (full() || !is_default(key, level.object)) write_value(key, level);
        return;
      case Key::Kind::strings:
        if (full() || !is_default(key, level.object)) write_strings(key, level);
        return;
      case Key::Kind::map: return write_names(key, level);
      case Key::Kind::section: return write_section(key, level, 0);
      case Key::Kind::optional:
        if (key.size(level.object) > 0) return write_section(key, level, 0);
        if (full())
          line(level, fmt::format("{}: none", key.name), origin(join_path(level.path, key.name)));
        return;
      case Key::Kind::list: return write_list(key, level);
    }
    CHECK_UNREACHABLE();
  }
  void write_value(const Key& key, const Level& level) {
    const std::string value = texts(key, level.object)[0];
    const std::string path = join_path(level.path, key.name);
    if (value.empty())
      return line(level, fmt::format("# {}: {}", key.name, key.default_text), origin(path));
    line(level, fmt::format("{}: {}", key.name, yaml_text(*key.type, value)), origin(path));
  }
  void write_strings(const Key& key, const Level& level) {
    const std::vector<std::string> values = texts(key, level.object);
    const std::string path = join_path(level.path, key.name);
    if (values.size() == 1)
      return line(level, fmt::format("{}: {}", key.name, yaml_text(*key.type, values[0])),
                  origin(path + "[0]"));
    if (values.empty() && full())
      line(level, fmt::format("# {}: {}", key.name, key.default_text), "");
    if (values.empty()) return;
    line(level, fmt::format("{}:", key.name), "");
    for (size_t i = 0; i < values.size(); ++i)
      line({level.type, nullptr, "", level.indent + 2}, "- " + yaml_text(*key.type, values[i]),
           origin(fmt::format("{}[{}]", path, i)));
  }
  void write_names(const Key& key, const Level& level) {
    const std::string path = join_path(level.path, key.name);
    const size_t count = key.size(level.object);
    if (count == 0 && full()) line(level, fmt::format("# {}: {}", key.name, key.default_text), "");
    if (count == 0) return;
    line(level, fmt::format("{}:", key.name), "");
    for (size_t i = 0; i < count; ++i) {
      const auto& entry = *static_cast<const NamedValue*>(key.at_const(level.object, i));
      line({level.type, nullptr, "", level.indent + 2},
           fmt::format("{}: {}", needs_quotes(entry.name) ? in_quotes(entry.name) : entry.name,
                       yaml_text(*key.type, key.type->write(&entry.value))),
           origin(join_path(path, entry.name)));
    }
  }
  void write_section(const Key& key, const Level& level, size_t index) {
    const size_t before = out.size(), values = values_;
    line(level, fmt::format("{}:", key.name), "");
    const size_t header = out.size();
    write_map({key.child, key.at_const(level.object, index), join_path(level.path, key.name),
               level.indent + 2, level.protocol});
    if (values_ > values + 1) return;
    if (out.size() == header && key.kind == Key::Kind::section) {
      out.resize(before);
      values_ = values;
    } else {
      out.insert(header - 1,
                 " {}");  // empty, or only comments: still a map
    }
  }
  void write_list(const Key& key, const Level& level) {
    const size_t count = key.size(level.object);
    const std::string path = join_path(level.path, key.name);
    if (count == 0) return;
    line(level, fmt::format("{}:", key.name), "");
    for (size_t i = 0; i < count; ++i)
      write_item(key, {key.child, key.at_const(level.object, i), fmt::format("{}[{}]", path, i),
                       level.indent + 4});
  }
  void write_item(const Key& key, const Level& item) {
    const size_t before = out.size();
    write_map(item);
    const Key* plain = key.plain[0] ? find_key(key.child, key.plain) : nullptr;
    const std::string only = plain ? yaml_text(*plain->type, texts(*plain, item.object)[0]) : "";
    if (plain && out.substr(before) ==
                     fmt::format("{}{}: {}\n", std::string(item.indent, ' '), plain->name, only)) {
      out.resize(before);
      line({item.type, nullptr, "", item.indent - 2}, "- " + only, "");
    } else {
      dash(before, item.indent);
    }
  }
  // Puts the dash before the first key; on a line of its own if the first line is a comment.
  void dash(size_t from, size_t indent) {
    if (out.size() == from) out += std::string(indent, ' ') + "{}\n";
    if (out[from + indent] == '#')
      out.insert(from, std::string(indent - 2, ' ') + "-\n");
    else
      out[from + indent - 2] = '-';
  }

  std::string origin(const std::string& path) const {
    if (!loaded_) return "";
    const auto found = loaded_->provenance.find(path);
    if (found == loaded_->provenance.end()) return "default";
    const Origin& origin = found->second;
    const Location& at = origin.place.location;
    std::string text = fmt::format("{}:{}", loaded_->model.files.at(at.file), at.line);
    if (origin.shared) text += " (defaults)";
    if (!origin.environment.empty()) text += fmt::format(" (environment: {})", origin.environment);
    return text;
  }
  void line(const Level& level, const std::string& text, const std::string& comment) {
    if (text[0] != '#') ++values_;
    out += std::string(level.indent, ' ') + text;
    if (!comment.empty()) out += "  # " + comment;
    out += '\n';
  }

  size_t values_ = 0;  // lines that are no comments
  const Extent extent_;
  const Loaded* const loaded_;
};

void append_values(Struct type, const void* object, const std::string& path, std::string& out) {
  for (const Key& key : keys_of(type)) {
    if (key.kind == Key::Kind::directive) continue;
    const std::string here = join_path(path, key.name);
    for (size_t i = 0; i < key.size(object); ++i) {
      const std::string indexed = key.kind == Key::Kind::value || key.kind == Key::Kind::section
                                      ? here
                                      : fmt::format("{}[{}]", here, i);
      if (key.kind == Key::Kind::map) {
        const auto& entry = *static_cast<const NamedValue*>(key.at_const(object, i));
        out += fmt::format("{}={}: {}\n", indexed, in_quotes(entry.name), in_quotes(entry.value));
      } else if (key.type)
        out += fmt::format("{}={}\n", indexed, in_quotes(key.type->write(key.at_const(object, i))));
      else
        append_values(key.child, key.at_const(object, i), indexed, out);
    }
    if (key.kind == Key::Kind::optional) out += fmt::format("{}={}\n", here, key.size(object));
  }
}

}  // namespace

std::string to_yaml(const Model& model) {
  Writer writer(Extent::written);
  writer.write_map({Struct::Model, &model, "", 0});
  return writer.out;
}

std::string effective_yaml(const Loaded& loaded) {
  Writer writer(Extent::everything, &loaded);
  writer.write_map({Struct::Model, &loaded.model, "", 0});
  return writer.out;
}

std::string defaults_yaml() {
  Model model;
  model.listeners.resize(1);
  model.clusters.resize(1);
  model.clusters[0].backends.resize(1);
  model.clusters[0].health_check.emplace();
  model.clusters[0].outlier_detection.emplace();
  model.clusters[0].tls.emplace();
  model.listeners[0].tls.emplace().certificates.resize(1);
  Route& route = model.listeners[0].routes.emplace_back();
  route.clusters.resize(1);
  route.respond.emplace();
  route.redirect.emplace();
  Writer writer(Extent::possible);
  writer.write_map({Struct::Model, &model, "", 0});
  return writer.out;
}

std::string all_values(const Model& model) {
  std::string out;
  append_values(Struct::Model, &model, "", out);
  return out;
}

}  // namespace weir::config

#include "config/hints.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/ascii.h"

namespace weir::config {
namespace {

struct KeyRow {
  Struct map;
  std::string_view word, hint;
};
constexpr KeyRow kKeyRows[] = {
#define KEY_HINT(map, word, hint) {Struct::map, word, hint},
#define VALUE_HINT(type, word, hint)
#include "config/word_hints.def"
#undef KEY_HINT
#undef VALUE_HINT
};

struct ValueRow {
  const ValueType* type;
  std::string_view word, hint;
};
const ValueRow kValueRows[] = {
#define KEY_HINT(map, word, hint)
#define VALUE_HINT(name, word, hint) {&types::name::type, word, hint},
#include "config/word_hints.def"
#undef KEY_HINT
#undef VALUE_HINT
};

// Whether the key's type, or the type of its elements for a list, can read the text.
template <typename T>
bool reads(const Key& key, std::string_view text, T& member) {
  return !key.type->read(text, &member);
}
bool reads(const Key& key, std::string_view text, std::vector<std::string>&) {
  std::string element;
  return !key.type->read(text, &element);
}

struct PlainRow {
  Struct map;
  bool (*reads)(std::string_view text);
  const char* written;
};
const PlainRow kPlainRows[] = {
#define PLAIN(map, key, text)                                       \
  {Struct::map,                                                     \
   [](std::string_view value) {                                     \
     map object;                                                    \
     return reads(*find_key(Struct::map, #key), value, object.key); \
   },                                                               \
   text},
#include "config/plain_hints.def"
#undef PLAIN
};

// "Round-Robin" as "round_robin".
std::string folded(std::string_view text) {
  std::string result = lower_case(text);
  std::replace(result.begin(), result.end(), '-', '_');
  return result;
}

// As YAML that is valid in a flow list.
std::string quoted_where_needed(std::string_view text) {
  constexpr std::string_view kSpecial = "[]{},#&*!|>'\"%@`: ";
  const bool port = text.find(": ") == std::string_view::npos && !text.empty() &&
                    text.find_first_of("[]{},#&*!|>'\"%@` ") == std::string_view::npos &&
                    text.front() != ':' && text.back() != ':';
  if (port || text.find_first_of(kSpecial) == std::string_view::npos) return std::string(text);
  return fmt::format("\"{}\"", text);
}

// Whether the text has a variable without braces.
bool has_bare_variable(std::string_view text) {
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    const char next = text[i + 1];
    if (text[i] == '$' && (is_letter(next) || next == '_')) return true;
  }
  return false;
}

std::string with_braces(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    result += text[i];
    if (text[i] != '$') continue;
    size_t end = i + 1;
    while (end < text.size() && (text[end] == '_' || is_alphanumeric(text[end]))) ++end;
    if (end == i + 1) continue;
    result += fmt::format("{{{}}}", text.substr(i + 1, end - i - 1));
    i = end - 1;
  }
  return result;
}

struct Url {
  std::string_view scheme, host, path;  // the host with its port; the path with its slash
};
bool split_url(std::string_view text, Url& url) {
  const size_t mark = text.find("://");
  if (mark == std::string_view::npos) return false;
  url.scheme = text.substr(0, mark);
  url.host = text.substr(mark + 3);
  const size_t slash = std::min(url.host.find('/'), url.host.size());
  url.path = url.host.substr(slash);
  url.host = url.host.substr(0, slash);
  return true;
}

std::string hint_for_url(const Key& key, const Url& url) {
  if (key.child == Struct::HealthCheck)
    return fmt::format("{}: {{ type: http, path: {} }}; weir connects to the backend's address",
                       key.name, url.path.empty() ? "/" : url.path);
  if (key.child != Struct::Redirect) return "";
  return fmt::format("{}: {{ scheme: {}, host: {}{} }}", key.name, url.scheme,
                     url.host.substr(0, url.host.find(':')),
                     url.path.size() > 1 ? fmt::format(", path: {}", url.path) : "");
}

// For an optional map with "on", "off" or the like as its value.
std::string hint_for_switch(const Key& key, std::string_view text) {
  const std::string word = folded(text);
  const auto is = [&](std::initializer_list<std::string_view> all) {
    return std::find(all.begin(), all.end(), word) != all.end();
  };
  if (is({"false", "off", "no", "disabled"})) {
    if (key.child == Struct::TcpKeepalive) return "write tcp_keepalive: { idle: 0s }";
    return key.kind == Key::Kind::optional ? fmt::format("write {}: none", key.name) : "";
  }
  if (!is({"true", "on", "yes", "enabled"})) return "";
  switch (key.child) {
    case Struct::ListenerTls: return "write tls: { certificates: [/path/cert.pem] }";
    case Struct::ProxyProtocol:
      return "write proxy_protocol: { accept: [networks of the proxies] }";
    case Struct::Redirect: return "write redirect: { scheme: https }";
    default: return key.kind == Key::Kind::optional ? fmt::format("write {}: {{}}", key.name) : "";
  }
}

std::string possible(Struct map) {
  std::vector<std::string_view> names;
  for (const Key& key : keys_of(map)) names.emplace_back(key.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string hint_for_key(Struct map, std::string_view word) {
  const std::string meant = folded(word);
  for (const KeyRow& row : kKeyRows)
    if (row.map == map && row.word == meant) return std::string(row.hint);
  const Key* key = find_key(map, meant);
  return key != nullptr ? fmt::format("write {}", key->name) : "";
}

std::string hint_for_value(const ValueType& type, std::string_view text) {
  if (has_bare_variable(text))
    return fmt::format("write {}: an environment variable has braces", with_braces(text));
  const std::string word = folded(text);
  for (const ValueRow& row : kValueRows)
    if (row.type == &type && row.word == word) return std::string(row.hint);
  for (std::string_view known : type.words)
    if (known == word) return fmt::format("write {}", known);
  return "";
}

std::string hint_for_plain(const Key& key, std::string_view text) {
  if (key.kind == Key::Kind::list)
    return key.plain[0] != '\0'
               ? fmt::format("write a list: {}: [{}]", key.name, quoted_where_needed(text))
               : fmt::format("begin each element with '- '; possible in it: {}",
                             possible(key.child));
  if (key.kind == Key::Kind::map) return fmt::format("write {}: {{ name: value }}", key.name);
  if (std::string hint = hint_for_switch(key, text); !hint.empty()) return hint;
  Url url;
  if (split_url(text, url))
    if (std::string hint = hint_for_url(key, url); !hint.empty()) return "write " + hint;
  if (key.child == Struct::ListenerTls && text.find('/') != std::string_view::npos)
    return fmt::format("write tls: {{ certificates: [{}] }}", quoted_where_needed(text));
  std::string bind;
  if (key.child == Struct::Metrics && !find_key(Struct::Admin, "bind")->type->read(text, &bind))
    return fmt::format("write admin: {{ bind: \"{}\" }}; Prometheus scrapes /metrics there", bind);
  for (const PlainRow& row : kPlainRows)
    if (row.map == key.child && row.reads(text))
      return fmt::format("write {}: {}", key.name, fmt::format(fmt::runtime(row.written), text));
  return fmt::format("write {}: {{ key: value }}; possible keys: {}", key.name,
                     possible(key.child));
}

std::string hint_for_list(const Key& key, std::span<const std::string> items) {
  const std::string_view name = key.name;
  if (key.kind == Key::Kind::map) {
    const size_t colon = items.empty() ? std::string::npos : items[0].find(": ");
    if (colon == std::string::npos) return fmt::format("write {}: {{ name: value }}", name);
    return fmt::format("write {}: {{ {}: {} }}", name,
                       quoted_where_needed(items[0].substr(0, colon)),
                       quoted_where_needed(items[0].substr(colon + 2)));
  }
  if (key.kind != Key::Kind::value)
    return fmt::format("write {}: {{ key: value }}; possible keys: {}", name, possible(key.child));
  std::vector<std::string> texts;
  for (const std::string& item : items) texts.push_back(quoted_where_needed(item));
  if (texts.size() == 1) return fmt::format("write {}: {}", name, texts[0]);
  if (key.owner == Struct::Route && name == "cluster")
    return fmt::format("write clusters: [{}], which splits the requests", fmt::join(texts, ", "));
  if (key.owner == Struct::Listener && name == "cluster")
    return fmt::format(
        "a listener has one cluster; a route can split requests: routes: - {{ clusters: [{}] }}",
        fmt::join(texts, ", "));
  if (key.owner == Struct::Match) return "only one value is possible; write a route for each";
  return "only one value is possible";
}

std::string hint_for_map(const Key& key, std::string_view name, std::string_view first) {
  if (key.kind == Key::Kind::list && !first.empty() && find_key(key.child, first) == nullptr &&
      find_key(key.child, "name") != nullptr)
    return fmt::format("write a list: {}: - {{ name: {}, … }}", key.name,
                       quoted_where_needed(first));
  if (key.kind == Key::Kind::list)
    return key.plain[0] != '\0'
               ? fmt::format("begin each element with '- ', or write a list: {}: [{}]", key.name,
                             name.empty() ? "…" : quoted_where_needed(name))
               : "begin each element with '- '";
  if (!name.empty()) return fmt::format("write {}: {}", key.name, quoted_where_needed(name));
  return key.kind == Key::Kind::strings
             ? fmt::format("write {}: and a list of: {}", key.name, key.type->syntax)
             : "";
}

}  // namespace weir::config

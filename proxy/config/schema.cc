#include "config/schema.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "config/keys.h"

namespace weir::config {
namespace {

using Json = nlohmann::ordered_json;

Json parsed(const std::string& members) {
  return Json::parse("{" + members + "}");
}

// Any value may also be written with variables.
Json or_variable(Json possible) {
  possible.push_back(parsed(R"("type": "string", "pattern": "\\$\\{")"));
  return Json{{"anyOf", std::move(possible)}};
}

Json value_schema(const Key& key) {
  const ValueType& type = *key.type;
  if (!type.words.empty()) {
    Json words = Json::array();
    for (std::string_view word : type.words) words.push_back(word);
    return or_variable(Json::array({Json{{"enum", words}}}));
  }
  switch (type.form) {
    case Form::text: return parsed(type.schema);
    case Form::boolean: return or_variable(Json::array({Json{{"type", "boolean"}}}));
    case Form::number: break;
  }
  Json number{{"type", "integer"}};
  number.update(parsed(type.schema));
  Json possible = Json::array({number});
  for (const char* word : {"auto", "none"})
    if (std::string_view(type.syntax).starts_with(fmt::format("`{}`", word)))
      possible.push_back(Json{{"const", word}});
  return or_variable(possible);
}

// The default as a JSON value; null where it cannot be written.
Json default_value(const Key& key) {
  if (!key.type || !key.literal_default()) return {};
  const std::string_view text = key.default_text;
  const bool bare = key.type->form != Form::text && text != "auto" && text != "none";
  return bare ? Json::parse(text) : Json(text);
}

Json struct_schema(Struct type);

Json defaults_schema() {
  Json properties = Json::object();
  for (std::string_view name : shared_names()) {
    Json inner = Json::object();
    for (const Key* section : shared_sections(name)) {
      Json members = struct_schema(section->child)["properties"];
      for (const Key& key : keys_of(section->child))
        if (is_unshared(key)) members.erase(key.name);
      inner.update(members);
    }
    properties[std::string(name)] = {
        {"type", "object"}, {"additionalProperties", false}, {"properties", inner}};
  }
  return {{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
}

Json list_schema(const Key& key) {
  Json item = struct_schema(key.child);
  if (key.plain[0])
    item = Json{{"oneOf", Json::array({value_schema(*find_key(key.child, key.plain)), item})}};
  return {{"type", "array"}, {"minItems", 1}, {"items", item}};
}

Json key_schema(const Key& key) {
  switch (key.kind) {
    case Key::Kind::directive:
      return std::string_view(key.name) == "defaults" ? defaults_schema() : parsed(key.schema);
    case Key::Kind::value: return value_schema(key);
    case Key::Kind::strings: {
      const Json list{{"type", "array"}, {"minItems", 1}, {"items", value_schema(key)}};
      return Json{{"oneOf", Json::array({value_schema(key), list})}};
    }
    case Key::Kind::map:
      return Json{{"type", "object"}, {"additionalProperties", value_schema(key)}};
    case Key::Kind::section: return struct_schema(key.child);
    case Key::Kind::optional:
      return Json{{"oneOf", Json::array({struct_schema(key.child), Json{{"const", "none"}}})}};
    case Key::Kind::list: return list_schema(key);
  }
  CHECK_UNREACHABLE();
}

Json struct_schema(Struct type) {
  Json properties = Json::object(), required = Json::array();
  for (const Key& key : keys_of(type)) {
    Json schema;
    if (key.help[0]) schema["description"] = key.help;
    if (Json standard = default_value(key); !standard.is_null()) schema["default"] = standard;
    schema.update(key_schema(key));
    properties[key.name] = schema;
    if (key.required()) required.push_back(key.name);
  }
  Json schema{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
  if (type != Struct::Model && !required.empty()) schema["required"] = required;
  return schema;
}

// ---- the reference

constexpr const char* kIntroduction = R"(# Configuration

<!-- Written by `weir schema --reference` from proxy/config/keys.def. Change it there. -->

- `weir.yaml` — the file that an installation begins with.
- `examples/` — files for one purpose each; all of them pass `weir check --strict`.
- `schema/weir.schema.json` — for editors: begin a file with
  `# yaml-language-server: $schema=/usr/share/weir/weir.schema.json`.

```yaml
listeners:
  - bind: :8080
    cluster: app
clusters:
  - name: app
    backends: [10.0.0.11:9000, 10.0.0.12:9000]
```

`weir check FILE` reports all problems of a file, `weir config show --effective` shows every value and
where it comes from, `weir plan FILE` what a reload would change. A reload with a wrong file changes nothing.

## Rules

- **Durations** have a unit: `500ms`, `5s`, `1m30s`, `8h`, `1d`. `0s` means off or none, where that is possible.
- **Numbers** are decimal, without quotes and without leading zeros; percentages are written `20%`; booleans are
  `true` and `false` only.
- **Sizes** have a unit, too: `64KiB`, `10MiB`, `1GB`; rates are written `1KiB/s`. `0` means off or without limit.
- **Addresses**: `10.0.0.1:80`, `"[::1]:80"` (in quotes), `:80` for all addresses of both families, `unix:/path`.
- **Files**: a path is used as it is written; a relative one counts from the working directory of weir. Only those of
  `include` count from the folder of the file.
- **Variables**: `${NAME}`, `${NAME:-default}`, `${NAME:?message}` in values; `$${` for a literal `${`. They are
  replaced after the YAML is read, so the value of a variable is never parsed as YAML.
- **Sharing**: `defaults:` fills in what listeners, routes and clusters leave out, key by key; a cluster without checks
  has `health_check: none`. YAML anchors (`&a`, `*a`) work; merge keys (`<<`) do not.
- **Strict**: an unknown key, a key given twice, a second document are errors.
- **Bounds**: 4 MiB and 400000 values per file, aliases counted each time they are used; 1000 files.

**Effect** says what a change takes at a reload. `live`: at once. `new_requests`: open HTTP connections use it from
their next request on. `new_sessions`: open sessions keep the value they began with; HTTP connections use it from their
next request on. `rebind`: a listening socket is opened or closed; open sessions continue. `restart`: the value takes
effect at the next start, and the reload reports it.
)";

constexpr const char* kRouteTests = R"(
# Route tests

`weir test FILE -c weir.yaml` looks up requests in the routes of a configuration and reports those with another outcome than
expected. Nothing has to run. The path is as a client sends it; routes see it after `paths` has been applied.

```yaml
tests:
  - request: { host: api.example.com, path: /v1/users, method: POST, headers: { x-canary: "1" } }
    expect: { route: api, cluster: api }
  - request: { host: example.com, path: /old }
    expect: { status: 308, location: "https://example.com/new" }
```
)";

std::string default_cell(const Key& key) {
  const std::string_view text = key.default_text;
  if (text.empty()) return "";
  if (!key.same_as().empty()) return fmt::format("that of `{}`", key.same_as());
  return text[0] == '(' ? std::string(text.substr(1, text.size() - 2)) : fmt::format("`{}`", text);
}

std::string type_cell(const Key& key) {
  if (key.kind == Key::Kind::list)
    return key.plain[0] ? fmt::format("list of maps or of `{}`", key.plain) : "list of maps";
  if (key.kind == Key::Kind::optional) return "map, or `none`";
  if (!key.type) return key.kind == Key::Kind::directive ? "" : "map";
  if (!key.type->words.empty()) return fmt::format("`{}`", fmt::join(key.type->words, "`, `"));
  if (key.kind == Key::Kind::map)
    return fmt::format("map of {}s: {}", key.names->name, key.type->syntax);
  const char* list = key.kind == Key::Kind::strings ? ", or a list" : "";
  return fmt::format("{}: {}{}", key.type->name, key.type->syntax, list);
}

std::string effect_cell(const Key& key) {
  const bool has_effect = key.kind != Key::Kind::directive && key.kind != Key::Kind::section;
  return has_effect ? fmt::format("`{}`", text(key.effect)) : "";
}

// "HTTP: " before the help of keys for HTTP only.
std::string help_cell(const Key& key) {
  const std::string_view only = title_of_only_for(key);
  return only.empty() ? key.help : fmt::format("{}: {}", only, key.help);
}

// A map, then the maps in it.
void describe(Struct type, const std::string& path, std::string& out) {
  const StructRow& row = structs()[static_cast<size_t>(type)];
  out += path.empty() ? "\n## The file\n" : fmt::format("\n## `{}`\n", path);
  if (row.help[0]) out += fmt::format("\n{}\n", row.help);
  out += "\n| key | value | default | effect | since | |\n| --- | --- | --- | --- | --- | --- |\n";
  for (const Key& key : keys_of(type))
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", key.name, type_cell(key),
                       default_cell(key), effect_cell(key), key.since, help_cell(key));
  for (const Key& key : keys_of(type)) {
    if (key.type || key.kind == Key::Kind::directive) continue;
    const char* many = key.kind == Key::Kind::list ? "[]" : "";
    describe(key.child, fmt::format("{}{}{}{}", path, path.empty() ? "" : ".", key.name, many),
             out);
  }
}

// Rows of the reference as data: the compiler takes much longer for a call of fmt for each.
struct ReferenceRow {
  const char* cell;
  const char* next;
  const char* last = nullptr;  // of three columns
};

constexpr ReferenceRow kBalancerRows[] = {
#define BALANCER(name, help) {#name, help},
#include "config/balancers.def"
#undef BALANCER
};

constexpr ReferenceRow kRetryReasonRows[] = {
#define RETRY_REASON(name, help) {#name, help},
#include "config/retry_reasons.def"
#undef RETRY_REASON
};

constexpr ReferenceRow kFixedLimitRows[] = {
#define FIXED(what, limit, beyond) {what, limit, beyond},
#include "config/fixed_limits.def"
#undef FIXED
};

constexpr ReferenceRow kCodeRows[] = {
#define CODE(name, title) {#name, title},
#include "config/codes.def"
#undef CODE
};

std::string balancers() {
  std::string out = "\n## Balancing\n\n| `balance` | |\n| --- | --- |\n";
  for (const ReferenceRow& row : kBalancerRows)
    out += fmt::format("| `{}` | {} |\n", row.cell, row.next);
  return out;
}

std::string retry_reasons() {
  std::string out = "\n## Reasons for a retry\n\n| `retry.on` | |\n| --- | --- |\n";
  for (const ReferenceRow& row : kRetryReasonRows)
    out += fmt::format("| `{}` | {} |\n", row.cell, row.next);
  return out;
}

std::string fixed_limits() {
  std::string out = "\n## Limits without a key\n\n| what | limit | beyond |\n| --- | --- | --- |\n";
  for (const ReferenceRow& row : kFixedLimitRows)
    out += fmt::format("| {} | {} | {} |\n", row.cell, row.next, row.last);
  return out;
}

const char* owner_name(Struct owner) {
  if (owner == Struct::Listener) return "listeners";
  return owner == Struct::Route ? "routes" : "clusters";
}

std::string shared_keys() {
  std::string out = "\n## `defaults`\n\n";
  for (std::string_view name : shared_names()) {
    std::vector<std::string> owners;
    for (const Key* section : shared_sections(name)) owners.push_back(owner_name(section->owner));
    out += fmt::format("- `{}`: for {}\n", name, fmt::join(owners, " and "));
  }
  return out;
}

std::string codes() {
  std::string out =
      "\n## Diagnostics\n\nCodes do not change their meaning; warnings begin with W.\n\n| code | "
      "|\n| --- | --- |\n";
  for (const ReferenceRow& row : kCodeRows) out += fmt::format("| {} | {} |\n", row.cell, row.next);
  return out;
}

}  // namespace

std::string json_schema() {
  Json schema{{"$schema", "http://json-schema.org/draft-07/schema#"},
              {"title", "weir configuration"}};
  schema.update(struct_schema(Struct::Model));
  return schema.dump(2) + "\n";
}

std::string reference_markdown() {
  std::string out = kIntroduction;
  describe(Struct::Model, "", out);
  out += shared_keys() + balancers() + retry_reasons() + fixed_limits() + kRouteTests;
  describe(Struct::RouteTests, "", out);
  return out + codes();
}

}  // namespace weir::config

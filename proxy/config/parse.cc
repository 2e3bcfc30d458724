#include "config/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/ascii.h"
#include "base/check.h"
#include "config/hints.h"
#include "config/keys.h"
#include "config/suggest.h"

namespace weir::config {
namespace {

// The object that a map is read into, and the values of missing keys.
struct Target {
  Struct type;
  void* object;
  std::string path;       // "listeners[0].timeouts"; empty at the top
  std::string called;     // "listener 'web'", for messages
  const Node* fallback;   // the map under `defaults:` for this section; may be null
  std::string only = "";  // the protocol of the listener or check around it; empty: any
};

struct Given {
  const Node* node = nullptr;
  bool shared = false;
  const Node* key = nullptr;
};

// Whether a key has a meaning for this protocol.
bool applies(const Key& key, std::string_view protocol) {
  return protocol.empty() || only_for(key).empty() || only_for(key) == protocol;
}

// "listeners" → "listener"
std::string singular(std::string_view name) {
  return std::string(name.substr(0, name.size() - 1));
}

std::vector<std::string_view> names_of(Struct type) {
  std::vector<std::string_view> names;
  for (const Key& key : keys_of(type)) names.emplace_back(key.name);
  return names;
}

class Reading {
 public:
  Reading(const Environment& environment, Findings& findings)
      : environment_(environment), findings_(findings) {}

  Parsed result;

  void read_file(const Node& root) {
    if (!expect(root, Node::Kind::map, "the file")) return;
    defaults_ = root.find("defaults");
    if (defaults_) read_defaults(*defaults_);
    read_map(&root, {Struct::Model, &result.model, "", "the file", nullptr});
  }

  // For a map that is a whole file.
  void read_alone(const Node& root, Struct type, void* object) {
    read_map(&root, {type, object, "", "the file", nullptr});
  }

 private:
  // ---- defaults

  // Reads `defaults:` into unused objects, so that its mistakes are reported even if no listener or
  // cluster uses the values.
  void read_defaults(const Node& node) {
    if (node.kind == Node::Kind::null || !expect(node, Node::Kind::map, "'defaults'"))
      return defaults_ = nullptr, void();
    for (const Node::Entry& entry : node.entries) {
      const std::vector<const Key*> sections = shared_sections(entry.key->text);
      if (sections.empty())
        unknown_key(*entry.key, Struct::Model, "'defaults'", shared_names(),
                    not_shared(entry.key->text));
      else
        read_shared(*entry.value, sections);
    }
  }
  void read_shared(const Node& node, const std::vector<const Key*>& sections) {
    const std::string called = fmt::format("'defaults.{}'", sections.front()->name);
    if (!expect(node, Node::Kind::map, called, sections.front())) return;
    std::vector<std::string_view> possible;
    for (const Key* section : sections)
      for (const Key& key : keys_of(section->child))
        if (!is_unshared(key)) possible.push_back(key.name);
    for (const Node::Entry& entry : node.entries)
      if (std::find(possible.begin(), possible.end(), entry.key->text) == possible.end())
        unknown_key(*entry.key, sections.front()->child, called, possible,
                    hint_for_key(sections.front()->child, entry.key->text));
    Listener listener;
    Route route;
    Cluster cluster;
    for (const Key* section : sections) {
      void* owner = &cluster;
      if (section->owner == Struct::Listener) owner = &listener;
      if (section->owner == Struct::Route) owner = &route;
      void* object =
          section->kind == Key::Kind::optional ? section->append(owner) : section->at(owner, 0);
      read_map(nullptr, {section->child, object, kNowhere, called, &node});
    }
  }
  const Node* shared(const Key& key) const {
    if (!defaults_ || !is_shared(key)) return nullptr;
    const Node* node = defaults_->find(key.name);
    return node && node->is_map() ? node : nullptr;
  }
  // The map with the values of keys that this section does not have.
  const Node* fallback_of(const Key& key, const Target& target) const {
    if (const Node* node = shared(key)) return node;
    const Node* node = target.fallback ? target.fallback->find(key.name) : nullptr;
    return node && node->is_map() ? node : nullptr;
  }

  // ---- maps

  // `node` may be null: then only the fallback is read.
  void read_map(const Node* node, Target target) {
    const std::span<const Key> keys = keys_of(target.type);
    std::vector<Given> values(keys.size());
    if (node) collect(*node, target, values);
    for (size_t i = 0; i < keys.size(); ++i) {
      const Key& key = keys[i];
      const bool possible = applies(key, target.only);
      if (!values[i].node && possible && target.fallback && !is_unshared(key))
        values[i] = {target.fallback->find(key.name), true};
      const size_t before = failures_;
      if (values[i].node && !possible)
        other_protocol(key, *values[i].key, target);
      else if (values[i].node || (possible && shared(key)))
        read_key(key, values[i], target);
      else if (key.required())
        missing_key(key, node, target);
      if (chooses(key) && !target.path.starts_with(kNowhere))
        target.only = failures_ == before ? texts(key, target.object)[0] : "";
    }
    if (target.type == Struct::Listener && target.only == "tcp" && node && !node->find("cluster"))
      missing_key(*find_key(Struct::Listener, "cluster"), node, target);
    if (Location* location = location_of(target.type, target.object); location && node)
      *location = node->place.location;
  }
  void collect(const Node& node, const Target& target, std::vector<Given>& values) {
    const std::span<const Key> keys = keys_of(target.type);
    for (const Node::Entry& entry : node.entries) {
      const auto found = std::find_if(keys.begin(), keys.end(),
                                      [&](auto& k) { return entry.key->text == k.name; });
      if (found == keys.end())
        unknown_key(*entry.key, target.type, target.called, names_of(target.type),
                    hint_for_key(target.type, entry.key->text));
      else if (entry.value->kind == Node::Kind::null && found->kind != Key::Kind::directive)
        no_value(*entry.key);
      else
        values[static_cast<size_t>(found - keys.begin())] = {entry.value, false, entry.key};
      if (found != keys.end() && is_noted_unread(target.type) && !is_none(*found, *entry.value))
        note(join_path(target.path, found->name), *entry.value, {}, false);
    }
  }

  // Whether keys of this map are noted as written even if their values cannot be read: otherwise
  // validation would report a required key as missing, a second finding for one mistake.
  static bool is_noted_unread(Struct type) {
    return type == Struct::Route || type == Struct::ClientCertificates ||
           type == Struct::ClusterTls;
  }

  void read_key(const Key& key, const Given& value, const Target& target) {
    switch (key.kind) {
      case Key::Kind::directive: return;  // handled by load.cc
      case Key::Kind::value:
        return read_value(key, key.at(target.object, 0), value, join_path(target.path, key.name));
      case Key::Kind::strings: return read_strings(key, value, target);
      case Key::Kind::map: return read_names(key, value, target);
      case Key::Kind::section: return read_section(key, value, target);
      case Key::Kind::optional: return read_optional(key, value, target);
      case Key::Kind::list: return read_list(key, value, target);
    }
    CHECK_UNREACHABLE();
  }
  static bool is_none(const Key& key, const Node& node) {
    return key.kind == Key::Kind::optional && node.is_scalar() && node.text == "none";
  }
  void read_section(const Key& key, const Given& value, const Target& target) {
    const std::string called = target.path.empty()
                                   ? fmt::format("'{}'", key.name)
                                   : fmt::format("'{}' of {}", key.name, target.called);
    if (value.node && !expect(*value.node, Node::Kind::map, called, &key)) return;
    // A section of `defaults:` supplies values key by key; read_shared() checks its own keys, once.
    const bool own = !value.shared || target.path.starts_with(kNowhere);
    read_map(own ? value.node : nullptr,
             {key.child, key.at(target.object, 0), join_path(target.path, key.name), called,
              fallback_of(key, target), target.only});
  }
  void read_optional(const Key& key, const Given& value, const Target& target) {
    if (value.node && is_none(key, *value.node)) {
      // In a route `none` means the same as a missing key.
      if (target.type != Struct::Route)
        note(join_path(target.path, key.name), *value.node, {}, false);
      return;
    }
    const std::string called = fmt::format("'{}' of {}", key.name, target.called);
    if (value.node && !expect(*value.node, Node::Kind::map, called, &key)) return;
    const std::string path = join_path(target.path, key.name);
    note(path, value.node ? *value.node : *shared(key), {}, !value.node);
    read_map(value.node, {key.child, key.append(target.object), path, called, shared(key)});
  }

  // ---- lists

  void read_list(const Key& key, const Given& value, const Target& target) {
    const Node& node = *value.node;
    const std::string called = target.path.empty()
                                   ? fmt::format("'{}'", key.name)
                                   : fmt::format("'{}' of {}", key.name, target.called);
    const std::string path = join_path(target.path, key.name);
    if (!expect(node, Node::Kind::sequence, called, &key)) return;
    note(path, node, {}, false);
    if (node.items.empty() && !key.required()) empty_list(node, called);
    for (const Node* item : node.items) read_item(key, *item, target, path);
  }
  void read_item(const Key& key, const Node& item, const Target& target, const std::string& list) {
    const bool plain = item.is_scalar() && key.plain[0] != '\0';
    const std::string of = target.path.empty() ? "" : " of " + target.called;
    if (!plain && !expect(item, Node::Kind::map, fmt::format("a {}{}", singular(key.name), of)))
      return;
    void* object = key.append(target.object);
    const size_t index = key.size(target.object) - 1;
    const std::string path = fmt::format("{}[{}]", list, index);
    note(path, item, {}, false);
    Target inner{key.child, object, path, fmt::format("{}{}", called(key, item, index), of),
                 nullptr};
    if (!plain) return read_map(&item, inner);
    const Key* address = find_key(key.child, key.plain);
    if (Location* location = location_of(key.child, object)) *location = item.place.location;
    read_value(*address, address->at(object, 0), {&item, false}, join_path(path, address->name));
  }
  static std::string called(const Key& key, const Node& item, size_t index) {
    const Node* name = item.find("name");
    if (name && name->is_scalar()) return fmt::format("{} '{}'", singular(key.name), name->text);
    return fmt::format("{} {}", singular(key.name), index + 1);
  }
  void read_strings(const Key& key, const Given& value, const Target& target) {
    const Node& node = *value.node;
    const std::string path = join_path(target.path, key.name);
    key.clear(target.object);
    if (node.is_scalar()) return read_string(key, value, target, path);
    if (!expect(node, Node::Kind::sequence, fmt::format("'{}' of {}", key.name, target.called),
                &key))
      return;
    if (node.items.empty()) empty_list(node, fmt::format("'{}' of {}", key.name, target.called));
    for (const Node* item : node.items) read_string(key, {item, value.shared}, target, path);
  }
  void read_string(const Key& key, const Given& item, const Target& target,
                   const std::string& list) {
    std::string text;
    const std::string path = fmt::format("{}[{}]", list, key.size(target.object));
    const size_t before = failures_;
    read_value(key, &text, item, path);
    if (failures_ == before) *static_cast<std::string*>(key.append(target.object)) = text;
  }

  // A map whose names the user chooses; the case of header field names makes no difference.
  void read_names(const Key& key, const Given& value, const Target& target) {
    const std::string called = fmt::format("'{}' of {}", key.name, target.called);
    if (!expect(*value.node, Node::Kind::map, called, &key)) return;
    std::set<std::string> seen;
    for (const Node::Entry& entry : value.node->entries) {
      NamedValue read;
      if (std::optional<Problem> problem = key.names->read(entry.key->text, &read.name)) {
        failed(problem->code, *entry.key, problem->message, problem->hint);
        continue;
      }
      const bool exact = key.names == &types::query_name::type;
      std::string folded = exact ? read.name : lower_case(read.name);
      if (!seen.insert(folded).second) {
        failed(Code::E011, *entry.key, fmt::format("'{}' is given twice", entry.key->text),
               "the case of a header field name makes no difference");
        continue;
      }
      const size_t before = failures_;
      const std::string path = fmt::format("{}.{}.{}", target.path, key.name, read.name);
      read_value(key, &read.value, {entry.value, value.shared}, path);
      if (failures_ == before) *static_cast<NamedValue*>(key.append(target.object)) = read;
    }
  }

  // ---- values

  void read_value(const Key& key, void* member, const Given& value, const std::string& path) {
    const Node& node = *value.node;
    if (node.kind == Node::Kind::null)
      return failed(Code::E105, node, fmt::format("'{}' has no value", key.name));
    if (!node.is_scalar())
      return failed(Code::E102, node,
                    fmt::format("'{}' is a plain value, not {}", key.name, text(node.kind)),
                    hint_instead(key, node));
    std::optional<Expanded> expanded = expand(node.text, environment_, node.place, findings_);
    if (!expanded) return ++failures_, void();
    if (node.quoted && expanded->names.empty() && key.type->form != Form::text)
      return failed(Code::E106, node,
                    fmt::format("'{}' is a {}, not text", key.name, key.type->name),
                    "remove the quotes");
    if (std::optional<Problem> problem = key.type->read(expanded->text, member)) {
      if (!expanded->names.empty()) problem->message += fmt::format(" (from {})", node.text);
      if (std::string hint = hint_for_value(*key.type, expanded->text); !hint.empty())
        problem->hint = std::move(hint);
      return failed(problem->code, node, problem->message, problem->hint);
    }
    if (Location* place = key.type->location ? key.type->location(member) : nullptr)
      *place = node.place.location;
    note(path, node, expanded->names, value.shared);
  }
  void failed(Code code, const Node& node, std::string message, std::string hint = "") {
    ++failures_;
    findings_.add(code, node.place, std::move(message), std::move(hint));
  }
  void note(const std::string& path, const Node& node, const std::vector<std::string>& names,
            bool is_shared) {
    if (path.starts_with(kNowhere)) return;
    result.provenance[path] = {node.place, is_shared, fmt::format("{}", fmt::join(names, " "))};
  }

  // ---- findings about maps

  bool expect(const Node& node, Node::Kind kind, const std::string& what,
              const Key* key = nullptr) {
    if (node.kind == kind) return true;
    failed(Code::E102, node, fmt::format("{} is {}, not {}", what, text(kind), text(node.kind)),
           key ? hint_instead(*key, node) : "");
    return false;
  }
  // The hint for a value of the wrong kind.
  static std::string hint_instead(const Key& key, const Node& node) {
    if (node.is_scalar()) return hint_for_plain(key, node.text);
    if (node.is_sequence()) {
      std::vector<std::string> items;
      for (const Node* item : node.items)
        if (item->is_scalar()) items.push_back(item->text);
      return items.size() == node.items.size() ? hint_for_list(key, items) : "";
    }
    if (!node.is_map()) return "";
    std::string_view first;
    if (!node.entries.empty()) first = node.entries[0].key->text;
    for (std::string_view name : {"name", "address"})
      if (const Node* found = node.find(name); found && found->is_scalar())
        return hint_for_map(key, found->text, first);
    return hint_for_map(key, "", first);
  }
  void empty_list(const Node& list, const std::string& called) {
    findings_.add(Code::E105, list.place, fmt::format("{} is an empty list", called),
                  "give at least one");
  }
  void other_protocol(const Key& key, const Node& at, const Target& target) {
    const bool http = only_for(key) == "http";
    const bool check = target.type == Struct::HealthCheck;
    std::string hint =
        fmt::format("for this key write {}: {}", check ? "type" : "protocol", only_for(key));
    const std::string_view name = key.name;
    if (!http && name == "idle")
      hint =
          "keep_alive is for the time between two requests, tunnel_idle for WebSockets and tunnels";
    if (!http && name == "expect") hint = "write expect_status: 200-299, or expect_body";
    if (!http && name == "send") hint = "write method, path, host and headers of the request";
    failed(
        Code::E218, at,
        fmt::format("'{}' in {} is for {} only", key.name, target.called, title_of_only_for(key)),
        hint);
  }
  void no_value(const Node& key) {
    failed(Code::E105, key, fmt::format("'{}' has no value", key.text),
           "give one, or remove the key");
  }
  void missing_key(const Key& key, const Node* node, const Target& target) {
    if (!node) return;
    for (const Node::Entry& entry : node->entries)
      if (entry.key->text == key.name) return;  // present without a value: already reported
    const Place& place = node->entries.empty() ? node->place : node->entries.front().key->place;
    findings_.add(
        key.kind == Key::Kind::list && target.type == Struct::Cluster ? Code::E211 : Code::E101,
        place, fmt::format("{} has no '{}'", target.called, key.name));
  }
  void unknown_key(const Node& key, Struct map, const std::string& where,
                   std::span<const std::string_view> possible, std::string hint) {
    if (findings_.saturated()) return;
    if (!hint.empty()) {
      // A word of another proxy.
    } else if (const std::string near = nearest(key.text, possible); !near.empty()) {
      hint = fmt::format("did you mean '{}'?", near);
    } else if (is_later(key.text)) {
      hint = "not in this version";
    } else {
      hint = hint_for_other_map(key.text, map >= Struct::RouteTests);
    }
    if (hint.empty()) hint = fmt::format("possible: {}", fmt::join(possible, ", "));
    findings_.add(Code::E103, key.place, fmt::format("unknown key '{}' in {}", key.text, where),
                  hint);
  }
  // 'defaults' can have only a few keys: the place of another key would not help.
  static std::string not_shared(std::string_view name) {
    if (!nearest(name, shared_names()).empty()) return "";
    return fmt::format("possible: {}; write others in each listener, route or cluster",
                       fmt::join(shared_names(), ", "));
  }
  // " of listeners", for a section of a listener.
  static std::string owner_of(const Key& section) {
    for (const Key& map : keys())
      if (!map.type && map.kind != Key::Kind::directive && map.child == section.owner)
        return fmt::format(" of {}", map.name);
    return "";
  }
  // For a key of another map: names that map. `of_tests`: a map of the file of tests, else of the
  // configuration.
  static std::string hint_for_other_map(std::string_view name, bool of_tests) {
    for (const Key& map : keys()) {
      if ((map.owner >= Struct::RouteTests) != of_tests) continue;
      if (map.type || map.kind == Key::Kind::directive || !find_key(map.child, name)) continue;
      if (map.kind == Key::Kind::list)
        return fmt::format("'{}' belongs to one of the '{}'", name, map.name);
      return fmt::format("'{}' belongs under '{}'{}", name, map.name, owner_of(map));
    }
    return "";
  }

  static constexpr const char* kNowhere = "-";

  const Environment& environment_;
  Findings& findings_;
  const Node* defaults_ = nullptr;
  size_t failures_ = 0;
};

// "GET:api.example.com/v1/*"
std::string name_from(const Match& match) {
  std::string name;
  if (!match.methods.empty()) name = fmt::format("{}:", fmt::join(match.methods, ","));
  if (!match.hosts.empty()) name += match.hosts[0];
  name += match.path;
  if (!match.path_prefix.empty())
    name += match.path_prefix + (match.path_prefix.back() == '/' ? "*" : "/*");
  if (name.empty()) name = "*";
  constexpr size_t kLongest = 90;
  return name.substr(0, kLongest);
}

void name_routes(std::vector<Route>& routes) {
  std::set<std::string_view> taken;
  std::unordered_map<std::string, size_t> numbers;  // last suffix, by name
  for (const Route& route : routes)
    if (!route.name.empty()) taken.insert(route.name);
  for (Route& route : routes) {
    if (!route.name.empty()) continue;
    const std::string name = name_from(route.match);
    route.name = name;
    size_t& number = numbers.try_emplace(name, 1).first->second;
    while (taken.contains(route.name)) route.name = fmt::format("{}#{}", name, ++number);
    taken.insert(route.name);
  }
}

void name_certificates(ListenerTls& tls) {
  for (Certificate& certificate : tls.certificates) {
    if (certificate.name.empty()) certificate.name = certificate.cert;
    if (certificate.key.empty()) certificate.key = certificate.cert;
  }
}

// Default names: the first address, or the match of a route.
void name_routes_without_name(Model& model) {
  for (Listener& listener : model.listeners) {
    if (listener.name.empty() && !listener.bind.empty()) listener.name = listener.bind[0];
    name_routes(listener.routes);
    if (listener.tls) name_certificates(*listener.tls);
  }
  for (Cluster& cluster : model.clusters) {
    for (Backend& backend : cluster.backends)
      if (backend.name.empty()) backend.name = backend.address;
    if (!cluster.tls) continue;
    if (cluster.tls->verify_name.empty()) cluster.tls->verify_name = cluster.tls->sni;
    if (cluster.tls->key.empty()) cluster.tls->key = cluster.tls->cert;
  }
}

// Counts of what is under way judge requests better than turns do; of TCP sessions, which may last
// for days, they would send all new ones to a backend that has just come back.
void choose_default_balance(Model& model) {
  std::set<std::string_view> of_tcp;
  for (const Listener& listener : model.listeners) {
    if (listener.protocol == Protocol::tcp) of_tcp.insert(listener.cluster);
    for (const PassthroughRule& rule : listener.passthrough) of_tcp.insert(rule.cluster);
  }
  for (Cluster& cluster : model.clusters)
    if (of_tcp.contains(cluster.name)) cluster.default_balance = Balance::round_robin;
}

}  // namespace

Parsed parse(const Node& root, const Environment& environment, Findings& findings) {
  Reading reading(environment, findings);
  reading.read_file(root);
  name_routes_without_name(reading.result.model);
  choose_default_balance(reading.result.model);
  return std::move(reading.result);
}

RouteTests parse_route_tests(const Node& root, const Environment& environment, Findings& findings) {
  RouteTests tests;
  Reading(environment, findings).read_alone(root, Struct::RouteTests, &tests);
  return tests;
}

std::optional<std::string> parse_text(const Node& node, const Environment& environment,
                                      Findings& findings) {
  if (!node.is_scalar()) {
    findings.add(Code::E102, node.place,
                 fmt::format("a plain value is needed here, not {}", text(node.kind)));
    return std::nullopt;
  }
  std::optional<Expanded> expanded = expand(node.text, environment, node.place, findings);
  if (!expanded) return std::nullopt;
  return std::move(expanded->text);
}

}  // namespace weir::config

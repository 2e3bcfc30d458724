#include "config/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/check.h"
#include "config/keys.h"

namespace weir::config {
namespace {

// One map in both configurations, and its owner.
struct Pair {
  Struct type;
  const void* from;
  const void* to;
  std::string path, listener, cluster, backend;
};

std::string joined(const Key& key, const void* owner) {
  std::vector<std::string> values = texts(key, owner);
  if (values.size() == 1 && values[0].empty()) return key.default_text;
  if (values.empty() && key.kind == Key::Kind::map) return "(none)";
  if (key.kind != Key::Kind::value && !is_ordered(key)) std::sort(values.begin(), values.end());
  return fmt::format("{}", fmt::join(values, ", "));
}

class Comparison {
 public:
  std::vector<Change> changes;

  void compare(const Pair& pair) {
    for (const Key& key : keys_of(pair.type)) compare_key(key, pair);
  }

 private:
  void compare_key(const Key& key, const Pair& pair) {
    switch (key.kind) {
      case Key::Kind::directive: return;
      case Key::Kind::value:
      case Key::Kind::strings:
      case Key::Kind::map: return compare_values(key, pair);
      case Key::Kind::section: return compare(inside(key, pair, 0, 0));
      case Key::Kind::optional: return compare_optional(key, pair);
      case Key::Kind::list: return compare_lists(key, pair);
    }
    CHECK_UNREACHABLE();
  }
  static std::string join(const std::string& path, const char* key) {
    return path.empty() ? key : fmt::format("{}.{}", path, key);
  }
  static Pair inside(const Key& key, const Pair& pair, size_t from, size_t to) {
    return {key.child,
            key.at_const(pair.from, from),
            key.at_const(pair.to, to),
            join(pair.path, key.name),
            pair.listener,
            pair.cluster,
            pair.backend};
  }

  void compare_values(const Key& key, const Pair& pair) {
    std::string from = joined(key, pair.from), to = joined(key, pair.to);
    if (from == to) return;
    changes.push_back({key.effect, ChangeKind::changed, join(pair.path, key.name), std::move(from),
                       std::move(to), pair.listener, pair.cluster, pair.backend,
                       is_confidential(key)});
  }
  void compare_optional(const Key& key, const Pair& pair) {
    const bool before = key.size(pair.from) > 0, after = key.size(pair.to) > 0;
    if (before && after) return compare(inside(key, pair, 0, 0));
    if (before != after)
      changes.push_back({key.effect, after ? ChangeKind::added : ChangeKind::removed,
                         join(pair.path, key.name), "", "", pair.listener, pair.cluster,
                         pair.backend});
  }

  // Names of the elements that both have, in order.
  static std::vector<std::string> common(const Key& key, const void* owner, const void* other) {
    std::set<std::string> there;
    for (size_t i = 0; i < key.size(other); ++i)
      there.insert(element_name(key.child, key.at_const(other, i)));
    std::vector<std::string> names;
    for (size_t i = 0; i < key.size(owner); ++i) {
      std::string name = element_name(key.child, key.at_const(owner, i));
      if (there.contains(name)) names.push_back(std::move(name));
    }
    return names;
  }
  void compare_order(const Key& key, const Pair& pair) {
    const std::vector<std::string> before = common(key, pair.from, pair.to);
    const std::vector<std::string> after = common(key, pair.to, pair.from);
    if (before != after)
      changes.push_back({key.effect, ChangeKind::changed, join(pair.path, key.name),
                         fmt::format("{}", fmt::join(before, ", ")),
                         fmt::format("{}", fmt::join(after, ", ")), pair.listener, pair.cluster,
                         ""});
  }

  void compare_lists(const Key& key, const Pair& pair) {
    if (is_ordered(key)) compare_order(key, pair);
    std::unordered_map<std::string, size_t> before;
    for (size_t i = 0; i < key.size(pair.from); ++i)
      before[element_name(key.child, key.at_const(pair.from, i))] = i;
    for (size_t i = 0; i < key.size(pair.to); ++i) {
      const std::string name = element_name(key.child, key.at_const(pair.to, i));
      const auto found = before.find(name);
      if (found == before.end()) {
        changes.push_back(of_element(key, pair, name, ChangeKind::added));
        continue;
      }
      Pair elements = inside(key, pair, found->second, i);
      name_element(elements, key, name);
      compare(elements);
      before.erase(found);
    }
    for (size_t i = 0; i < key.size(pair.from); ++i) {
      const std::string name = element_name(key.child, key.at_const(pair.from, i));
      if (before.contains(name))
        changes.push_back(of_element(key, pair, name, ChangeKind::removed));
    }
  }
  static void name_element(Pair& element, const Key& key, const std::string& name) {
    element.path += "." + name;
    if (key.child == Struct::Listener) element.listener = name;
    if (key.child == Struct::Cluster) element.cluster = name;
    if (key.child == Struct::Backend) element.backend = name;
  }
  static Change of_element(const Key& key, const Pair& pair, const std::string& name,
                           ChangeKind kind) {
    Pair element{key.child,     nullptr,      nullptr,     join(pair.path, key.name),
                 pair.listener, pair.cluster, pair.backend};
    name_element(element, key, name);
    return {key.effect,      kind,           element.path, "", "", element.listener,
            element.cluster, element.backend};
  }
};

}  // namespace

std::vector<Change> plan(const Model& from, const Model& to) {
  Comparison comparison;
  comparison.compare({Struct::Model, &from, &to, "", "", "", ""});
  return std::move(comparison.changes);
}

const char* text(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::added: return "added";
    case ChangeKind::removed: return "removed";
    case ChangeKind::changed: return "changed";
  }
  CHECK_UNREACHABLE();
}

std::string text(const Change& change) {
  if (change.kind != ChangeKind::changed)
    return fmt::format("{} {}", change.path, text(change.kind));
  return fmt::format("{}: {} → {}", change.path, change.from, change.to);
}

Effect hardest(std::span<const Change> changes) {
  Effect effect = Effect::live;
  for (const Change& change : changes) effect = std::max(effect, change.effect);
  return effect;
}

}  // namespace weir::config

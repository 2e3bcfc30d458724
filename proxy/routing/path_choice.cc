#include "routing/path_choice.h"

#include <algorithm>
#include <array>

#include "base/percent.h"

namespace weir {
namespace {

constexpr Fault kAboveRoot{400, "the path goes above its root"};
// Each reading of a path is a copy and a look-up, so the work grows with the size of the path.
constexpr size_t kMaxAmbiguousPath = 8 * 1024;
constexpr Fault kTooLong{414, "a path with several readings must not be longer than 8 KiB"};

// Readings besides the normal form: separators and parameters that only some servers recognise.
enum : unsigned { kSlash = 1, kBackslash = 2, kParameter = 4 };

unsigned kinds_in(std::string_view path, const PathRules& rules) {
  const bool slashes = rules.encoded_slashes == EncodedSlashes::automatic;
  const bool parameters = rules.dot_segments == DotSegments::automatic;
  unsigned kinds = 0;
  for (size_t i = 0; i < path.size();) {
    const EncodedByte next = first_byte(path.substr(i));
    i += next.size;
    if (next.byte == '\\' && slashes) kinds |= kBackslash;
    if (next.byte == ';' && parameters) kinds |= kParameter;
    if (next.byte == '/' && next.size == 3 && slashes) kinds |= kSlash;
  }
  return kinds;
}

PathReading with(PathReading reading, unsigned kinds) {
  reading.slashes |= (kinds & kSlash) != 0;
  reading.backslashes |= (kinds & kBackslash) != 0;
  reading.parameters |= (kinds & kParameter) != 0;
  return reading;
}

// Every non-empty subset: a server may recognise one kind or several.
struct KindSets {
  std::array<unsigned, 7> sets{};
  size_t count = 0;
  explicit KindSets(unsigned kinds) {
    for (unsigned set = kinds; set != 0; set = (set - 1) & kinds) sets[count++] = set;
  }
  const unsigned* begin() const { return sets.data(); }
  const unsigned* end() const { return sets.data() + count; }
};

class Choosing {
 public:
  Choosing(const RouteTable& routes, const PathRules& rules, const RouteQuery& query,
           std::span<char> memory)
      : routes_(routes),
        rules_(rules),
        query_(query),
        kept_(memory.first(memory.size() / 2)),
        scratch_(memory.subspan(memory.size() / 2, memory.size() / 2)) {}

  PathChoice choose(std::string_view raw) {
    if (is_plain(raw)) return choice_of(raw);
    if (const Fault fault = check_path(raw, rules_)) return refused(fault);
    if (may_leave_root(raw, kinds_in(raw, rules_))) return refused(kAboveRoot);
    if (!routes_.look_at_paths() && demanded(rules_) == PathReading{}) return choice_of(raw);
    const PathText demand = read_path(raw, demanded(rules_), kept_);
    if (demand.fault) return refused(demand.fault);
    if (!routes_.look_at_paths()) return choice_of(demand.changed ? demand.path : raw);
    if (raw.size() > kMaxAmbiguousPath && is_ambiguous(demand.changed ? demand.path : raw))
      return refused(kTooLong);
    PathChoice choice = plain_choice(raw, demand);
    if (choice.fault) return choice;
    if (may_leave_prefix(choice, 0)) choice = normal_choice(choice.path, choice.route);
    return check_kinds(choice);
  }

 private:
  // The outcome of a reading: the route, and whether the route removes a prefix from the path.
  struct Taken {
    const Route* route;
    bool cut;
    friend bool operator==(const Taken&, const Taken&) = default;
  };

  Taken take(std::string_view path) {
    query_.path = path;
    const Route* route = routes_.match(query_);
    return {route, route != nullptr && route->prefix_in(path).data() != nullptr};
  }
  PathChoice choice_of(std::string_view path) {
    query_.path = path;
    return {.route = routes_.match(query_), .path = path};
  }
  static PathChoice refused(Fault fault) { return {.fault = fault, .by = PathChoice::By::refused}; }
  PathText read(std::string_view path, const PathReading& how) {
    return read_path(path, how, scratch_);
  }

  // Whether servers may read the path in several ways.
  bool is_ambiguous(std::string_view path) {
    return kinds_in(path, rules_) != 0 || read(path, normal(rules_)).changed;
  }
  bool may_leave_root(std::string_view path, unsigned kinds) const {
    if (rules_.dot_segments != DotSegments::automatic) return false;
    if (path.find('.') == path.npos && path.find("%2") == path.npos) return false;
    if (goes_above_root(path, normal(rules_))) return true;
    for (const unsigned set : KindSets(kinds))
      if (goes_above_root(path, with(normal(rules_), set))) return true;
    return false;
  }
  // Whether the rest of the path, without the prefix that the route removes, goes above its root.
  bool may_leave_prefix(const PathChoice& choice, unsigned kinds) const {
    if (choice.route == nullptr) return false;
    const std::string_view prefix = choice.route->prefix_in(choice.path);
    return prefix.data() != nullptr && may_leave_root(choice.path.substr(prefix.size()), kinds);
  }

  // `demand`: the path after explicit rules, in kept_.
  PathChoice plain_choice(std::string_view raw, const PathText& demand) {
    const std::string_view path = demand.changed ? demand.path : raw;
    const Taken sent = take(path);
    const PathText full = read(path, normal(rules_));
    if (full.fault) return refused(full.fault);
    if (full.path == path) return {.route = sent.route, .path = path};
    if (take(full.path) != sent) return normal_choice(path, sent.route);
    if (full.changed && demand.path != path)
      if (const Taken taken = take(demand.path); taken != sent)
        return normal_choice(path, taken.route);
    return full.dots > 0 && full.merged ? partly_normal_choice(path, sent)
                                        : PathChoice{.route = sent.route, .path = path};
  }
  // A server may resolve dot segments without merging slashes, or merge without resolving.
  PathChoice partly_normal_choice(std::string_view path, const Taken& sent) {
    PathReading unmerged = normal(rules_), whole = normal(rules_);
    unmerged.merge = rules_.double_slashes == DoubleSlashes::merge;
    whole.dots = rules_.dot_segments == DotSegments::normalize;
    for (const PathReading& how : {unmerged, whole}) {
      const Taken taken = take(read(path, how).path);
      if (taken != sent) return normal_choice(path, taken.route);
    }
    return {.route = sent.route, .path = path};
  }
  PathChoice normal_choice(std::string_view path, const Route* other) {
    const PathText full = read(path, normal(rules_));
    std::copy(full.path.begin(), full.path.end(), kept_.begin());
    PathChoice choice = choice_of({kept_.data(), full.path.size()});
    choice.by = PathChoice::By::normal;
    choice.other = other;
    return choice;
  }

  // Refuses the path if a reading that only some servers use matches another route.
  PathChoice check_kinds(const PathChoice& choice) {
    unsigned kinds = kinds_in(choice.path, rules_);
    if (only_of_route(choice)) kinds &= ~unsigned{kParameter};
    if (kinds == 0) return choice;
    if (may_leave_prefix(choice, kinds)) return refused(kAboveRoot);
    const KindSets sets(kinds);
    const uint32_t dots = read(choice.path, normal(rules_)).dots;
    for (const unsigned set : sets)
      if (const PathChoice found = check_kind(choice, set, dots, sets.count > 1); found.fault)
        return found;
    return choice;
  }
  // All parameters are part of the path of the route, so its servers recognise parameters. A
  // parameter after that path may hide another path: "/a;v=1/..;/admin".
  bool only_of_route(const PathChoice& choice) const {
    if (choice.route == nullptr) return false;
    const std::string& own = choice.route->match.path;
    return own.find(';') != own.npos && own.size() <= choice.path.size() &&
           (kinds_in(choice.path.substr(own.size()), rules_) & kParameter) == 0;
  }
  PathChoice check_kind(const PathChoice& choice, unsigned set, uint32_t dots,
                        bool one_of_several) {
    const PathReading full = with(normal(rules_), set);
    const PathText text = read(choice.path, full);
    if (text.fault) return refused(text.fault);
    // Dot segments in a combination of kinds: refused without a look-up of each reading.
    if (one_of_several && text.dots != dots) return ambiguous(set, text.path, nullptr);
    if (const Route* other = take(text.path).route; other != choice.route)
      return ambiguous(set, text.path, other);
    const bool resolves = text.dots > 0, merges = text.merged;
    for (const unsigned part : {0U, 1U, 2U}) {  // neither, dot segments alone, slashes alone
      if (part == 0 ? !resolves && !merges : !resolves || !merges) continue;
      PathReading how = full;
      how.dots = part == 1;
      how.merge = part == 2;
      const std::string_view path = read(choice.path, how).path;
      if (const Route* other = take(path).route; other != choice.route)
        return ambiguous(set, path, other);
    }
    return choice;
  }
  static PathChoice ambiguous(unsigned kinds, std::string_view path, const Route* other) {
    const char* reason = (kinds & kParameter) != 0
                             ? "a parameter in the path changes its route"
                             : "an encoded slash in the path changes its route";
    return {
        .fault = {400, reason}, .by = PathChoice::By::refused, .other_path = path, .other = other};
  }

  const RouteTable& routes_;
  const PathRules& rules_;
  RouteQuery query_;
  std::span<char> kept_, scratch_;
};

}  // namespace

PathChoice choose_path(const RouteTable& routes, const PathRules& rules, const RouteQuery& query,
                       std::string_view raw, std::span<char> memory) {
  return Choosing(routes, rules, query, memory).choose(raw);
}

}  // namespace weir

// ring_hash: by the hash of a value, on a ring.
//
// Each backend has points on a ring of hashes, by its weight; a hash leads to the next point. When
// a backend leaves, its hashes move to the backends whose points follow, and no others move; a new
// one takes hashes only for itself. The shares are as even as random arcs are: with kPoints points
// they differ by 8 % or so from the weights, in a cluster of many backends, with fewer points each,
// by more.
#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "upstream/balancers/table_walk.h"

namespace weir {
namespace {

constexpr double kPoints = 160;        // of a backend, for each unit of weight
constexpr double kMostPoints = 65536;  // of all backends; beyond: each has fewer

}  // namespace

HashTable::Entries ring_entries(std::span<const HashTable::Member> members) {
  double weights = 0;
  for (const HashTable::Member& member : members) weights += member.weight;
  const double points = std::min(kPoints, kMostPoints / std::max(weights, 1.0));
  std::vector<std::pair<uint64_t, HashTable::MemberIndex>> ring;
  for (HashTable::MemberIndex i = 0; i < members.size(); ++i) {
    uint64_t point = hash_bytes(members[i].name);
    const auto own = std::max<int64_t>(1, std::llround(points * members[i].weight));
    for (int64_t k = 0; k < own; ++k) ring.emplace_back(mix(point += kHashStep), i);
  }
  std::ranges::sort(ring);
  HashTable::Entries entries;
  entries.points.reserve(ring.size());
  entries.members.reserve(ring.size());
  for (const auto& [point, member] : ring) {
    entries.points.push_back(point);
    entries.members.push_back(member);
  }
  return entries;
}

// Takes no seed: all workers must agree.
std::unique_ptr<Balancer> make_ring_hash(uint64_t, std::shared_ptr<const HashTable> table) {
  return std::make_unique<TableWalk>(std::move(table));
}

}  // namespace weir

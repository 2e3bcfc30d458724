#include "upstream/hash_table.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"

namespace weir {
namespace {

std::vector<HashTable::Member> sorted(std::vector<HashTable::Member> members) {
  std::ranges::sort(members, {}, &HashTable::Member::name);
  return members;
}

HashTable::Entries entries_of(config::Balance policy, std::span<const HashTable::Member> members) {
  CHECK(HashTable::used_by(policy));
  return policy == config::Balance::maglev ? maglev_entries(members) : ring_entries(members);
}

}  // namespace

HashTable::HashTable(config::Balance policy, std::vector<Member> members)
    : policy_(policy),
      members_(sorted(std::move(members))),
      entries_(entries_of(policy, members_)) {}

bool HashTable::is_of(config::Balance policy, std::span<const Member> members) const {
  if (policy != policy_) return false;
  return members_ == sorted({members.begin(), members.end()});
}

size_t HashTable::find(uint64_t hash) const {
  if (entries_.points.empty()) return hash % size();
  const auto found = std::ranges::lower_bound(entries_.points, hash);
  return found == entries_.points.end() ? 0 : static_cast<size_t>(found - entries_.points.begin());
}

// On a ring, the hashes of an unusable backend go where they will go when it has left. In the table
// of maglev adjacent entries depend on each other: other hashes of the same value follow.
size_t HashTable::next(size_t entry, uint64_t hash, size_t passed) const {
  if (entries_.points.empty() && passed < kLooks) return find(mix(hash + passed * kHashStep));
  return entry + 1 == size() ? 0 : entry + 1;
}

}  // namespace weir

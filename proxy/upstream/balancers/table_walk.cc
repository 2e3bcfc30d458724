#include "upstream/balancers/table_walk.h"

#include <algorithm>

#include "base/hash.h"

namespace weir {
TableWalk::TableWalk(std::shared_ptr<const HashTable> table) : table_(std::move(table)) {}

void TableWalk::rebuild(std::span<const Host> eligible) {
  CHECK(table_ != nullptr || eligible.empty());
  eligible_.clear();
  salts_.clear();
  for (BackendIndex i = 0; i < eligible.size(); ++i) {
    const BackendIndex index = eligible[i].index;
    if (index >= eligible_.size()) eligible_.resize(index + 1, kNoBackend);
    eligible_[index] = i;
    salts_.push_back(eligible[i].salt);
  }
  exclusions_.resize(eligible.size());
}

BackendIndex TableWalk::pick(const PickHints& hints) {
  if (exclusions_.set(hints.excluded) == salts_.size()) return kNoBackend;
  // Hashes of adjacent addresses may differ little.
  const uint64_t client = mix(hints.hash + kHashStep);
  size_t entry = table_->find(client);
  for (size_t passed = 0; passed < table_->most_passed();) {
    const BackendIndex host = pick_address(table_->member(entry), client);
    if (host != kNoBackend) return host;
    entry = table_->next(entry, client, ++passed);
  }
  // Only in a cluster with more backends than maglev has entries.
  for (BackendIndex host = 0; host < salts_.size(); ++host)
    if (!exclusions_.has(host)) return host;
  return kNoBackend;
}

// Of the addresses of a name, the client's own: by rendezvous hashing.
BackendIndex TableWalk::pick_address(const HashTable::Member& member, uint64_t client) const {
  BackendIndex found = kNoBackend;
  const size_t end = std::min<size_t>(member.first + member.count, eligible_.size());
  for (size_t index = member.first; index < end; ++index) {
    const BackendIndex host = eligible_[index];
    if (host == kNoBackend || exclusions_.has(host)) continue;
    if (found == kNoBackend || mix(client ^ salts_[host]) > mix(client ^ salts_[found]))
      found = host;
  }
  return found;
}

}  // namespace weir

// TableWalk: the balancer of ring_hash and maglev: a look-up in the table of the cluster, then on
// to the first entry whose backend is eligible and not excluded. Nothing but the table decides, so
// that all workers agree.
#pragma once

#include <memory>
#include <vector>

#include "upstream/balancers/exclusions.h"
#include "upstream/hash_table.h"

namespace weir {

class TableWalk final : public Balancer {
 public:
  explicit TableWalk(std::shared_ptr<const HashTable> table);
  void rebuild(std::span<const Host> eligible) override;
  BackendIndex pick(const PickHints& hints) override;

 private:
  BackendIndex pick_address(const HashTable::Member& member, uint64_t client) const;

  const std::shared_ptr<const HashTable> table_;
  std::vector<BackendIndex> eligible_;  // by index in ClusterSpec::hosts; kNoBackend: it is not
  std::vector<uint64_t> salts_;         // by index of the eligible
  Exclusions exclusions_;
};

}  // namespace weir

// HashTable: leads hashes to the backends of a cluster, for ring_hash and maglev.
//
// Immutable; made with its ClusterSpec, not on a worker, and shared by all workers, and by the
// specs of later configurations with the same backends. It depends on names and weights only: every
// process makes the same table, whatever the order of the backends. Every backend is in it,
// whatever its state and health: a pick passes over the entries of backends that it cannot use, so
// that no other hashes move, and all come back.
//
// The addresses of a host name are one member, with the weight of all: a name whose address changes
// keeps its hashes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/model.h"
#include "upstream/balancer.h"

namespace weir {

class HashTable {
 public:
  struct Member {
    std::string name;
    uint32_t weight = 0;     // of all its addresses
    BackendIndex first = 0;  // of its addresses, which are adjacent in ClusterSpec::hosts
    BackendIndex count = 0;
    friend bool operator==(const Member&, const Member&) = default;
  };
  using MemberIndex = uint32_t;
  struct Entries {
    std::vector<MemberIndex> members;
    std::vector<uint64_t> points;  // the hash up to which each reaches, ascending; empty: all alike
  };
  static bool used_by(config::Balance policy) {
    return policy == config::Balance::ring_hash || policy == config::Balance::maglev;
  }

  // `policy`: one that uses a table.
  HashTable(config::Balance policy, std::vector<Member> members);
  // Made of the same.
  bool is_of(config::Balance policy, std::span<const Member> members) const;

  // The entry that a hash leads to, of `size()`, which is not 0.
  size_t find(uint64_t hash) const;
  // The one to try after `entry`, when so many have been passed. most_passed() meet all entries.
  size_t next(size_t entry, uint64_t hash, size_t passed) const;
  size_t most_passed() const { return kLooks + size(); }
  const Member& member(size_t entry) const { return members_[entries_.members[entry]]; }
  size_t size() const { return entries_.members.size(); }

 private:
  static constexpr size_t kLooks = 64;

  const config::Balance policy_;
  const std::vector<Member> members_;  // by name
  const Entries entries_;
};

// Makes different hashes of numbers that differ little, with mix().
inline constexpr uint64_t kHashStep = 0x9e3779b97f4a7c15u;

// In balancers/NAME.cc. `members`: sorted by name.
HashTable::Entries ring_entries(std::span<const HashTable::Member> members);
HashTable::Entries maglev_entries(std::span<const HashTable::Member> members);

}  // namespace weir

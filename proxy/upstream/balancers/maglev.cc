// maglev: by the hash of a value, in a table that the backends fill in turns (Eisenbud et al.,
// Maglev: A Fast and Reliable Software Network Load Balancer, NSDI 2016, 3.4).
//
// Each backend prefers the entries in an order of its own, made of its name, and takes the first
// free one when it has its turn; with more weight it has more turns. The shares follow the weights
// within an entry or two. When a backend leaves the list, hashes move between the others, too:
// seven in a thousand, where a thousand backends are left.
#include "base/hash.h"
#include "upstream/balancers/table_walk.h"

namespace weir {
namespace {

constexpr uint32_t kEntries = 65537;  // a prime: every step meets all entries
constexpr HashTable::MemberIndex kFree = ~0u;

class Turns {
 public:
  Turns(const HashTable::Member& member, uint32_t heaviest)
      : Turns(hash_bytes(member.name), member.weight, heaviest) {}

  // Whether it has one in this round; the heaviest has one in each, all have one in the first.
  bool has_turn() {
    earned_ += weight_;
    if (earned_ < heaviest_) return false;
    earned_ -= heaviest_;
    return true;
  }
  // There is a free one.
  uint32_t take_free(const std::vector<HashTable::MemberIndex>& entries) {
    while (entries[entry_] != kFree) entry_ = (entry_ + step_) % kEntries;
    return entry_;
  }

 private:
  Turns(uint64_t name, uint32_t weight, uint32_t heaviest)
      : entry_(static_cast<uint32_t>(name % kEntries)),
        step_(static_cast<uint32_t>(mix(name + kHashStep) % (kEntries - 1)) + 1),
        weight_(weight),
        heaviest_(heaviest),
        earned_(heaviest) {}

  uint32_t entry_;
  const uint32_t step_;
  const uint32_t weight_, heaviest_;
  uint64_t earned_;
};

}  // namespace

HashTable::Entries maglev_entries(std::span<const HashTable::Member> members) {
  if (members.empty()) return {};
  uint32_t heaviest = 0;
  for (const HashTable::Member& member : members) heaviest = std::max(heaviest, member.weight);
  std::vector<Turns> turns;
  turns.reserve(members.size());
  for (const HashTable::Member& member : members) turns.emplace_back(member, heaviest);
  HashTable::Entries table;
  table.members.assign(kEntries, kFree);
  for (uint32_t filled = 0; filled < kEntries;) {
    for (HashTable::MemberIndex i = 0; i < members.size() && filled < kEntries; ++i) {
      if (!turns[i].has_turn()) continue;
      table.members[turns[i].take_free(table.members)] = i;
      ++filled;
    }
  }
  return table;
}

// Takes no seed: all workers must agree.
std::unique_ptr<Balancer> make_maglev(uint64_t, std::shared_ptr<const HashTable> table) {
  return std::make_unique<TableWalk>(std::move(table));
}

}  // namespace weir

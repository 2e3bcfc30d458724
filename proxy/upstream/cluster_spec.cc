#include "upstream/cluster_spec.h"

namespace weir {
namespace {

std::vector<HashTable::Member> members_of(const ClusterSpec& spec) {
  std::vector<HashTable::Member> members;
  for (BackendIndex first = 0; first < spec.hosts.size();) {
    const std::span<const HostSpec> addresses = spec.addresses(first);
    HashTable::Member member{addresses[0].backend->name(), 0, first,
                             static_cast<BackendIndex>(addresses.size())};
    for (const HostSpec& host : addresses) member.weight += host.weight;
    first += member.count;
    members.push_back(std::move(member));
  }
  return members;
}

std::shared_ptr<const HashTable> table_of(const ClusterSpec& spec, const ClusterSpec* before) {
  if (!HashTable::used_by(spec.balance)) return nullptr;
  std::vector<HashTable::Member> members = members_of(spec);
  if (before != nullptr && before->table && before->table->is_of(spec.balance, members))
    return before->table;
  return std::make_shared<const HashTable>(spec.balance, std::move(members));
}

std::shared_ptr<const StickyTags> tags_of(const ClusterSpec& spec, const ClusterSpec* before) {
  std::vector<std::string> addresses;
  for (const HostSpec& host : spec.hosts)
    addresses.push_back(host.backend->has_address() ? host.backend->address().text() : "");
  auto tags = std::make_shared<const StickyTags>(spec.name, spec.sticky->keys, addresses);
  const bool same = before != nullptr && before->sticky && *before->sticky->tags == *tags;
  return same ? before->sticky->tags : tags;
}

}  // namespace

void ClusterSpec::index(const ClusterSpec* before) {
  indexes.clear();
  indexes.reserve(hosts.size());
  for (uint32_t i = 0; i < hosts.size(); ++i) indexes.emplace(hosts[i].backend.get(), i);
  table = table_of(*this, before);
  if (sticky) sticky->tags = tags_of(*this, before);
}

}  // namespace weir

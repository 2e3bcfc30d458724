#include "upstream/sticky_tags.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/check.h"

namespace weir {
namespace {

constexpr size_t kMostKeys = 16;
constexpr size_t kLeastSecret = 32;  // characters

void add_sized(std::string& text, std::string_view part) {
  text += static_cast<char>(part.size() >> 8 & 0xff);
  text += static_cast<char>(part.size() & 0xff);
  text += part;
}

StickyTags::Tag make_tag(const StickyKey& key, std::string_view cluster, std::string_view address) {
  std::string text = "weir-sticky-1";
  add_sized(text, cluster);
  add_sized(text, address);
  const Sha256Digest digest = hmac_sha256(key.key, text);
  StickyTags::Tag tag;
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

}  // namespace

StickyKey::StickyKey(std::string_view secret)
    : key(hkdf_sha256(secret, "weir sticky")), id(hkdf_sha256(secret, "weir sticky id")[0]) {}

Result<std::vector<StickyKey>> read_sticky_keys(std::string_view content) {
  std::vector<StickyKey> keys;
  while (!content.empty()) {
    std::string_view line = content.substr(0, content.find('\n'));
    content.remove_prefix(std::min(line.size() + 1, content.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (line.size() < kLeastSecret)
      return Error{fmt::format("a secret of {} characters; write {} at least: openssl rand -hex 32",
                               line.size(), kLeastSecret),
                   ""};
    if (keys.size() == kMostKeys) return Error{fmt::format("more than {} secrets", kMostKeys), ""};
    keys.emplace_back(line);
  }
  if (keys.empty())
    return Error{"no secret; write one in each line, the newest first: openssl rand -hex 32", ""};
  return keys;
}

StickyTags::StickyTags(std::string_view cluster, std::span<const StickyKey> keys,
                       std::span<const std::string> addresses)
    : key_(keys.front().id), tags_(addresses.size()) {
  owners_.reserve(keys.size() * addresses.size());
  for (const StickyKey& key : keys)
    for (BackendIndex i = 0; i < addresses.size(); ++i) {
      if (addresses[i].empty()) continue;
      const Tag tag = make_tag(key, cluster, addresses[i]);
      owners_.emplace(tag, Owner{i, key.id});
      if (&key == &keys.front()) tags_[i] = tag;
    }
}

BackendIndex StickyTags::find(uint8_t key, const Tag& tag) const {
  const auto found = owners_.find(tag);
  return found == owners_.end() || found->second.key != key ? kNoBackend : found->second.backend;
}

}  // namespace weir

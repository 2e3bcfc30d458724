// StickyTags: which backend of a cluster the tag in a sticky cookie means. A tag is a part of an
// HMAC of the cluster's name and the backend's address: without the key it cannot be made, and
// shows nothing of the backend.
//
// Immutable; made with its ClusterSpec, not on a worker, and shared by all workers. It depends on
// keys, name and addresses only: instances with the same keys read each other's cookies.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "http/sticky_value.h"
#include "tls/hmac.h"
#include "upstream/balancer.h"

namespace weir {

struct StickyKey {
  Sha256Digest key;
  uint8_t id;  // in cookies

  explicit StickyKey(std::string_view secret);
  friend bool operator==(const StickyKey&, const StickyKey&) = default;
};

// The content of a `key_file`: one secret in each line, the newest first.
Result<std::vector<StickyKey>> read_sticky_keys(std::string_view content);

class StickyTags {
 public:
  using Tag = StickyTag;

  // `addresses`: of ClusterSpec::hosts; empty: it has none. The first key signs, all verify.
  StickyTags(std::string_view cluster, std::span<const StickyKey> keys,
             std::span<const std::string> addresses);

  // kNoBackend: no backend has this tag, by that key.
  BackendIndex find(uint8_t key, const Tag& tag) const;
  // That new cookies have.
  const Tag& tag(BackendIndex backend) const { return tags_[backend]; }
  uint8_t key() const { return key_; }
  friend bool operator==(const StickyTags&, const StickyTags&) = default;

 private:
  struct Owner {
    BackendIndex backend;
    uint8_t key;
    friend bool operator==(const Owner&, const Owner&) = default;
  };
  struct Hash {
    size_t operator()(const Tag& tag) const {  // it is random
      size_t hash;
      std::memcpy(&hash, tag.data(), sizeof hash);
      return hash;
    }
  };

  uint8_t key_;
  std::vector<Tag> tags_;  // by the first key
  std::unordered_map<Tag, Owner, Hash> owners_;
};

}  // namespace weir

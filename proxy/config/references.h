// The names of clusters, and the keys that refer to them. Owner: one validation, on its stack; the
// model outlives it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "config/findings.h"
#include "config/model.h"
#include "config/places.h"

namespace weir::config {

class References {
 public:
  References(const Model& model, const Places& places, Findings& findings);

  // `referrer`: "listener 'web'". An empty name was not given, or could not be read.
  void check(const std::string& referrer, const std::string& cluster, const std::string& path);
  // Some reference could not be read: a cluster may seem unused only because of it.
  void mark_incomplete() { complete_ = false; }
  bool surely_unused(std::string_view cluster) const {
    return complete_ && !used_.contains(cluster);
  }

 private:
  const Places& places_;
  Findings& findings_;
  std::string clusters_like(const std::string& name);
  std::string some_clusters() const;

  const Model& model_;
  std::unordered_map<std::string_view, size_t> places_of_names_;
  size_t suggestions_ = 0;
  size_t compared_ = 0;  // names, for suggestions
  std::unordered_set<std::string_view> used_;
  bool complete_ = true;
};

}  // namespace weir::config

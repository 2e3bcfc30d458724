#include "config/references.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/suggest.h"

namespace weir::config {
namespace {

// Names that are compared for suggestions; each takes some microseconds.
constexpr size_t kMostComparedNames = 50'000;

}  // namespace

References::References(const Model& model, const Places& places, Findings& findings)
    : places_(places), findings_(findings), model_(model) {
  for (size_t i = 0; i < model.clusters.size(); ++i)
    places_of_names_.emplace(model.clusters[i].name, i);
}

void References::check(const std::string& referrer, const std::string& cluster,
                       const std::string& path) {
  if (const auto found = places_of_names_.find(cluster); found != places_of_names_.end()) {
    used_.insert(found->first);
    return;
  }
  if (findings_.saturated()) return;
  findings_.add(Code::E210, places_.of(path),
                fmt::format("{} points to cluster '{}', which does not exist", referrer, cluster),
                clusters_like(cluster));
}

// Bounded, because for many mistakes in a large file a search among all names each time takes too
// long; only kShownDiagnostics are shown anyway.
std::string References::clusters_like(const std::string& name) {
  if (places_of_names_.empty()) return "there are no clusters";
  if (++suggestions_ > kShownDiagnostics) return "";
  if ((compared_ += model_.clusters.size()) > kMostComparedNames) return some_clusters();
  std::vector<std::string_view> names;
  for (const Cluster& cluster : model_.clusters) names.push_back(cluster.name);
  if (const std::string near = nearest(name, names); !near.empty()) {
    const auto found = places_of_names_.find(near);
    used_.insert(found->first);
    return fmt::format("did you mean '{}'? ({})", near,
                       places_.defined_at(fmt::format("clusters[{}]", found->second)));
  }
  return some_clusters();
}

std::string References::some_clusters() const {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < std::min<size_t>(model_.clusters.size(), 8); ++i)
    names.push_back(model_.clusters[i].name);
  return fmt::format("there are: {}{}", fmt::join(names, ", "),
                     names.size() == model_.clusters.size() ? "" : ", …");
}

}  // namespace weir::config

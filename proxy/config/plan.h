// The changes that a reload from one configuration to another makes, and the effect of each. Values
// only: the caller counts the sessions that a change affects, by `listener`, `cluster` and
// `backend`.
//
// Listeners and clusters are identified by their names, backends by cluster and name (by default
// the address). A renamed object is a removed and an added one. Only the order of routes has a
// meaning.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "config/effect.h"
#include "config/model.h"

namespace weir::config {

enum class ChangeKind : uint8_t { added, removed, changed };

struct Change {
  Effect effect = Effect::live;
  ChangeKind kind = ChangeKind::changed;
  std::string path;           // "listeners.web.timeouts.idle"
  std::string from, to;       // as in the file; empty if there is no value
  std::string listener;       // the listener that it affects; empty: none or all
  std::string cluster;        // the same
  std::string backend;        // of the cluster; empty: all of them
  bool confidential = false;  // from and to may be secrets
};

// Both models must be valid. In the order of the key table; empty if they are equal.
std::vector<Change> plan(const Model& from, const Model& to);

const char* text(ChangeKind);     // "added", …
std::string text(const Change&);  // "listeners.web.timeouts.idle: 1h → 10m", "listeners.web added"

// The most disruptive effect among them; live if there are none.
Effect hardest(std::span<const Change>);

}  // namespace weir::config

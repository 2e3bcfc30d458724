// What a reload from one configuration to another changes, and what each change takes. Values only:
// what a change touches at run time, the caller counts by `listener`, `cluster` and `backend`.
//
// Listeners and clusters are the same when their names are, backends when cluster and name are (the
// name is the address unless given); what is renamed is removed and added. Order means nothing, but
// that of routes.
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
  std::string from, to;       // as in the file; empty for what is not there
  std::string listener;       // the one it touches; empty: none or all
  std::string cluster;        // the same
  std::string backend;        // of the cluster; empty: all of them
  bool confidential = false;  // from and to may be secrets
};

// Both models valid. In the order of the key table; empty when they do the same.
std::vector<Change> plan(const Model& from, const Model& to);

const char* text(ChangeKind);     // "added", …
std::string text(const Change&);  // "listeners.web.timeouts.idle: 1h → 10m", "listeners.web added"

// The hardest of them; live for none.
Effect hardest(std::span<const Change>);

}  // namespace weir::config

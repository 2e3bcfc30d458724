// Reads a configuration from a text, and compares two of them in a plan.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.h"
#include "config/plan.h"

namespace weir::config {

inline Loaded read(std::string_view yaml) {
  return load_text(yaml, "weir.yaml", [](const std::string&) { return std::nullopt; });
}

// The findings of the text.
inline std::string told(const Loaded& loaded) {
  return format_text(loaded.diagnostics, false);
}

// The model of a text without findings.
inline Model model(std::string_view yaml) {
  Loaded loaded = read(yaml);
  EXPECT_THAT(loaded.diagnostics, testing::IsEmpty()) << told(loaded);
  return std::move(loaded.model);
}

// The changes, each as "effect change".
inline std::vector<std::string> lines(const std::vector<Change>& changes) {
  std::vector<std::string> result;
  for (const Change& c : changes) result.push_back(std::string(text(c.effect)) + " " + text(c));
  return result;
}

}  // namespace weir::config

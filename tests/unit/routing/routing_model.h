// For tests of routing: a listener read from the text of a configuration, and requests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/load.h"
#include "routing/route_table.h"

namespace weir {

inline config::Model routing_model(std::string_view listener) {
  const std::string yaml =
      "listeners:\n  - bind: ':80'\n    protocol: http\n" + std::string(listener) +
      "\nclusters:\n  - { name: a, backends: ['a:1'] }\n"
      "  - { name: b, backends: ['b:1'] }\n"
      "  - { name: c, backends: ['c:1'], timeouts: { response_header: 7s } }\n";
  config::Loaded loaded =
      config::load_text(yaml, "weir.yaml", [](const std::string&) { return std::nullopt; });
  EXPECT_TRUE(loaded.valid()) << config::format_text(loaded.diagnostics, false);
  return std::move(loaded.model);
}

inline RouteTable routing_table(std::string_view listener) {
  const config::Model model = routing_model(listener);
  return RouteTable(model.listeners.at(0), model.clusters);
}

struct TestFields {
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case

  FieldLookup lookup() const {
    return {this, [](const void* message, std::string_view name) -> std::string_view {
              for (const auto& [key, value] : static_cast<const TestFields*>(message)->fields)
                if (key == name) return value;
              return {};
            }};
  }
};

}  // namespace weir

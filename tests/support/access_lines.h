// The access log of a weir process that writes JSON to its standard error.
#pragma once

#include <sstream>

#include "support/proxy_process.h"

namespace weir {

// The line of this client's session or request; weir writes it a moment after the end. Null: there
// was none.
inline nlohmann::json line_of(const ProxyProcess& weir, const std::string& client) {
  for (int i = 0; i < 500; ++i) {
    std::istringstream lines(weir.errors());
    for (std::string line; std::getline(lines, line);) {
      nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
      if (json.is_object() && json.value("client", "") == client) return json;
    }
    weir.scrape();  // the response of the process paces the next read
  }
  return nullptr;
}

}  // namespace weir

// Passthrough: chooses the cluster of a TCP connection by the SNI and ALPN of its ClientHello,
// without terminating TLS. Compiled from a listener, owned by its spec, immutable; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "preamble/client_hello.h"

namespace weir {

class Passthrough {
 public:
  static constexpr size_t kNone = ~size_t{0};

  struct Rule {
    std::vector<std::string> hosts;  // "*.example.com": all names under it; empty: any
    std::vector<std::string> alpn;   // one of these must be offered; empty: any
    size_t cluster;
  };
  explicit Passthrough(std::vector<Rule> rules) : rules_(std::move(rules)) {}

  // The cluster of the first rule that matches; kNone: no rule matches.
  size_t cluster_for(const ClientHello& hello) const;
  const std::vector<Rule>& rules() const { return rules_; }

 private:
  std::vector<Rule> rules_;
};

}  // namespace weir

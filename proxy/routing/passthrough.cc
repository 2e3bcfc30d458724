#include "routing/passthrough.h"

#include <algorithm>

#include "http/patterns.h"

namespace weir {
namespace {

bool matches_rule(const Passthrough::Rule& rule, const ClientHello& hello) {
  const std::string_view name = hello.server_name();
  const bool named = rule.hosts.empty() || std::any_of(rule.hosts.begin(), rule.hosts.end(),
                                                       [&](const std::string& pattern) {
                                                         return host_matches(pattern, name);
                                                       });
  const bool offered = rule.alpn.empty() || std::any_of(rule.alpn.begin(), rule.alpn.end(),
                                                        [&](const std::string& protocol) {
                                                          return hello.alpn.offers(protocol);
                                                        });
  return named && offered;
}

}  // namespace

size_t Passthrough::cluster_for(const ClientHello& hello) const {
  for (const Rule& rule : rules_)
    if (matches_rule(rule, hello)) return rule.cluster;
  return kNone;
}

}  // namespace weir

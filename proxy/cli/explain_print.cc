// Explanations as text and as JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/explain.h"
#include "config/value_types.h"

namespace weir::cli {
namespace {

using Json = nlohmann::ordered_json;

uint32_t weight_of(const Explanation& explanation, size_t i) {
  const std::vector<ClusterShare>& shares = explanation.route.clusters;
  if (i >= shares.size()) return 1;
  return shares[i].until - (i > 0 ? shares[i - 1].until : 0);
}

std::string word(const config::Backend& backend) {
  return config::types::backend_state::type.write(&backend.state);
}

bool is_in(const std::vector<const config::Backend*>& backends, const config::Backend& backend) {
  return std::find(backends.begin(), backends.end(), &backend) != backends.end();
}

std::string balance_text(const config::Cluster& cluster) {
  const config::Balance balance = cluster.balance_in_force();
  return config::types::balance::type.write(&balance);
}

std::string cluster_text(const Explanation& explanation, size_t i) {
  const config::Cluster& cluster = *explanation.clusters[i];
  std::string out = fmt::format("  cluster {}, {}", cluster.name, balance_text(cluster));
  if (explanation.clusters.size() > 1)
    out += fmt::format(", {} of {} requests", weight_of(explanation, i),
                       explanation.route.clusters.back().until);
  out += '\n';
  const std::vector<const config::Backend*> used = serving(cluster);
  for (const config::Backend& backend : cluster.backends) {
    out += fmt::format("    {}", backend.address);
    if (backend.name != backend.address) out += fmt::format(" ({})", backend.name);
    if (backend.weight != 1) out += fmt::format(", weight {}", backend.weight);
    if (backend.backup) out += ", backup";
    if (backend.state != config::BackendState::active)
      out += fmt::format(", {}: gets no new sessions", word(backend));
    else if (!is_in(used, backend))
      out += ": used only while no other backend is up";
    out += '\n';
  }
  if (!used.empty()) return out;
  const bool http = explanation.listener->protocol == config::Protocol::http;
  return out + fmt::format("    no backend serves it{}\n", http ? ": 503" : "");
}

Json cluster_json(const Explanation& explanation, size_t i) {
  const config::Cluster& cluster = *explanation.clusters[i];
  const std::vector<const config::Backend*> used = serving(cluster);
  Json backends = Json::array();
  for (const config::Backend& backend : cluster.backends)
    backends.push_back({{"name", backend.name},
                        {"address", backend.address},
                        {"weight", backend.weight},
                        {"backup", backend.backup},
                        {"state", word(backend)},
                        {"serves", is_in(used, backend)}});
  return {{"name", cluster.name},
          {"weight", weight_of(explanation, i)},
          {"balance", balance_text(cluster)},
          {"backends", backends}};
}

// Without the cluster of the listener, which is printed like that of a route.
std::string tcp_text(const config::Listener& listener) {
  std::string out;
  for (const config::PassthroughRule& rule : listener.passthrough) {
    out += fmt::format("  TLS for {}", rule.hosts.empty()
                                           ? "any host"
                                           : fmt::format("{}", fmt::join(rule.hosts, ", ")));
    if (!rule.alpn.empty()) out += fmt::format(" with ALPN {}", fmt::join(rule.alpn, ", "));
    out += fmt::format(": cluster {}\n", rule.cluster);
  }
  return out + (out.empty() ? "  every session\n" : "  every other session\n");
}

std::string outcome_text(const Explanation& explanation) {
  if (explanation.listener->protocol == config::Protocol::tcp)
    return tcp_text(*explanation.listener);
  std::string out;
  if (explanation.taken)
    out = fmt::format("  route {}: yes  ({})\n", explanation.route.name, explanation.place);
  switch (explanation.kind) {
    case Decision::Kind::refuse:
      return out + fmt::format("  refused: {}, {}\n", explanation.status, explanation.refusal);
    case Decision::Kind::respond: return out + fmt::format("  answered: {}\n", explanation.status);
    case Decision::Kind::redirect:
      return out + fmt::format("  redirected: {} {}\n", explanation.status, explanation.location);
    case Decision::Kind::forward:
      return out + fmt::format(
                       "  forwarded: {}, host {}\n", explanation.target,
                       explanation.host.empty() ? "from the backend's address" : explanation.host);
  }
  CHECK_UNREACHABLE();
}

const char* action_word(const Explanation& explanation) {
  switch (explanation.kind) {
    case Decision::Kind::forward: return "forward";
    case Decision::Kind::respond: return "respond";
    case Decision::Kind::redirect: return "redirect";
    case Decision::Kind::refuse: return "refuse";
  }
  CHECK_UNREACHABLE();
}

const char* reading_word(const Explanation& explanation) {
  switch (explanation.reading) {
    case PathChoice::By::as_sent: return "as_sent";
    case PathChoice::By::normal: return "normal";
    case PathChoice::By::refused: return "refused";
  }
  CHECK_UNREACHABLE();
}

Json explanation_object(const Explanation& explanation) {
  const config::Listener& listener = *explanation.listener;
  Json passed = Json::array(), clusters = Json::array();
  for (const Explanation::Passed& route : explanation.passed)
    passed.push_back({{"route", route.route}, {"why", route.why}, {"place", route.place}});
  for (size_t i = 0; i < explanation.clusters.size(); ++i)
    clusters.push_back(cluster_json(explanation, i));
  Json object{{"listener", listener.name},
              {"protocol", config::types::protocol::type.write(&listener.protocol)},
              {"bind", listener.bind},
              {"passed", passed},
              {"route", explanation.taken ? Json(explanation.route.name) : Json()},
              {"place", explanation.place},
              {"action", action_word(explanation)}};
  if (!explanation.note.empty()) object["note"] = explanation.note;
  if (!explanation.path.empty()) object["path"] = explanation.path;
  if (listener.protocol == config::Protocol::http) object["reading"] = reading_word(explanation);
  if (explanation.status != 0) object["status"] = explanation.status;
  if (!explanation.refusal.empty()) object["reason"] = explanation.refusal;
  if (!explanation.location.empty()) object["location"] = explanation.location;
  if (!explanation.target.empty()) object["target"] = explanation.target;
  if (!explanation.host.empty()) object["host"] = explanation.host;
  object["clusters"] = clusters;
  return object;
}

}  // namespace

std::string explanation_text(const Explanation& explanation) {
  const config::Listener& listener = *explanation.listener;
  std::string out = fmt::format("listener {}, {}, {}\n", listener.name,
                                config::types::protocol::type.write(&listener.protocol),
                                fmt::join(listener.bind, ", "));
  if (!explanation.note.empty()) out += fmt::format("  note: {}\n", explanation.note);
  for (const Explanation::Passed& route : explanation.passed)
    out += fmt::format("  route {}: no, {}  ({})\n", route.route, route.why, route.place);
  out += outcome_text(explanation);
  for (size_t i = 0; i < explanation.clusters.size(); ++i) out += cluster_text(explanation, i);
  return out;
}

std::string explanation_json(const std::vector<Explanation>& explanations) {
  Json listeners = Json::array();
  for (const Explanation& explanation : explanations)
    listeners.push_back(explanation_object(explanation));
  return Json{{"listeners", listeners}}.dump(2) + "\n";
}

}  // namespace weir::cli

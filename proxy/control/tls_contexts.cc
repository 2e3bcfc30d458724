#include "control/tls_contexts.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/files.h"
#include "routing/http_spec.h"
#include "tls/tls_system_trust.h"

namespace weir {
namespace {

std::vector<std::string> offered(const config::Listener& listener) {
  return listener.protocol == config::Protocol::http ? offered_protocols(listener)
                                                     : listener.tls->alpn;
}

template <typename Map>
auto find_in(const Map* map, const std::string& name) -> decltype(map->begin()->second.get()) {
  if (map == nullptr) return nullptr;
  const auto found = map->find(name);
  return found != map->end() ? found->second.get() : nullptr;
}

class Load {
 public:
  Load(config::Loaded& loaded, const TlsInForce* before, Duration patience)
      : loaded_(loaded), before_(before), loading_(patience) {}

  TlsContexts run() {
    for (const config::Listener& listener : loaded_.model.listeners)
      if (listener.tls && !loading_.stopped()) add(listener);
    for (const config::Cluster& cluster : loaded_.model.clusters)
      if ((cluster.tls || cluster.checks_use_tls()) && !loading_.stopped()) add(cluster);
    loading_.set_subject("");
    if (!loading_.stopped()) read_ticket_keys();
    for (size_t i = 0; i < loaded_.model.clusters.size() && !loading_.stopped(); ++i)
      read_sticky_keys_of(loaded_.model.clusters[i],
                          fmt::format("clusters[{}].sticky.key_file", i));
    watch_system_trust();
    contexts_.digests = loading_.digests();
    tell();
    return std::move(contexts_);
  }

 private:
  void add(const config::Listener& listener) {
    loading_.set_subject(fmt::format("listener '{}': ", listener.name));
    std::shared_ptr<TlsServer> server =
        TlsServer::load(*listener.tls, offered(listener), loading_,
                        find_in(before_ != nullptr ? &before_->listeners : nullptr, listener.name));
    if (!server) return;
    for (const FileValidity& validity : server->validities()) judge(validity);
    contexts_.listeners.emplace(listener.name, std::move(server));
  }
  void add(const config::Cluster& cluster) {
    loading_.set_subject(fmt::format("cluster '{}': ", cluster.name));
    config::ClusterTls tls = cluster.tls.value_or(config::ClusterTls{});
    if (cluster.tls) tls.alpn = offered_protocols(cluster);
    std::shared_ptr<TlsClient> client = TlsClient::load(
        tls, loading_, find_in(before_ != nullptr ? &before_->clusters : nullptr, cluster.name));
    if (!client) return;
    for (const FileValidity& validity : client->validities()) judge(validity);
    contexts_.clusters.emplace(cluster.name, std::move(client));
  }
  void read_ticket_keys() {
    const std::string& file = loaded_.model.global.tls_tickets.file;
    if (file.empty()) return;
    Result<TicketKeys::FileKeys> keys = TicketKeys::read(loading_, file);
    if (keys) return void(contexts_.ticket_keys = std::move(*keys));
    report("global.tls_tickets.file", keys.error());
  }
  void read_sticky_keys_of(const config::Cluster& cluster, const std::string& path) {
    if (!cluster.sticky || cluster.sticky->key_file.empty()) return;
    const Result<std::string_view> content = loading_.read(cluster.sticky->key_file);
    if (!content) return report(path, content.error());
    Result<std::vector<StickyKey>> keys = read_sticky_keys(*content);
    if (!keys)
      return report(path, {"'" + cluster.sticky->key_file + "': " + keys.error().message, ""});
    contexts_.sticky_keys.emplace(cluster.name, std::move(*keys));
  }
  // Of the file that the key at `path` names.
  void report(const std::string& path, const Error& error) {
    const auto named = loaded_.provenance.find(path);
    loading_.report(
        config::Code::E238,
        named != loaded_.provenance.end() ? named->second.place.location : config::Location(),
        path + ": " + error.message);
  }

  // A file is reported once, however many settings name it.
  void judge(const FileValidity& validity) {
    if (validity.holds(loading_.now()) || !judged_.insert(validity.key()).second) return;
    const bool is_new = before_ != nullptr &&
                        find_digest(*before_, validity.path) != loading_.digest(validity.path);
    const bool is_mistake = is_new && loading_.now() > validity.until;
    loading_.report(is_mistake ? config::Code::E257 : config::Code::W243, validity.location,
                    validity.describe(loading_.now()),
                    is_mistake ? "replace it, or keep the previous file"
                               : "replace it with a valid file and reload");
  }
  static std::string find_digest(const TlsInForce& before, const std::string& path) {
    const auto found = before.digests.find(path);
    return found != before.digests.end() ? found->second : "";
  }
  void watch_system_trust() {
    if (!loading_.system_trust()) return;
    std::vector<std::string>& all = loaded_.model.watched_directories;
    for (const std::string& path : loading_.system_trust()->paths)
      for (std::string& directory : config::directories_to_watch(path, loading_.reader()))
        if (std::find(all.begin(), all.end(), directory) == all.end())
          all.push_back(std::move(directory));
  }

  // Errors first: the list is cut at its end.
  void tell() {
    std::vector<TlsFinding> findings = loading_.findings();
    std::stable_partition(findings.begin(), findings.end(),
                          [](const TlsFinding& finding) { return finding.is_error(); });
    const size_t shown = std::min(findings.size(), config::kShownDiagnostics);
    for (size_t i = 0; i < shown; ++i) loaded_.diagnostics.push_back(diagnostic(findings[i]));
    if (findings.size() == shown) return;
    loaded_.diagnostics.push_back(loaded_.diagnostics.back());
    config::Diagnostic& rest = loaded_.diagnostics.back();
    rest.code = config::text(config::Code::E099);
    rest.message = fmt::format("{} more TLS problems are not shown", findings.size() - shown);
    rest.hint.clear();
  }
  config::Diagnostic diagnostic(const TlsFinding& finding) const {
    const auto& files = loaded_.model.files;
    config::Diagnostic made;
    made.severity = finding.is_error() ? config::Diagnostic::Severity::error
                                       : config::Diagnostic::Severity::warning;
    made.code = config::text(finding.code);
    made.file = finding.at.file < files.size() ? files[finding.at.file] : "";
    made.line = finding.at.line;
    made.column = finding.at.column;
    made.message = finding.message;
    made.hint = finding.hint;
    return made;
  }

  config::Loaded& loaded_;
  const TlsInForce* const before_;
  TlsLoading loading_;
  TlsContexts contexts_;
  std::set<FileValidity::Key> judged_;
};

}  // namespace

TlsContexts load_tls(config::Loaded& loaded, const TlsInForce* before, Duration patience) {
  return Load(loaded, before, patience).run();
}

}  // namespace weir

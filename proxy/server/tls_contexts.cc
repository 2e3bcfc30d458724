#include "server/tls_contexts.h"

#include <fmt/format.h>

namespace weir {
namespace {

std::vector<std::string> offered(const config::Listener& listener) {
  if (!listener.tls->alpn.empty() || listener.protocol == config::Protocol::tcp)
    return listener.tls->alpn;
  return {"http/1.1"};
}

}  // namespace

Result<TlsContexts> load_tls(const config::Model& model, config::Location& at) {
  TlsContexts contexts;
  for (const config::Listener& listener : model.listeners) {
    if (!listener.tls) continue;
    at = listener.tls->location;
    Result<std::shared_ptr<TlsServer>> server =
        TlsServer::load(*listener.tls, offered(listener), at);
    if (!server)
      return Error{fmt::format("listener '{}': {}", listener.name, server.error().message),
                   model.where(at)};
    contexts.listeners.emplace(listener.name, std::move(*server));
  }
  for (const config::Cluster& cluster : model.clusters) {
    if (!cluster.tls) continue;
    at = cluster.tls->location;
    Result<std::shared_ptr<TlsClient>> client = TlsClient::load(*cluster.tls);
    if (!client)
      return Error{fmt::format("cluster '{}': {}", cluster.name, client.error().message),
                   model.where(at)};
    contexts.clusters.emplace(cluster.name, std::move(*client));
  }
  at = {};
  if (const std::string& file = model.global.tls_tickets.file; !file.empty()) {
    Result<TicketKeys::FileKeys> keys = TicketKeys::read(file);
    if (!keys) return Error{"global.tls_tickets.file: " + keys.error().message, ""};
    contexts.ticket_keys = std::move(*keys);
  }
  return contexts;
}

}  // namespace weir

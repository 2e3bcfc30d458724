#include "config/model.h"

#include <fmt/format.h>

namespace weir::config {

std::string Model::where(const Location& at) const {
  if (at.line == 0 || at.file >= files.size()) return "";
  return fmt::format("{}:{}:{}", files[at.file], at.line, at.column);
}

std::vector<std::string> Model::tls_files() const {
  std::vector<std::string> paths{global.tls_tickets.file};
  for (const Listener& listener : listeners) {
    if (!listener.tls) continue;
    for (const Certificate& one : listener.tls->certificates) {
      paths.insert(paths.end(), {one.cert, one.key, one.ocsp});
      if (one.client_auth) paths.insert(paths.end(), {one.client_auth->ca, one.client_auth->crl});
    }
    paths.insert(paths.end(), {listener.tls->client_auth.ca, listener.tls->client_auth.crl});
  }
  for (const Cluster& cluster : clusters)
    if (cluster.tls)
      paths.insert(paths.end(), {cluster.tls->ca, cluster.tls->cert, cluster.tls->key});
  std::erase(paths, "");
  return paths;
}

}  // namespace weir::config

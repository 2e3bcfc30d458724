#include "config/validate_tls.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "config/suggest.h"

namespace weir::config {
namespace {

bool is_http1(std::string_view protocol) {
  return protocol == "http/1.1" || protocol == "http/1.0";
}

class ListenerChecks {
 public:
  ListenerChecks(const Listener& listener, const std::string& path, const Places& places,
                 Findings& findings)
      : listener_(listener),
        tls_(*listener.tls),
        path_(path + ".tls"),
        subject_(fmt::format("listener '{}'", listener.name)),
        places_(places),
        findings_(findings) {}

  void run() {
    check_certificates();
    check_default();
    check_versions();
    check_alpn();
    check_clients(tls_.client_auth, ".client_auth", subject_);
    for (size_t i = 0; i < tls_.certificates.size(); ++i)
      if (tls_.certificates[i].client_auth) check_own_clients(i);
  }

 private:
  void add(Code code, const std::string& key, std::string message, std::string hint) {
    findings_.add(code, places_.of(path_ + key), std::move(message), std::move(hint));
  }
  bool written(const char* key) const { return places_.written(path_ + key); }

  void check_certificates() {
    if (tls_.certificates.empty() && written(".certificates"))
      add(Code::E105, ".certificates",
          fmt::format("'certificates' of {} is an empty list", subject_), "give at least one");
    std::unordered_map<std::string_view, size_t> names;
    for (size_t i = 0; i < tls_.certificates.size(); ++i) {
      const std::string& name = tls_.certificates[i].name;
      if (name.empty()) continue;  // it could not be read
      const auto [first, is_new] = names.emplace(name, i);
      if (is_new) continue;
      const std::string other = fmt::format("{}.certificates[{}]", path_, first->second);
      add(Code::E230, fmt::format(".certificates[{}].name", i),
          fmt::format("a second certificate of {} is called '{}'", subject_, name),
          fmt::format("the first: {}; leave one out, or give it another name",
                      places_.defined_at(other)));
    }
  }
  void check_default() {
    if (tls_.default_certificate.empty()) return;
    std::vector<std::string_view> names;
    for (const Certificate& certificate : tls_.certificates) {
      if (certificate.name.empty()) return;  // the name may be that of this certificate
      names.push_back(certificate.name);
    }
    if (names.empty() ||
        std::find(names.begin(), names.end(), tls_.default_certificate) != names.end())
      return;
    const std::string near = nearest(tls_.default_certificate, names);
    add(Code::E231, ".default_certificate",
        fmt::format("no certificate of {} is called '{}'", subject_, tls_.default_certificate),
        near.empty()
            ? fmt::format("give one of 'certificates' this 'name'; the first is called '{}'",
                          names[0])
            : fmt::format("did you mean '{}'?", near));
  }
  void check_versions() {
    const bool modern = tls_.policy == TlsPolicy::modern;
    if (modern && tls_.min_version == TlsVersion::tls_1_2)
      add(Code::E233, ".min_version",
          fmt::format("{} has min_version 1.2, but the policy 'modern' is TLS 1.3 only", subject_),
          "leave 'min_version' out, or write policy: intermediate");
    else if (!tls_.ciphers.empty() && (modern || tls_.min_version == TlsVersion::tls_1_3))
      add(Code::W231, ".ciphers",
          fmt::format("'ciphers' of {} are for TLS 1.2, which it does not support", subject_),
          "the key for TLS 1.3 is 'ciphersuites'");
  }
  // A TCP listener does not know the protocol inside it and offers any that are configured.
  void check_alpn() {
    if (listener_.protocol != Protocol::http) return;
    for (size_t i = 0; i < tls_.alpn.size(); ++i) {
      const std::string& protocol = tls_.alpn[i];
      const std::string at = fmt::format(".alpn[{}]", i);
      if (protocol == "h2" && !listener_.http2.enabled)
        add(Code::E270, at, fmt::format("{} offers h2, but its 'http2.enabled' is false", subject_),
            "leave out h2, or write http2: { enabled: true }");
      if (is_http1(protocol) || protocol == "h2") continue;
      add(Code::E236, at,
          protocol == "h3"
              ? fmt::format("{} offers {}, which this version does not support", subject_, protocol)
              : fmt::format("{} offers {}, which is no protocol of an HTTP listener", subject_,
                            protocol),
          "write h2 or http/1.1");
    }
  }
  void check_own_clients(size_t i) {
    const Certificate& one = tls_.certificates[i];
    const std::string at = fmt::format(".certificates[{}].client_auth", i);
    check_clients(*one.client_auth, at, fmt::format("certificate '{}' of {}", one.name, subject_));
    if (listener_.protocol == Protocol::http) return;
    add(Code::E241, at,
        fmt::format(
            "{} sends all hosts to one cluster: a client that asks for another host reaches "
            "it without a certificate",
            subject_),
        "move 'client_auth' to the listener, or give each host its own listener");
  }
  void check_clients(const ClientCertificates& clients, const std::string& at,
                     const std::string& whose) {
    if (clients.mode == ClientAuth::none) {
      const char* file = !clients.ca.empty() ? "ca" : "crl";
      // A mode that could not be read has the value none.
      if ((clients.ca.empty() && clients.crl.empty()) || findings_.has_errors()) return;
      add(Code::W230, fmt::format("{}.{}", at, file),
          fmt::format("{} does not ask clients for certificates; '{}' is not used", whose, file),
          "write mode: require or mode: optional, or leave it out");
    } else if (clients.ca.empty() && !written((at + ".ca").c_str())) {
      add(Code::E232, at + ".mode",
          fmt::format("{} asks clients for certificates, but has no 'ca' to check them with",
                      whose),
          "add ca: a file with the authorities that issue the certificates");
    }
  }

  const Listener& listener_;
  const ListenerTls& tls_;
  const std::string path_, subject_;
  const Places& places_;
  Findings& findings_;
};

}  // namespace

void validate_tls(const Listener& listener, const std::string& path, const Places& places,
                  Findings& findings) {
  if (!listener.tls) return;
  ListenerChecks(listener, path, places, findings).run();
  if (listener.redirect_https)
    findings.add(
        Code::E235, places.of(path + ".redirect_https"),
        fmt::format("listener '{}' has TLS already; it would redirect to itself", listener.name),
        "redirect_https is for the listener without 'tls', on port 80");
}

void validate_tls(const Cluster& cluster, const std::string& path, const Places& places,
                  Findings& findings) {
  if (!cluster.tls) return;
  const ClusterTls& tls = *cluster.tls;
  const std::string at = path + ".tls";
  if (!tls.key.empty() && tls.cert.empty() && !places.written(at + ".cert"))
    findings.add(Code::E234, places.of(at + ".key"),
                 fmt::format("cluster '{}' has a 'key' without its 'cert'", cluster.name),
                 "add cert: the file of the certificate that the key belongs to");
  if (!tls.verify) {
    findings.add(Code::W232, places.of(at + ".verify"),
                 fmt::format("anyone on the network path can impersonate a backend of cluster '{}'",
                             cluster.name),
                 "leave 'verify' out; 'ca' may name an authority of your own");
    return;
  }
  // A UNIX socket has no name of its own.
  if (places.written(at + ".verify_name") || places.written(at + ".sni")) return;
  const auto nameless =
      std::find_if(cluster.backends.begin(), cluster.backends.end(),
                   [](const Backend& backend) { return backend.address.starts_with("unix:"); });
  if (nameless != cluster.backends.end())
    findings.add(Code::E237, places.of(at),
                 fmt::format("backend '{}' of cluster '{}' has no name that its certificate could "
                             "be checked for",
                             nameless->name, cluster.name),
                 "give 'verify_name' or 'sni'");
}

void validate_http_alpn(const Cluster& cluster, const Listener& user, const std::string& path,
                        const Places& places, Findings& findings) {
  if (!cluster.tls) return;
  const bool http1 = cluster.protocol != BackendProtocol::http2;
  const bool http2 = cluster.protocol != BackendProtocol::http1;
  for (size_t i = 0; i < cluster.tls->alpn.size(); ++i) {
    const std::string& protocol = cluster.tls->alpn[i];
    if ((http1 && is_http1(protocol)) || (http2 && protocol == "h2")) continue;
    const Place at = places.of(fmt::format("{}.tls.alpn[{}]", path, i));
    if (is_http1(protocol) || protocol == "h2")
      findings.add(
          Code::E271, at,
          fmt::format("cluster '{}' offers {}, but its 'protocol' is {}", cluster.name, protocol,
                      weir::text(cluster.protocol)),
          fmt::format("leave it out, or write protocol: {}", http1 ? "http2 or auto" : "auto"));
    else
      findings.add(
          Code::E236, at,
          protocol == "h3"
              ? fmt::format("cluster '{}' offers h3, which this version does not support",
                            cluster.name)
              : fmt::format("cluster '{}' offers {}, but HTTP listener '{}' sends HTTP to it",
                            cluster.name, protocol, user.name),
          http2 ? "write h2, or leave it out" : "write http/1.1, or leave it out");
  }
}

}  // namespace weir::config

// Reading what a TlsServer is made of; whatever is wrong with a file is said here, before anything
// uses it.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <optional>

#include "base/hash.h"
#include "http/chars.h"
#include "net/tls_client_policy.h"
#include "net/tls_site.h"
#include "net/tls_staple.h"

namespace weir {
namespace {

// Mozilla's "intermediate" without the DHE suites, which are slow and which nobody needs who can
// speak TLS 1.2.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCipherSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), ascii_lower);
  return out;
}

// DNS names of the certificate; the common name only when it has none (RFC 6125 6.4.4).
std::vector<std::string> hosts_of(X509* certificate) {
  std::vector<std::string> hosts;
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) hosts.push_back(lower(text_of(name->d.dNSName)));
  }
  if (names == nullptr)
    if (const ASN1_STRING* name = common_name(certificate)) hosts.push_back(lower(text_of(name)));
  GENERAL_NAMES_free(names);
  return hosts;
}

// A day in words, for messages.
std::string day_of(const ASN1_TIME* time) {
  std::tm parts{};
  ASN1_TIME_to_tm(time, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

Error error(std::string message) {
  return Error{std::move(message), ""};
}

}  // namespace

struct TlsServer::Loader {
  const config::ListenerTls& spec;
  const std::vector<std::string>& alpn;
  TlsServer& server;

  Result<void> certificate(const config::Certificate& wanted, const ClientPolicy& listeners);
  Result<void> check(const config::Certificate& wanted, const std::vector<X509Ptr>& chain);
  Result<Site*> site(const std::vector<std::string>& hosts, int key_type,
                     const ClientPolicy& clients);
  Result<SslContextPtr> context(const ClientPolicy& clients);
  Result<void> versions(SSL_CTX* context);
  Result<void> index(Site& site);
  std::string policy(const ClientPolicy& clients) const;
};

// All that decides who is let in: 32 bytes at most.
std::string TlsServer::Loader::policy(const ClientPolicy& clients) const {
  const std::string text = fmt::format("{}|{}|", static_cast<int>(spec.policy),
                                       spec.min_version ? static_cast<int>(*spec.min_version) : -1);
  return fmt::format("{:016x}", hash_bytes(text + clients.fingerprint(), 0));
}

Result<void> TlsServer::Loader::versions(SSL_CTX* context) {
  const bool modern = spec.policy == config::TlsPolicy::modern;
  const bool only_1_3 =
      spec.min_version ? *spec.min_version == config::TlsVersion::tls_1_3 : modern;
  SSL_CTX_set_min_proto_version(context, only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  const std::string ciphers = spec.ciphers.empty() ? kCiphers : spec.ciphers;
  if (SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1)
    return error(fmt::format("`ciphers`: '{}' names no cipher that OpenSSL has", ciphers));
  const std::string suites = spec.ciphersuites.empty() ? kCipherSuites : spec.ciphersuites;
  if (SSL_CTX_set_ciphersuites(context, suites.c_str()) != 1)
    return error(fmt::format("`ciphersuites`: '{}' names one that OpenSSL does not have", suites));
  CHECK(SSL_CTX_set1_groups_list(context, kGroups) == 1);
  return {};
}

Result<SslContextPtr> TlsServer::Loader::context(const ClientPolicy& clients) {
  SslContextPtr made(SSL_CTX_new(TLS_server_method()));
  CHECK(made != nullptr);
  SSL_CTX* context = made.get();
  prepare(context);
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  const std::string id = policy(clients);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(id.data()),
                                 static_cast<unsigned>(id.size()));
  // A number, since connections outlive whatever it could point to.
  SSL_CTX_set_app_data(context, reinterpret_cast<void*>(clients.rules()));
  SSL_CTX_set_client_hello_cb(context, &TlsServer::on_client_hello, &server);
  // So that the extension is answered; the choice has been made before.
  SSL_CTX_set_tlsext_servername_callback(
      context, +[](SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; });
  if (!alpn.empty()) SSL_CTX_set_alpn_select_cb(context, &TlsServer::on_alpn, &server);
  SSL_CTX_set_tlsext_status_cb(context, &TlsServer::on_status);
  SSL_CTX_set_tlsext_status_arg(context, &server);
  if (Result<void> set = versions(context); !set) return set.error();
  clients.apply(context);
  return made;
}

Result<void> TlsServer::Loader::check(const config::Certificate& wanted,
                                      const std::vector<X509Ptr>& chain) {
  X509* leaf = chain.front().get();
  if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
    return error(fmt::format("the certificate in '{}' expired on {}", wanted.cert,
                             day_of(X509_get0_notAfter(leaf))));
  if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
    return error(fmt::format("the certificate in '{}' is not valid before {}", wanted.cert,
                             day_of(X509_get0_notBefore(leaf))));
  for (size_t i = 0; i + 1 < chain.size(); ++i)
    if (X509_check_issued(chain[i + 1].get(), chain[i].get()) != X509_V_OK)
      return error(
          fmt::format("in '{}' certificate {} was not issued by the one behind it: the server's "
                      "comes first, each authority behind what it has signed",
                      wanted.cert, i + 1));
  return {};
}

// Of the same names and another kind of key: the client's abilities decide between them.
Result<TlsServer::Site*> TlsServer::Loader::site(const std::vector<std::string>& hosts,
                                                 int key_type, const ClientPolicy& clients) {
  const ClientRules rules{clients.rules(), clients.forward()};
  for (const auto& known : server.sites_) {
    const bool has = std::find(known->key_types.begin(), known->key_types.end(), key_type) !=
                     known->key_types.end();
    if (!hosts.empty() && known->hosts == hosts && !has && known->rules == rules)
      return known->key_types.push_back(key_type), known.get();
  }
  Result<SslContextPtr> made = context(clients);
  if (!made) return made.error();
  server.sites_.push_back(std::make_unique<Site>());
  Site& site = *server.sites_.back();
  site.context = std::move(*made);
  site.hosts = hosts;
  site.rules = rules;
  server.asks_clients_ |= rules.id != 0;
  site.key_types.push_back(key_type);
  return &site;
}

Result<void> TlsServer::Loader::certificate(const config::Certificate& wanted,
                                            const ClientPolicy& listeners) {
  std::optional<Result<ClientPolicy>> own;
  if (wanted.client_auth) own.emplace(ClientPolicy::load(*wanted.client_auth));
  if (own && !*own) return own->error();
  const ClientPolicy& clients = own ? **own : listeners;
  Result<Identity> identity = read_identity(wanted.cert, wanted.key);
  if (!identity) return identity.error();
  if (Result<void> good = check(wanted, identity->chain); !good) return good;
  std::vector<std::string> hosts = hosts_of(identity->leaf());
  const bool is_default = spec.default_certificate.empty()
                              ? server.default_ == nullptr
                              : wanted.name == spec.default_certificate;
  if (wanted.client_auth && hosts.empty() && !is_default)
    return error(fmt::format(
        "the certificate in '{}' has no host that its `client_auth` could be for", wanted.cert));
  Result<Site*> site = this->site(hosts, EVP_PKEY_get_base_id(identity->key.get()), clients);
  if (!site) return site.error();
  if (Result<void> used = use_identity((*site)->context.get(), *identity); !used) return used;
  for (const X509Ptr& one : identity->chain) server.fingerprint_ += digest_of(one.get());
  server.fingerprint_ += fmt::format("{}{}", policy(clients), static_cast<int>(clients.forward()));
  if (!wanted.ocsp.empty()) {
    Result<TlsStaple> staple = TlsStaple::read(wanted.ocsp, identity->chain, wanted.cert);
    if (!staple) return staple.error();
    server.fingerprint_ += fmt::format("{}", hash_bytes(staple->response, 0));
    server.staples_.push_back(std::move(*staple));
  }
  if (Result<void> known = index(**site); !known) return known;
  if (is_default) server.default_ = *site;
  server.infos_.push_back({wanted.name, std::move(hosts),
                           seconds_of(X509_get0_notAfter(identity->leaf())), wanted.location});
  return {};
}

// Who asks for a host must be let in by the same rules whichever certificate it is shown.
Result<void> TlsServer::Loader::index(Site& site) {
  for (const std::string& host : site.hosts) {
    const bool any = host.starts_with("*.");
    auto& sites = any ? server.wildcard_ : server.exact_;
    const auto [first, is_new] = sites.emplace(any ? host.substr(2) : host, &site);
    if (!is_new && first->second->rules != site.rules)
      return error(fmt::format(
          "'{}' is in two certificates with different `client_auth`; leave it to one of them",
          host));
  }
  return {};
}

Result<std::shared_ptr<TlsServer>> TlsServer::load(const config::ListenerTls& spec,
                                                   const std::vector<std::string>& alpn,
                                                   config::Location& at) {
  std::shared_ptr<TlsServer> server(new TlsServer());
  server->reject_unknown_sni_ = spec.reject_unknown_sni;
  server->alpn_ = alpn_on_the_wire(alpn);
  Result<ClientPolicy> clients = ClientPolicy::load(spec.client_auth);
  if (!clients) return clients.error();
  Loader loader{spec, alpn, *server};
  server->fingerprint_ =
      fmt::format("{}|{}|{}|{}|{}|", spec.ciphers, spec.ciphersuites, spec.default_certificate,
                  spec.reject_unknown_sni, server->alpn_);
  for (const config::Certificate& wanted : spec.certificates) {
    at = wanted.location;
    if (Result<void> loaded = loader.certificate(wanted, *clients); !loaded) return loaded.error();
  }
  return server;
}

}  // namespace weir

// TlsServer::load(): reads the files, and reports all their errors before a connection uses them.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>

#include "base/ascii.h"
#include "base/hash.h"
#include "tls/tls_advice.h"
#include "tls/tls_site.h"

namespace weir {
namespace {

// Mozilla's "intermediate" without the DHE suites: they are slow, and clients of TLS 1.2 do not
// need them.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCipherSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";

// DNS names of the certificate; the common name only when it has none (RFC 6125 6.4.4).
std::vector<std::string> hosts_of(X509* certificate) {
  std::vector<std::string> hosts;
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) hosts.push_back(lower_case(text_of(name->d.dNSName)));
  }
  if (names == nullptr)
    if (const ASN1_STRING* name = common_name(certificate))
      hosts.push_back(lower_case(text_of(name)));
  GENERAL_NAMES_free(names);
  return hosts;
}

std::string wrong_order(const std::vector<X509Ptr>& chain, const std::string& file) {
  for (size_t i = 0; i + 1 < chain.size(); ++i)
    if (X509_check_issued(chain[i + 1].get(), chain[i].get()) != X509_V_OK)
      return fmt::format(
          "in '{}' certificate {} was not issued by the one after it: the server's "
          "comes first, each authority after the certificate that it has signed",
          file, i + 1);
  return "";
}

}  // namespace

struct TlsServer::CertificateReader {
  const config::ListenerTls& spec;
  const std::vector<std::string>& alpn;
  TlsServer& server;
  TlsLoading& loading;
  const TlsServer* before;
  std::deque<ClientPolicy> policies = {};
  SslContextPtr trial = {};  // tries whether OpenSSL accepts a certificate

  void load();
  const ClientPolicy* policy_of(const config::ClientCertificates& clients,
                                const config::Location& at);
  void certificate(const config::Certificate& wanted, const ClientPolicy* listeners);
  bool usable(const config::Certificate& wanted, const Offer& offer);
  void add_stand_in(const Offer& offer, FileValidity& validity);
  void staple(const config::Certificate& wanted, const Identity& identity);
  void versions(SSL_CTX* context);
  SslContextPtr context(const ClientPolicy& clients);
  std::string policy(const ClientPolicy& clients) const;
  void fail(const config::Location& at, std::string message) {
    loading.report(config::Code::E238, at, std::move(message));
  }
};

// All settings of client authentication, for the session id context: at most 32 bytes.
std::string TlsServer::CertificateReader::policy(const ClientPolicy& clients) const {
  const std::string text = fmt::format("{}|{}|", static_cast<int>(spec.policy),
                                       spec.min_version ? static_cast<int>(*spec.min_version) : -1);
  return fmt::format("{:016x}", hash_bytes(text + clients.fingerprint(), 0));
}

void TlsServer::CertificateReader::versions(SSL_CTX* context) {
  const bool modern = spec.policy == config::TlsPolicy::modern;
  const bool only_1_3 = spec.min_version ? *spec.min_version == TlsVersion::tls_1_3 : modern;
  SSL_CTX_set_min_proto_version(context, only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  const std::string ciphers = spec.ciphers.empty() ? kCiphers : spec.ciphers;
  if (SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1)
    fail(spec.location, fmt::format("`ciphers`: '{}' names no cipher that OpenSSL has", ciphers));
  const std::string suites = spec.ciphersuites.empty() ? kCipherSuites : spec.ciphersuites;
  if (SSL_CTX_set_ciphersuites(context, suites.c_str()) != 1)
    fail(spec.location,
         fmt::format("`ciphersuites`: '{}' names a suite that OpenSSL does not have", suites));
  ERR_clear_error();
  CHECK(SSL_CTX_set1_groups_list(context, kGroups) == 1);
}

SslContextPtr TlsServer::CertificateReader::context(const ClientPolicy& clients) {
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
  // A number and no pointer, since connections outlive the policy.
  SSL_CTX_set_app_data(context, reinterpret_cast<void*>(clients.rules()));
  SSL_CTX_set_client_hello_cb(context, &TlsServer::on_client_hello, &server);
  // OpenSSL answers the extension only with a callback; on_client_hello() has made the choice.
  SSL_CTX_set_tlsext_servername_callback(
      context, +[](SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; });
  if (!alpn.empty()) SSL_CTX_set_alpn_select_cb(context, &TlsServer::on_alpn, &server);
  SSL_CTX_set_tlsext_status_cb(context, &TlsServer::on_status);
  SSL_CTX_set_tlsext_status_arg(context, &server);
  versions(context);
  clients.apply(context);
  return made;
}

const ClientPolicy* TlsServer::CertificateReader::policy_of(
    const config::ClientCertificates& clients, const config::Location& at) {
  const std::span<const CrlPtr> lists = before != nullptr
                                            ? std::span<const CrlPtr>(before->content_->revoked)
                                            : std::span<const CrlPtr>();
  std::optional<ClientPolicy> policy = ClientPolicy::load(clients, loading, at, lists);
  if (!policy) return nullptr;
  for (const CrlPtr& list : policy->revoked()) add_list(server.content_->revoked, list.get());
  server.validities_.insert(server.validities_.end(), policy->validities().begin(),
                            policy->validities().end());
  if (clients.mode != config::ClientAuth::none)
    server.fingerprint_ += loading.digest(clients.ca) + loading.digest(clients.crl);
  policies.push_back(std::move(*policy));
  return &policies.back();
}

bool TlsServer::CertificateReader::usable(const config::Certificate& wanted, const Offer& offer) {
  if (const std::string wrong = wrong_order(offer.identity->chain, wanted.cert); !wrong.empty())
    return fail(wanted.location, wrong), false;
  if (wanted.client_auth && offer.hosts.empty() && !offer.is_default)
    return fail(wanted.location,
                fmt::format("the certificate in '{}' has no host that its `client_auth` could be "
                            "for",
                            wanted.cert)),
           false;
  if (Result<void> used = use_identity(trial.get(), *offer.identity); !used)
    return fail(wanted.location, used.error().message), false;
  return true;
}

// The previous certificate of the entry is used until the new one is valid.
void TlsServer::CertificateReader::add_stand_in(const Offer& offer, FileValidity& validity) {
  if (before == nullptr || loading.now() >= offer.from) return;
  for (const Offer& known : before->content_->offers) {
    if (known.name != offer.name || !known.holds(loading.now())) continue;
    Offer stand_in = offer;
    stand_in.identity = known.identity;
    stand_in.hosts = known.hosts;
    stand_in.from = known.from;
    stand_in.until = std::min(known.until, offer.from - 1);
    stand_in.is_stand_in = validity.has_stand_in = true;
    // With its OCSP response.
    const auto [first, last] = before->content_->staples.equal_range(known.identity->leaf());
    server.content_->staples.insert(first, last);
    server.content_->offers.push_back(std::move(stand_in));
    return;
  }
}

void TlsServer::CertificateReader::staple(const config::Certificate& wanted,
                                          const Identity& identity) {
  if (wanted.ocsp.empty()) return;
  Result<TlsStaple> staple = TlsStaple::read(loading, wanted.ocsp, identity.chain, wanted.cert);
  if (!staple) return fail(wanted.location, staple.error().message);
  server.fingerprint_ += loading.digest(wanted.ocsp);
  FileValidity validity{TlsFileKind::ocsp, wanted.ocsp, staple->from, staple->until - 1,
                        wanted.location};
  if (before != nullptr && loading.now() < staple->from)
    for (const auto& [certificate, known] : before->content_->staples)
      if (known.holds(loading.now()) && X509_cmp(certificate, identity.leaf()) == 0) {
        server.content_->staples.emplace(identity.leaf(), known);
        validity.has_stand_in = true;
      }
  server.validities_.push_back(std::move(validity));
  server.content_->staples.emplace(identity.leaf(), std::move(*staple));
}

void TlsServer::CertificateReader::certificate(const config::Certificate& wanted,
                                               const ClientPolicy* listeners) {
  const ClientPolicy* clients =
      wanted.client_auth ? policy_of(*wanted.client_auth, wanted.location) : listeners;
  Offer offer;
  offer.identity = read_identity(loading, wanted.cert, wanted.key, wanted.location);
  if (!offer.identity) return;
  FileValidity validity = validity_of(*offer.identity, wanted.location);
  offer.name = wanted.name;
  offer.hosts = hosts_of(offer.identity->leaf());
  offer.from = validity.from;
  offer.until = validity.until;
  offer.location = wanted.location;
  offer.is_default = spec.default_certificate.empty() ? &wanted == &spec.certificates.front()
                                                      : wanted.name == spec.default_certificate;
  if (!usable(wanted, offer)) return;
  staple(wanted, *offer.identity);
  if (clients == nullptr) return;
  offer.clients = clients;
  offer.rules = {clients->rules(), clients->forward()};
  server.asks_clients_ |= offer.rules.id != 0;
  server.fingerprint_ += loading.digest(wanted.cert) + loading.digest(wanted.key);
  server.fingerprint_ +=
      fmt::format("{}{}", policy(*clients), static_cast<int>(clients->forward()));
  server.infos_.push_back({wanted.name, offer.hosts, offer.until, wanted.location});
  advise_server(*offer.identity, !wanted.ocsp.empty(), wanted.location, loading);
  server.content_->offers.push_back(offer);
  add_stand_in(offer, validity);
  server.validities_.push_back(std::move(validity));
}

void TlsServer::CertificateReader::load() {
  const ClientPolicy* const listeners = policy_of(spec.client_auth, spec.location);
  trial = context(ClientPolicy::none());
  if (SSL_CTX_get_min_proto_version(trial.get()) < TLS1_3_VERSION &&
      std::find(alpn.begin(), alpn.end(), "h2") != alpn.end())
    advise_http2(trial.get(), spec.location, loading);
  for (const config::Certificate& wanted : spec.certificates)
    if (!loading.stopped()) certificate(wanted, listeners);
}

std::shared_ptr<TlsServer> TlsServer::load(const config::ListenerTls& spec,
                                           const std::vector<std::string>& alpn,
                                           TlsLoading& loading, const TlsServer* before) {
  const size_t errors = loading.errors();
  std::shared_ptr<TlsServer> server(new TlsServer());
  server->reject_unknown_sni_ = spec.reject_unknown_sni;
  server->alpn_ = alpn_on_the_wire(alpn);
  server->fingerprint_ =
      fmt::format("{}|{}|{}|{}|{}|", spec.ciphers, spec.ciphersuites, spec.default_certificate,
                  spec.reject_unknown_sni, server->alpn_);
  CertificateReader reader{spec, alpn, *server, loading, before};
  reader.load();
  if (loading.errors() > errors || loading.stopped()) return nullptr;
  Sites sites{*server, loading,
              [&](const ClientPolicy& clients) { return reader.context(clients); }};
  sites.make();
  if (loading.errors() > errors) return nullptr;
  for (Offer& offer : server->content_->offers) offer.clients = nullptr;
  return server;
}

}  // namespace weir

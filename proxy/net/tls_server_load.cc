// Reading what a TlsServer is made of; whatever is wrong with a file is said here, before anything
// uses it.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/hash.h"
#include "http/chars.h"
#include "net/tls_site.h"

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

std::string_view text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
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
  if (names == nullptr) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0)
      hosts.push_back(lower(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)))));
  }
  GENERAL_NAMES_free(names);
  return hosts;
}

int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<int64_t>(::timegm(&parts)) : 0;
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

  std::vector<X509Ptr> authorities;  // of clients
  std::vector<CrlPtr> revoked;

  Result<void> read_authorities();
  Result<void> certificate(const config::Certificate& wanted);
  Result<void> check(const config::Certificate& wanted, const std::vector<X509Ptr>& chain);
  Result<Site*> site(const std::vector<std::string>& hosts, int key_type);
  Result<SslContextPtr> context();
  Result<void> versions(SSL_CTX* context);
  void clients(SSL_CTX* context) const;
  Result<void> staple(const config::Certificate& wanted, const std::vector<X509Ptr>& chain);
  void index(Site& site);
  std::string policy() const;
};

// All that decides who is let in, as the files are now: 32 bytes at most.
std::string TlsServer::Loader::policy() const {
  const config::ClientCertificates& auth = spec.client_auth;
  std::string text = fmt::format("{}|{}|{}|{}|", static_cast<int>(spec.policy),
                                 spec.min_version ? static_cast<int>(*spec.min_version) : -1,
                                 static_cast<int>(auth.mode), auth.depth);
  for (const X509Ptr& authority : authorities) text += digest_of(authority.get());
  for (const CrlPtr& list : revoked) text += digest_of(list.get());
  return fmt::format("{:016x}", hash_bytes(text, 0));
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

Result<void> TlsServer::Loader::read_authorities() {
  const config::ClientCertificates& auth = spec.client_auth;
  if (auth.mode == config::ClientAuth::none) return {};
  Result<std::vector<X509Ptr>> trusted = read_certificates(auth.ca);
  if (!trusted) return trusted.error();
  authorities = std::move(*trusted);
  if (auth.crl.empty()) return {};
  Result<std::vector<CrlPtr>> lists = read_revocation_lists(auth.crl);
  if (!lists) return lists.error();
  revoked = std::move(*lists);
  return {};
}

// In place of the certificates of the system: only those authorities count.
void TlsServer::Loader::clients(SSL_CTX* context) const {
  const config::ClientCertificates& auth = spec.client_auth;
  if (auth.mode == config::ClientAuth::none) return;
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const X509Ptr& authority : authorities) {
    X509_STORE_add_cert(store, authority.get());
    SSL_CTX_add_client_CA(context, authority.get());
  }
  for (const CrlPtr& list : revoked) X509_STORE_add_crl(store, list.get());
  if (!revoked.empty())
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  int mode = SSL_VERIFY_PEER;
  if (auth.mode == config::ClientAuth::require) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context, mode, nullptr);
  SSL_CTX_set_verify_depth(context, static_cast<int>(auth.depth));
}

Result<SslContextPtr> TlsServer::Loader::context() {
  SslContextPtr made(SSL_CTX_new(TLS_server_method()));
  CHECK(made != nullptr);
  SSL_CTX* context = made.get();
  prepare(context);
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  const std::string id = policy();
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(id.data()),
                                 static_cast<unsigned>(id.size()));
  SSL_CTX_set_client_hello_cb(context, &TlsServer::on_client_hello, &server);
  // So that the extension is answered; the choice has been made before.
  SSL_CTX_set_tlsext_servername_callback(
      context, +[](SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; });
  if (!alpn.empty()) SSL_CTX_set_alpn_select_cb(context, &TlsServer::on_alpn, &server);
  SSL_CTX_set_tlsext_status_cb(context, &TlsServer::on_status);
  SSL_CTX_set_tlsext_status_arg(context, &server);
  if (Result<void> set = versions(context); !set) return set.error();
  clients(context);
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
                                                 int key_type) {
  for (const auto& known : server.sites_) {
    const bool has = std::find(known->key_types.begin(), known->key_types.end(), key_type) !=
                     known->key_types.end();
    if (!hosts.empty() && known->hosts == hosts && !has)
      return known->key_types.push_back(key_type), known.get();
  }
  Result<SslContextPtr> made = context();
  if (!made) return made.error();
  server.sites_.push_back(std::make_unique<Site>());
  Site& site = *server.sites_.back();
  site.context = std::move(*made);
  site.hosts = hosts;
  site.key_types.push_back(key_type);
  return &site;
}

Result<void> TlsServer::Loader::certificate(const config::Certificate& wanted) {
  Result<Identity> identity = read_identity(wanted.cert, wanted.key);
  if (!identity) return identity.error();
  if (Result<void> good = check(wanted, identity->chain); !good) return good;
  std::vector<std::string> hosts = hosts_of(identity->leaf());
  Result<Site*> site = this->site(hosts, EVP_PKEY_get_base_id(identity->key.get()));
  if (!site) return site.error();
  if (Result<void> used = use_identity((*site)->context.get(), *identity); !used) return used;
  for (const X509Ptr& one : identity->chain) server.fingerprint_ += digest_of(one.get());
  if (Result<void> stapled = staple(wanted, identity->chain); !stapled) return stapled;
  index(**site);
  const bool is_default = spec.default_certificate.empty()
                              ? server.default_ == nullptr
                              : wanted.name == spec.default_certificate;
  if (is_default) server.default_ = *site;
  server.infos_.push_back({wanted.name, std::move(hosts),
                           seconds_of(X509_get0_notAfter(identity->leaf())), wanted.location});
  return {};
}

// Only what a client would accept: signed by the authority, of this certificate, good, and in time.
Result<void> TlsServer::Loader::staple(const config::Certificate& wanted,
                                       const std::vector<X509Ptr>& chain) {
  if (wanted.ocsp.empty()) return {};
  if (chain.size() < 2)
    return error(fmt::format(
        "`ocsp` needs the authority's certificate in '{}', behind the server's", wanted.cert));
  Result<BioPtr> file = open_file(wanted.ocsp);
  if (!file) return file.error();
  const OcspPtr response(d2i_OCSP_RESPONSE_bio(file->get(), nullptr));
  const OcspBasicPtr basic(response ? OCSP_response_get1_basic(response.get()) : nullptr);
  if (!basic)
    return ERR_clear_error(),
           error(fmt::format("'{}' has no OCSP response; it must be DER", wanted.ocsp));
  X509* issuer = chain[1].get();
  const OpenSslPtr<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), issuer);
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  if (OCSP_basic_verify(basic.get(), nullptr, store.get(), 0) != 1)
    return error(fmt::format("the OCSP response in '{}' is not signed by the authority: {}",
                             wanted.ocsp, openssl_error()));
  const OpenSslPtr<OCSP_CERTID, OCSP_CERTID_free> id(
      OCSP_cert_to_id(nullptr, chain[0].get(), issuer));
  int status = 0;
  ASN1_GENERALIZEDTIME *from = nullptr, *until = nullptr;
  if (OCSP_resp_find_status(basic.get(), id.get(), &status, nullptr, nullptr, &from, &until) != 1)
    return error(fmt::format("the OCSP response in '{}' is of another certificate", wanted.ocsp));
  if (status != V_OCSP_CERTSTATUS_GOOD)
    return error(fmt::format("the OCSP response in '{}' says: {}", wanted.ocsp,
                             OCSP_cert_status_str(status)));
  if (until == nullptr || OCSP_check_validity(from, until, 300, -1) != 1)
    return ERR_clear_error(),
           error(fmt::format("the OCSP response in '{}' is not of now: fetch a new one",
                             wanted.ocsp));
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response.get(), &der);
  CHECK(size > 0);
  server.staples_.push_back({chain[0].get(),
                             {reinterpret_cast<char*>(der), static_cast<size_t>(size)},
                             seconds_of(until)});
  server.fingerprint_ += fmt::format("{}", hash_bytes(server.staples_.back().response, 0));
  OPENSSL_free(der);
  return {};
}

void TlsServer::Loader::index(Site& site) {
  for (const std::string& host : site.hosts) {
    if (host.starts_with("*."))
      server.wildcard_.emplace(host.substr(2), &site);
    else
      server.exact_.emplace(host, &site);
  }
}

Result<std::shared_ptr<TlsServer>> TlsServer::load(const config::ListenerTls& spec,
                                                   const std::vector<std::string>& alpn,
                                                   config::Location& at) {
  std::shared_ptr<TlsServer> server(new TlsServer());
  server->reject_unknown_sni_ = spec.reject_unknown_sni;
  server->alpn_ = alpn_on_the_wire(alpn);
  Loader loader{spec, alpn, *server, {}, {}};
  if (Result<void> read = loader.read_authorities(); !read) return read.error();
  server->fingerprint_ =
      fmt::format("{}|{}|{}|{}|{}|{}|", loader.policy(), spec.ciphers, spec.ciphersuites,
                  spec.default_certificate, spec.reject_unknown_sni, server->alpn_);
  for (const config::Certificate& wanted : spec.certificates) {
    at = wanted.location;
    if (Result<void> loaded = loader.certificate(wanted); !loaded) return loaded.error();
  }
  return server;
}

}  // namespace weir

#include "tls/tls_client.h"

#include <fmt/format.h>

#include <ctime>

#include "base/network.h"
#include "tls/openssl.h"
#include "tls/tls_advice.h"
#include "tls/tls_client_policy.h"
#include "tls/tls_system_trust.h"

namespace weir {
namespace {

int client_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int slot_index() {
  static const int index = SSL_get_ex_new_index(1, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool is_address(const std::string& host) {
  return IpAddress().parse(host);
}

}  // namespace

std::shared_ptr<TlsClient> TlsClient::load(const config::ClusterTls& spec, TlsLoading& loading,
                                           const TlsClient* before) {
  std::shared_ptr<TlsClient> client(new TlsClient(spec));
  SSL_CTX* context = client->context_ = SSL_CTX_new(TLS_client_method());
  CHECK(context != nullptr);
  prepare(context);
  SSL_CTX_set_min_proto_version(
      context, spec.min_version == TlsVersion::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  // Freeing the context would flush a cache of libssl, and make its sessions unusable.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &TlsClient::on_new_session);
  client->alpn_ = alpn_on_the_wire(spec.alpn);
  client->fingerprint_ = fmt::format("{}|{}|{}|{}|{}|", spec.sni, spec.verify, spec.verify_name,
                                     static_cast<int>(spec.min_version), client->alpn_);
  const bool trusts = client->trust(loading);
  const bool is_someone = client->identify(loading, before);
  return trusts && is_someone ? client : nullptr;
}

TlsClient::~TlsClient() {
  for (const auto& [key, session] : sessions_) SSL_SESSION_free(session);
  SSL_CTX_free(context_);
}

bool TlsClient::trust(TlsLoading& loading) {
  SSL_CTX_set_verify(context_, spec_.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!spec_.verify) return true;
  if (spec_.ca.empty()) {
    const SystemTrust& system = SystemTrust::of(loading, spec_.location);
    SSL_CTX_set1_cert_store(context_, system.store.get());
    fingerprint_ += system.digest;
    return true;
  }
  Result<std::vector<X509Ptr>> authorities = read_certificates(loading, spec_.ca);
  if (!authorities)
    return loading.report(config::Code::E238, spec_.location, authorities.error().message), false;
  X509_STORE* const store = SSL_CTX_get_cert_store(context_);
  for (const X509Ptr& authority : *authorities) X509_STORE_add_cert(store, authority.get());
  fingerprint_ += loading.digest(spec_.ca);
  validities_.push_back(validity_of(*authorities, spec_.ca, spec_.location));
  advise_authorities(*authorities, spec_.ca, spec_.location, loading);
  return true;
}

bool TlsClient::identify(TlsLoading& loading, const TlsClient* before) {
  if (spec_.cert.empty()) return true;
  identity_ = read_identity(loading, spec_.cert, spec_.key, spec_.location);
  if (!identity_) return false;
  if (Result<void> used = use_identity(context_, *identity_); !used)
    return loading.report(config::Code::E238, spec_.location, used.error().message), false;
  advise_client(*identity_, spec_.location, loading);
  fingerprint_ += loading.digest(spec_.cert) + loading.digest(spec_.key);
  FileValidity validity = validity_of(*identity_, spec_.location);
  if (loading.now() < validity.from && before != nullptr)
    for (const auto& known : {before->identity_, before->stand_in_})
      if (known && !stand_in_ && known->holds(loading.now())) stand_in_ = known;
  validity.has_stand_in = stand_in_ != nullptr;
  stand_in_until_ = validity.from;
  validities_.push_back(std::move(validity));
  return true;
}

bool TlsClient::use_stand_in(SSL* ssl) const {
  if (!stand_in_ || std::time(nullptr) >= stand_in_until_) return true;
  const OpenSslPtr<STACK_OF(X509), free_stack> chain(sk_X509_new_null());
  for (size_t i = 1; chain && i < stand_in_->chain.size(); ++i)
    sk_X509_push(chain.get(), stand_in_->chain[i].get());
  return SSL_use_cert_and_key(ssl, stand_in_->leaf(), stand_in_->key.get(), chain.get(), 1) == 1;
}

std::unique_ptr<TlsStream> TlsClient::connect_http1(const std::string& host,
                                                    const std::string& address) {
  return connect(host, address, "\x08http/1.1");
}

std::unique_ptr<TlsStream> TlsClient::connect_to_check(const std::string& host,
                                                       CheckProtocol protocol) {
  switch (protocol) {
    case CheckProtocol::http1:
      if (!alpn_.empty()) return connect_http1(host, "");
      break;
    case CheckProtocol::http2: return connect(host, "", "\x02h2");
    case CheckProtocol::any: break;
  }
  return connect(host, "", alpn_);
}

std::unique_ptr<TlsStream> TlsClient::connect(const std::string& host, const std::string& address,
                                              std::string_view alpn) {
  clear_openssl_errors();
  SslPtr made(SSL_new(context_));
  if (!made) return ERR_clear_error(), nullptr;
  SSL* ssl = made.get();
  SSL_set_connect_state(ssl);
  if (!use_stand_in(ssl)) return ERR_clear_error(), nullptr;
  SSL_set_ex_data(ssl, client_index(), this);
  const std::string& sni = spec_.sni.empty() ? host : spec_.sni;
  if (!sni.empty() && !is_address(sni)) SSL_set_tlsext_host_name(ssl, sni.c_str());
  // An empty name would match any certificate.
  const std::string& name = spec_.verify_name.empty() ? sni : spec_.verify_name;
  const bool named = is_address(name)
                         ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1
                         : !name.empty() && SSL_set1_host(ssl, name.c_str()) == 1;
  if (spec_.verify && !named) return nullptr;
  if (!alpn.empty())
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(alpn.data()),
                        static_cast<unsigned>(alpn.size()));
  if (!address.empty()) {
    const std::lock_guard lock(mutex_);
    const auto [known, is_new] = sessions_.try_emplace(address, nullptr);
    if (!is_new && known->second != nullptr) SSL_set_session(ssl, known->second);
    SSL_set_ex_data(ssl, slot_index(), &known->second);
  }
  return std::make_unique<TlsStream>(made.release());
}

// 1: weir owns the session now; 0: it is not kept.
int TlsClient::on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* const slot = static_cast<SSL_SESSION**>(SSL_get_ex_data(ssl, slot_index()));
  if (slot == nullptr) return 0;
  auto& self = *static_cast<TlsClient*>(SSL_get_ex_data(ssl, client_index()));
  const std::lock_guard lock(self.mutex_);
  SSL_SESSION_free(*slot);
  *slot = session;
  return 1;
}

}  // namespace weir

#include "net/tls_client_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"

namespace weir {

Result<ClientPolicy> ClientPolicy::load(const config::ClientCertificates& spec) {
  ClientPolicy policy(spec);
  if (spec.mode == config::ClientAuth::none) return policy;
  Result<std::vector<X509Ptr>> trusted = read_certificates(spec.ca);
  if (!trusted) return trusted.error();
  policy.authorities_ = std::move(*trusted);
  if (spec.crl.empty()) return policy;
  Result<std::vector<CrlPtr>> lists = read_revocation_lists(spec.crl);
  if (!lists) return lists.error();
  policy.revoked_ = std::move(*lists);
  return policy;
}

void ClientPolicy::apply(SSL_CTX* context) const {
  if (spec_->mode == config::ClientAuth::none) return;
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const X509Ptr& authority : authorities_) {
    X509_STORE_add_cert(store, authority.get());
    SSL_CTX_add_client_CA(context, authority.get());
  }
  for (const CrlPtr& list : revoked_) X509_STORE_add_crl(store, list.get());
  if (!revoked_.empty())
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  int mode = SSL_VERIFY_PEER;
  if (spec_->mode == config::ClientAuth::require) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context, mode, nullptr);
  SSL_CTX_set_verify_depth(context, static_cast<int>(spec_->depth));
}

std::string ClientPolicy::configured() const {
  if (spec_->mode == config::ClientAuth::none) return "";
  return fmt::format("{}|{}|{}|{}|", static_cast<int>(spec_->mode), spec_->depth, spec_->ca,
                     spec_->crl);
}

std::string ClientPolicy::fingerprint() const {
  std::string text = configured();
  for (const X509Ptr& authority : authorities_) text += digest_of(authority.get());
  for (const CrlPtr& list : revoked_) text += digest_of(list.get());
  return text;
}

uintptr_t ClientPolicy::rules() const {
  const std::string text = configured();
  return text.empty() ? 0 : std::max<uintptr_t>(1, static_cast<uintptr_t>(hash_bytes(text, 0)));
}

}  // namespace weir

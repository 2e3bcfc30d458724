#include "tls/tls_client_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "base/hash.h"
#include "tls/tls_advice.h"

namespace weir {

namespace {

int64_t end_of(const X509_CRL* list) {
  const ASN1_TIME* const next = X509_CRL_get0_nextUpdate(list);
  return next != nullptr ? seconds_of(next) : std::numeric_limits<int64_t>::max();
}

bool holds(const X509_CRL* list, int64_t now) {
  return seconds_of(X509_CRL_get0_lastUpdate(list)) <= now && now <= end_of(list);
}

}  // namespace

bool add_list(std::vector<CrlPtr>& lists, X509_CRL* list) {
  const auto is_same = [list](const CrlPtr& known) {
    return X509_CRL_match(known.get(), list) == 0;
  };
  if (std::any_of(lists.begin(), lists.end(), is_same)) return false;
  X509_CRL_up_ref(list);
  lists.emplace_back(list);
  return true;
}

std::optional<ClientPolicy> ClientPolicy::load(const config::ClientCertificates& spec,
                                               TlsLoading& loading, const config::Location& at,
                                               std::span<const CrlPtr> before) {
  ClientPolicy policy(spec);
  if (spec.mode == config::ClientAuth::none) return policy;
  Result<std::vector<X509Ptr>> trusted = read_certificates(loading, spec.ca);
  if (!trusted) loading.report(config::Code::E238, at, trusted.error().message);
  if (trusted) policy.authorities_ = std::move(*trusted);
  if (trusted) policy.validities_.push_back(validity_of(policy.authorities_, spec.ca, at));
  if (trusted) advise_authorities(policy.authorities_, spec.ca, at, loading);
  if (spec.crl.empty()) return trusted ? std::optional(std::move(policy)) : std::nullopt;
  Result<std::vector<CrlPtr>> lists = read_revocation_lists(loading, spec.crl);
  if (!lists) loading.report(config::Code::E238, at, lists.error().message);
  if (!trusted || !lists) return std::nullopt;
  policy.revoked_ = std::move(*lists);
  FileValidity validity = validity_of(policy.revoked_, spec.crl, at);
  // OpenSSL chooses among the lists of an authority one that is valid now.
  if (loading.now() < validity.from)
    for (const CrlPtr& list : before)
      if (holds(list.get(), loading.now()))
        validity.has_stand_in |= add_list(policy.revoked_, list.get());
  policy.validities_.push_back(std::move(validity));
  advise_revocation(policy.authorities_, policy.revoked_, spec.crl, at, loading);
  return policy;
}

ClientPolicy ClientPolicy::none() {
  static const config::ClientCertificates kNone;
  return ClientPolicy(kNone);
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

FileValidity validity_of(std::span<const CrlPtr> lists, const std::string& path,
                         const config::Location& at) {
  struct Times {
    int64_t from, until;
  };
  std::map<std::string, Times> authorities;
  for (const CrlPtr& list : lists) {
    const Times times{seconds_of(X509_CRL_get0_lastUpdate(list.get())), end_of(list.get())};
    char* const issuer = X509_NAME_oneline(X509_CRL_get_issuer(list.get()), nullptr, 0);
    Times& known = authorities.try_emplace(issuer != nullptr ? issuer : "", times).first->second;
    OPENSSL_free(issuer);
    known = {std::min(known.from, times.from), std::max(known.until, times.until)};
  }
  FileValidity validity{TlsFileKind::crl, path, 0, std::numeric_limits<int64_t>::max(), at};
  for (const auto& [issuer, times] : authorities) {
    validity.from = std::max(validity.from, times.from);
    validity.until = std::min(validity.until, times.until);
  }
  return validity;
}

FileValidity validity_of(std::span<const X509Ptr> authorities, const std::string& path,
                         const config::Location& at) {
  FileValidity validity{TlsFileKind::authorities, path, std::numeric_limits<int64_t>::max(), 0, at};
  for (const X509Ptr& one : authorities) {
    validity.from = std::min(validity.from, seconds_of(X509_get0_notBefore(one.get())));
    validity.until = std::max(validity.until, seconds_of(X509_get0_notAfter(one.get())));
  }
  return validity;
}

}  // namespace weir

#include "tls/tls_advice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace weir {
namespace {

using config::Code;

template <typename T, auto free>
OpenSslPtr<T, free> extension_of(const X509* certificate, int nid) {
  return OpenSslPtr<T, free>(static_cast<T*>(X509_get_ext_d2i(certificate, nid, nullptr, nullptr)));
}

bool must_staple(const X509* certificate) {
  constexpr long kStatusRequest = 5;  // RFC 7633, RFC 6066
  const auto features = extension_of<TLS_FEATURE, TLS_FEATURE_free>(certificate, NID_tlsfeature);
  for (int i = 0; features && i < sk_ASN1_INTEGER_num(features.get()); ++i)
    if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features.get(), i)) == kStatusRequest) return true;
  return false;
}

bool has_names(const X509* certificate) {
  const auto names =
      extension_of<GENERAL_NAMES, GENERAL_NAMES_free>(certificate, NID_subject_alt_name);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const int type = sk_GENERAL_NAME_value(names.get(), i)->type;
    if (type == GEN_DNS || type == GEN_IPADD) return true;
  }
  return false;
}

// Public authorities name the URL of their issuing certificate in the certificates that they issue:
// the issuer is not a root that clients have.
bool has_issuer_url(const X509* certificate) {
  const auto access =
      extension_of<AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free>(certificate, NID_info_access);
  for (int i = 0; access && i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i)
    if (OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(access.get(), i)->method) == NID_ad_ca_issuers)
      return true;
  return false;
}

bool is_root(const X509* certificate) {
  return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
}

bool issues(const X509* authority, const X509_NAME* issuer) {
  return X509_NAME_cmp(X509_get_subject_name(authority), issuer) == 0;
}

std::string name_of(const X509* certificate) {
  const ASN1_STRING* const name = common_name(certificate);
  return name != nullptr ? fmt::format("'{}'", text_of(name)) : "one without a common name";
}

// A few of the names, for a message.
std::string some(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  const size_t n = std::min(names.size(), kShown);
  const std::string list = fmt::format("{}", fmt::join(std::span(names).first(n), ", "));
  return names.size() == n ? list : fmt::format("{} and {} more", list, names.size() - n);
}

// The file has the whole chain from the authority to a root.
bool leads_to_root(const X509* authority, std::span<const X509Ptr> all) {
  constexpr int kMostSteps = 16;
  for (int i = 0; i < kMostSteps && authority != nullptr; ++i) {
    if (is_root(authority)) return true;
    const X509_NAME* const issuer = X509_get_issuer_name(authority);
    const auto next = std::find_if(all.begin(), all.end(), [&](const X509Ptr& one) {
      return one.get() != authority && issues(one.get(), issuer);
    });
    authority = next != all.end() ? next->get() : nullptr;
  }
  return false;
}

}  // namespace

void advise_server(const Identity& identity, bool has_response, const config::Location& at,
                   TlsLoading& loading) {
  X509* const leaf = identity.leaf();
  if (!has_response && must_staple(leaf))
    loading.report(Code::W244, at,
                   fmt::format("the certificate in '{}' demands an OCSP response (must-staple): "
                               "clients that honour it refuse the certificate without one",
                               identity.file),
                   "name the response's file with `ocsp`");
  if (X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) != 1)
    loading.report(Code::W248, at,
                   fmt::format("the certificate in '{}' is not for servers (key usage): clients "
                               "refuse it",
                               identity.file),
                   "have it issued with extendedKeyUsage serverAuth");
  else if (!has_names(leaf))
    loading.report(Code::W248, at,
                   fmt::format("the certificate in '{}' has no subjectAltName: clients refuse it "
                               "whatever its common name is",
                               identity.file),
                   "have it issued with its hosts as subjectAltName");
  if (X509* const last = identity.chain.back().get();
      !is_root(last) && has_issuer_url(last) && identity.chain.size() == 1)
    loading.report(
        Code::W249, at,
        fmt::format("'{}' has no certificate of the authority that issued the first one: "
                    "clients that do not have it refuse the connection",
                    identity.file),
        "write the authority's certificate after it; files for this are often called "
        "fullchain.pem");
}

void advise_http2(SSL_CTX* context, const config::Location& at, TlsLoading& loading) {
  std::vector<std::string> prohibited;
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i)
    if (const SSL_CIPHER* const one = sk_SSL_CIPHER_value(ciphers, i); !allowed_for_http2(one))
      prohibited.emplace_back(SSL_CIPHER_get_name(one));
  if (!prohibited.empty())
    loading.report(
        Code::W250, at,
        fmt::format("HTTP/2 prohibits {} (RFC 9113, appendix A): a connection that agrees on h2 "
                    "and on such a cipher fails",
                    some(prohibited)),
        "list only ECDHE ciphers with GCM or CHACHA20 in `ciphers`, or leave h2 out of "
        "`alpn`");
}

void advise_client(const Identity& identity, const config::Location& at, TlsLoading& loading) {
  if (X509_check_purpose(identity.leaf(), X509_PURPOSE_SSL_CLIENT, 0) != 1)
    loading.report(Code::W248, at,
                   fmt::format("the certificate in '{}' is not for clients (key usage): backends "
                               "refuse it",
                               identity.file),
                   "have it issued with extendedKeyUsage clientAuth");
}

void advise_authorities(std::span<const X509Ptr> authorities, const std::string& path,
                        const config::Location& at, TlsLoading& loading) {
  std::vector<std::string> rootless, expired, no_authority;
  bool has_root = false;
  for (const X509Ptr& one : authorities) {
    has_root |= is_root(one.get());
    if (!leads_to_root(one.get(), authorities)) rootless.push_back(name_of(one.get()));
    if (seconds_of(X509_get0_notAfter(one.get())) < loading.now())
      expired.push_back(name_of(one.get()));
    if (X509_check_ca(one.get()) == 0) no_authority.push_back(name_of(one.get()));
  }
  if (!has_root)
    loading.report(Code::W247, at,
                   fmt::format("no certificate is accepted: '{}' has no root (a certificate that "
                               "signed itself), but {}",
                               path, some(rootless)),
                   "add the root's certificate to the file");
  else if (!rootless.empty())
    loading.report(Code::W247, at,
                   fmt::format("certificates issued by {} are not accepted: the root above is not "
                               "in '{}'",
                               some(rootless), path),
                   "add the root's certificate to the file");
  if (!no_authority.empty())
    loading.report(Code::W247, at,
                   fmt::format("{} in '{}' is no authority (basicConstraints): no certificate that "
                               "it issued is accepted",
                               some(no_authority), path));
  if (!expired.empty() && expired.size() < authorities.size())
    loading.report(Code::W243, at,
                   fmt::format("{} in '{}' has expired: no certificate that it issued is accepted",
                               some(expired), path));
}

void advise_revocation(std::span<const X509Ptr> authorities, std::span<const CrlPtr> lists,
                       const std::string& path, const config::Location& at, TlsLoading& loading) {
  std::vector<std::string> without;
  for (const X509Ptr& one : authorities) {
    const X509_NAME* const name = X509_get_subject_name(one.get());
    const bool has = std::any_of(lists.begin(), lists.end(), [&](const CrlPtr& list) {
      return X509_NAME_cmp(X509_CRL_get_issuer(list.get()), name) == 0;
    });
    if (!has) without.push_back(name_of(one.get()));
  }
  if (!without.empty())
    loading.report(Code::W246, at,
                   fmt::format("clients whose certificates were issued by {} are refused: '{}' has "
                               "no list of that authority",
                               some(without), path),
                   "add its list, which may be empty");
}

}  // namespace weir

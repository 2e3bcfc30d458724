#include "tls/openssl.h"

#include <fmt/format.h>

#include <ctime>

namespace weir {
namespace {

// OpenSSL would wait for a passphrase on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

Result<KeyPtr> read_key(TlsLoading& loading, const std::string& path) {
  const Result<std::string_view> content = loading.read(path);
  if (!content) return content.error();
  const BioPtr file = bio_of(*content);
  KeyPtr key(PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, nullptr));
  if (key) return key;
  const bool encrypted = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_BAD_PASSWORD_READ ||
                         ERR_GET_REASON(ERR_peek_error()) == PEM_R_BAD_PASSWORD_READ;
  const std::string why = openssl_error();
  if (encrypted)
    return Error{fmt::format("the key in '{}' has a passphrase; write it without one", path), ""};
  return Error{fmt::format("'{}' has no private key that can be read: {}", path, why), ""};
}

// Why the key does not belong to the first certificate.
Error key_mismatch(const Identity& identity, const std::string& key) {
  size_t fitting = 0;
  for (size_t i = 1; i < identity.chain.size() && fitting == 0; ++i)
    if (X509_check_private_key(identity.chain[i].get(), identity.key.get()) == 1) fitting = i;
  ERR_clear_error();
  if (fitting == 0)
    return Error{fmt::format("the key in '{}' does not belong to the certificate in '{}'", key,
                             identity.file),
                 ""};
  return Error{fmt::format("in '{}' certificate {} is that of the key: it must come first, each "
                           "authority after the certificate that it has signed",
                           identity.file, fitting + 1),
               ""};
}

}  // namespace

std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown error";
}

const ASN1_STRING* common_name(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  return place >= 0 ? X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place)) : nullptr;
}

int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<int64_t>(::timegm(&parts)) : 0;
}

std::string digest_of(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), digest, &size);
  return {reinterpret_cast<const char*>(digest), size};
}

std::string digest_of(const X509_CRL* revoked) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  X509_CRL_digest(revoked, EVP_sha256(), digest, &size);
  return {reinterpret_cast<const char*>(digest), size};
}

BioPtr bio_of(std::string_view content) {
  ERR_clear_error();
  BioPtr memory(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
  CHECK(memory != nullptr);
  return memory;
}

Result<std::vector<X509Ptr>> read_certificates(TlsLoading& loading, const std::string& path) {
  const Result<std::string_view> content = loading.read(path);
  if (!content) return content.error();
  const BioPtr file = bio_of(*content);
  std::vector<X509Ptr> certificates;
  while (X509* certificate = PEM_read_bio_X509_AUX(file.get(), nullptr, no_passphrase, nullptr))
    certificates.emplace_back(certificate);
  const bool damaged = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
  const std::string why = openssl_error();
  if (damaged) return Error{fmt::format("'{}' has a damaged certificate: {}", path, why), ""};
  if (certificates.empty())
    return Error{fmt::format("'{}' has no certificate; it must be a PEM file", path), ""};
  return certificates;
}

Result<std::vector<CrlPtr>> read_revocation_lists(TlsLoading& loading, const std::string& path) {
  const Result<std::string_view> content = loading.read(path);
  if (!content) return content.error();
  const BioPtr file = bio_of(*content);
  std::vector<CrlPtr> lists;
  while (X509_CRL* list = PEM_read_bio_X509_CRL(file.get(), nullptr, no_passphrase, nullptr))
    lists.emplace_back(list);
  const bool damaged = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
  const std::string why = openssl_error();
  if (damaged) return Error{fmt::format("'{}' has a damaged revocation list: {}", path, why), ""};
  if (lists.empty())
    return Error{fmt::format("'{}' has no revocation list; it must be PEM", path), ""};
  return lists;
}

bool Identity::holds(int64_t now) const {
  return seconds_of(X509_get0_notBefore(leaf())) <= now &&
         now <= seconds_of(X509_get0_notAfter(leaf()));
}

std::shared_ptr<const Identity> read_identity(TlsLoading& loading, const std::string& cert,
                                              const std::string& key, const config::Location& at) {
  Result<std::vector<X509Ptr>> chain = read_certificates(loading, cert);
  if (!chain) loading.report(config::Code::E238, at, chain.error().message);
  // The error of a file that holds both was reported.
  if (!chain && key == cert) return nullptr;
  Result<KeyPtr> its_key = read_key(loading, key);
  if (!its_key) loading.report(config::Code::E238, at, its_key.error().message);
  if (!chain || !its_key) return nullptr;
  Identity identity{std::move(*chain), std::move(*its_key), cert};
  if (X509_check_private_key(identity.leaf(), identity.key.get()) != 1)
    return loading.report(config::Code::E238, at, key_mismatch(identity, key).message), nullptr;
  return std::make_shared<const Identity>(std::move(identity));
}

FileValidity validity_of(const Identity& identity, const config::Location& at) {
  return {TlsFileKind::certificate, identity.file, seconds_of(X509_get0_notBefore(identity.leaf())),
          seconds_of(X509_get0_notAfter(identity.leaf())), at};
}

Result<void> use_identity(SSL_CTX* context, const Identity& identity) {
  if (SSL_CTX_use_certificate(context, identity.leaf()) != 1 ||
      SSL_CTX_use_PrivateKey(context, identity.key.get()) != 1)
    return Error{fmt::format("'{}' cannot be used: {}", identity.file, openssl_error()), ""};
  SSL_CTX_clear_chain_certs(context);
  for (size_t i = 1; i < identity.chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, identity.chain[i].get()) != 1)
      return Error{fmt::format("certificate {} in '{}' cannot be used: {}", i + 1, identity.file,
                               openssl_error()),
                   ""};
  return {};
}

void prepare(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // No automatic chain: the file has the chain, and libssl would build one in each handshake.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context, 1);
}

bool allowed_for_http2(const SSL_CIPHER* cipher) {
  if (SSL_CIPHER_is_aead(cipher) != 1 || SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null)
    return false;
  switch (SSL_CIPHER_get_kx_nid(cipher)) {
    case NID_kx_any:  // TLS 1.3
    case NID_kx_ecdhe:
    case NID_kx_dhe:
    case NID_kx_ecdhe_psk:
    case NID_kx_dhe_psk: return true;
    default: return false;
  }
}

std::string alpn_on_the_wire(std::span<const std::string> protocols) {
  std::string wire;
  for (const std::string& protocol : protocols)
    wire += static_cast<char>(protocol.size()) + protocol;
  return wire;
}

}  // namespace weir

// The door to OpenSSL: its headers, owners of its objects, and its errors as text. Only files of
// this room include it.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/tls_loading.h"

namespace weir {

template <auto free>
struct OpenSslFree {
  template <typename T>
  void operator()(T* object) const {
    free(object);
  }
};
template <typename T, auto free>
using OpenSslPtr = std::unique_ptr<T, OpenSslFree<free>>;

// A list that does not own its elements.
inline void free_stack(STACK_OF(X509) * stack) {
  sk_X509_free(stack);
}

using SslPtr = OpenSslPtr<SSL, SSL_free>;
using SslContextPtr = OpenSslPtr<SSL_CTX, SSL_CTX_free>;
using BioPtr = OpenSslPtr<BIO, BIO_free_all>;
using X509Ptr = OpenSslPtr<X509, X509_free>;
using KeyPtr = OpenSslPtr<EVP_PKEY, EVP_PKEY_free>;
using StorePtr = OpenSslPtr<X509_STORE, X509_STORE_free>;
using CrlPtr = OpenSslPtr<X509_CRL, X509_CRL_free>;
using OcspPtr = OpenSslPtr<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using OcspBasicPtr = OpenSslPtr<OCSP_BASICRESP, OCSP_BASICRESP_free>;

// The first error in the queue of this thread; empties the queue.
std::string openssl_error();
// The queue belongs to the thread, not to a connection: errors that another connection left there
// would be taken for errors of this one. Called before every call whose result SSL_get_error()
// explains.
inline void clear_openssl_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

inline std::string_view text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}
const ASN1_STRING* common_name(const X509* certificate);  // null: the subject has none
int64_t seconds_of(const ASN1_TIME* time);                // since 1970; 0: `time` is invalid

// A digest of the whole certificate.
std::string digest_of(const X509* certificate);
std::string digest_of(const X509_CRL* revoked);

// Reads `content`, which must outlive the BIO.
BioPtr bio_of(std::string_view content);
// All certificates of a PEM file, at least one. The errors name the file.
Result<std::vector<X509Ptr>> read_certificates(TlsLoading&, const std::string& path);
// All revocation lists of a PEM file, at least one.
Result<std::vector<CrlPtr>> read_revocation_lists(TlsLoading&, const std::string& path);

// The identity that weir presents: a certificate, the chain after it in its file, and its key.
struct Identity {
  std::vector<X509Ptr> chain;  // at least one
  KeyPtr key;                  // of the first certificate
  std::string file;            // the chain was read from it
  X509* leaf() const { return chain.front().get(); }
  bool holds(int64_t now) const;  // the leaf is valid then
};
// Reads two PEM files, or one; the key has no passphrase. Null: the errors of both files were
// reported, at the place where they are named.
std::shared_ptr<const Identity> read_identity(TlsLoading&, const std::string& cert,
                                              const std::string& key, const config::Location& at);
// The validity of the leaf.
FileValidity validity_of(const Identity&, const config::Location& at);
// Replaces an identity with the same kind of key.
Result<void> use_identity(SSL_CTX* context, const Identity& identity);

// The settings that all contexts of weir share.
void prepare(SSL_CTX* context);
// Not in appendix A of RFC 9113: AEAD, and an ephemeral key exchange with authentication.
bool allowed_for_http2(const SSL_CIPHER*);
// ALPN protocols in wire format (RFC 7301 3.1).
std::string alpn_on_the_wire(std::span<const std::string> protocols);

}  // namespace weir

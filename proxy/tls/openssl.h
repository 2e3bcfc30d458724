// The door to OpenSSL: its headers, owners for its objects, and its errors as sentences. Only files
// of net/ that begin with tls_ include this; nothing else in weir sees an SSL*.
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

// A list of what others own.
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

// The first error of this thread's queue, which is empty afterwards.
std::string openssl_error();
// The queue is the thread's, not a connection's: what another one has left there would be taken for
// this one's. Before every call whose result SSL_get_error() explains.
inline void clear_openssl_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

inline std::string_view text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}
const ASN1_STRING* common_name(const X509* certificate);  // null: its subject has none
int64_t seconds_of(const ASN1_TIME* time);                // since 1970; 0: it is no time

// A digest of all that it says: another one has another.
std::string digest_of(const X509* certificate);
std::string digest_of(const X509_CRL* revoked);

// What `content` says, in memory that must outlive it.
BioPtr bio_of(std::string_view content);
// All certificates of a PEM file, at least one. The errors name the file.
Result<std::vector<X509Ptr>> read_certificates(TlsLoading&, const std::string& path);
// All revocation lists of a PEM file, at least one.
Result<std::vector<CrlPtr>> read_revocation_lists(TlsLoading&, const std::string& path);

// Who weir says it is: a certificate, what stands behind it in its file, and its key.
struct Identity {
  std::vector<X509Ptr> chain;  // at least one
  KeyPtr key;                  // of the first one
  std::string file;            // that the chain was read from
  X509* leaf() const { return chain.front().get(); }
  bool holds(int64_t now) const;  // in the time of the leaf
};
// Two files of PEM, or one; the key has no passphrase. Null: what is wrong was reported, of both
// files, at the place where they are named.
std::shared_ptr<const Identity> read_identity(TlsLoading&, const std::string& cert,
                                              const std::string& key, const config::Location& at);
// The times of its leaf.
FileValidity validity_of(const Identity&, const config::Location& at);
// In place of one with the same kind of key.
Result<void> use_identity(SSL_CTX* context, const Identity& identity);

// What all contexts of weir have in common.
void prepare(SSL_CTX* context);
// Protocols of ALPN as they go on the wire (RFC 7301 3.1).
std::string alpn_on_the_wire(std::span<const std::string> protocols);

}  // namespace weir

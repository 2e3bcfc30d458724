// Warnings about files that load, although clients or backends will refuse what they contain. A
// warning names the effect. Loader's thread.
#pragma once

#include <span>
#include <string>

#include "tls/openssl.h"

namespace weir {

// A listener's certificate, with an OCSP response or without.
void advise_server(const Identity&, bool has_response, const config::Location& at, TlsLoading&);
// The ciphers of a listener that offers HTTP/2.
void advise_http2(SSL_CTX* context, const config::Location& at, TlsLoading&);
// A certificate that weir shows to backends.
void advise_client(const Identity&, const config::Location& at, TlsLoading&);
// Authorities that verify the certificates of peers.
void advise_authorities(std::span<const X509Ptr> authorities, const std::string& path,
                        const config::Location& at, TlsLoading&);
// Their lists of revoked certificates.
void advise_revocation(std::span<const X509Ptr> authorities, std::span<const CrlPtr> lists,
                       const std::string& path, const config::Location& at, TlsLoading&);

}  // namespace weir

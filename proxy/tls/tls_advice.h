// What is reported of files of TLS that can be used and yet will not do what they are there for:
// warnings that say what will happen. Loader's thread.
#pragma once

#include <span>
#include <string>

#include "tls/openssl.h"

namespace weir {

// A listener's certificate, with an OCSP response or without.
void advise_server(const Identity&, bool has_response, const config::Location& at, TlsLoading&);
// A certificate that weir shows to backends.
void advise_client(const Identity&, const config::Location& at, TlsLoading&);
// Authorities that certificates of the other side are checked with.
void advise_authorities(std::span<const X509Ptr> authorities, const std::string& path,
                        const config::Location& at, TlsLoading&);
// Their lists of revoked certificates.
void advise_revocation(std::span<const X509Ptr> authorities, std::span<const CrlPtr> lists,
                       const std::string& path, const config::Location& at, TlsLoading&);

}  // namespace weir

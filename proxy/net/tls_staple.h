// TlsStaple: an authority's word that a certificate is still valid (OCSP), to be handed on to
// clients (RFC 6066 8). Read by the thread that loads configurations; immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/openssl.h"

namespace weir {

struct TlsStaple {
  const X509* certificate;
  std::string response;
  int64_t until;  // seconds since 1970; not handed out any more

  // From a file, for the first of `chain`. Only what a client would accept: signed by the
  // authority, of this certificate, good, and of now.
  static Result<TlsStaple> read(const std::string& file, const std::vector<X509Ptr>& chain,
                                const std::string& chain_file);
};

}  // namespace weir

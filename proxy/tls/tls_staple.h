// TlsStaple: an OCSP response for a certificate, to be sent to clients in the handshake (RFC 6066
// 8). Read by the thread that loads configurations; immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/openssl.h"

namespace weir {

struct TlsStaple {
  std::string response;
  // Seconds since 1970; not handed out at other times. Of the response and of its signer's
  // certificate, where both are good.
  int64_t from, until;
  bool holds(int64_t now) const { return from <= now && now < until; }

  // From a file, for the first of `chain`. Only what a client would accept: signed by the authority
  // or by a responder that it has delegated that to (RFC 6960 4.2.2.2), of this certificate, with
  // the status good. The caller judges whether it is valid now.
  static Result<TlsStaple> read(TlsLoading& loading, const std::string& file,
                                const std::vector<X509Ptr>& chain, const std::string& chain_file);
};

}  // namespace weir

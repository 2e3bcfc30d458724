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
  // Seconds since 1970: the time in which the response and its signer's certificate are both valid.
  // weir sends the response only then.
  int64_t from, until;
  bool holds(int64_t now) const { return from <= now && now < until; }

  // Reads a response for the first certificate of `chain`. Accepts what a client would accept:
  // signed by the authority or by a responder with its delegation (RFC 6960 4.2.2.2), for this
  // certificate, with the status good. The caller checks whether it is valid now.
  static Result<TlsStaple> read(TlsLoading& loading, const std::string& file,
                                const std::vector<X509Ptr>& chain, const std::string& chain_file);
};

}  // namespace weir

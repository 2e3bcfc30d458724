// A self-signed certificate, for trying TLS. Any thread.
#pragma once

#include <string>
#include <vector>

namespace weir {

// PEM: the certificate and its key (ECDSA, P-256), for these hosts and IP addresses, at least one,
// valid for 30 days from now.
std::string make_self_signed(const std::vector<std::string>& hosts);

}  // namespace weir

// TlsServer::Site: one SSL_CTX, with certificates for the same names. For tls_server.cc and
// tls_server_load.cc only.
#pragma once

#include <string>
#include <vector>

#include "net/openssl.h"
#include "net/tls_server.h"

namespace weir {

struct TlsServer::Site {
  SslContextPtr context;
  std::vector<std::string> hosts;
  std::vector<int> key_types;  // that it has certificates of
  ClientRules rules;
};

}  // namespace weir

// The part of the model for TLS, towards clients and towards backends. Plain structs, each member
// at its default; names are the file's key names. It has the names of files; tls/ opens them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/outcomes.h"
#include "config/plain_values.h"

namespace weir::config {

#define WEIR_TLS_POLICIES(X) X(intermediate) X(modern)  // modern: TLS 1.3 only
WEIR_CLOSED_LIST(TlsPolicy, WEIR_TLS_POLICIES);
#define WEIR_CLIENT_AUTHS(X) X(none) X(optional) X(require)
WEIR_CLOSED_LIST(ClientAuth, WEIR_CLIENT_AUTHS);
#define WEIR_CLIENT_FIELDS(X) X(xfcc) X(client_cert) X(both) X(none)  // X-Forwarded-Client-Cert
WEIR_CLOSED_LIST(ClientFields, WEIR_CLIENT_FIELDS);

// ---- of a listener

struct ClientCertificates {
  ClientAuth mode = ClientAuth::none;
  std::string ca;   // PEM, several; empty: none
  std::string crl;  // PEM; empty: none
  uint32_t depth = 4;
  ClientFields forward = ClientFields::xfcc;  // HTTP: the fields sent to backends
};

struct Certificate {
  std::string name;                               // default: cert
  std::string cert;                               // PEM, the chain from the server's certificate on
  std::string key;                                // PEM; default: cert
  std::string ocsp;                               // DER, a response to staple; empty: none
  std::optional<ClientCertificates> client_auth;  // none: the listener's
  Location location;
};

struct ListenerTls {
  TlsPolicy policy = TlsPolicy::intermediate;
  std::optional<TlsVersion> min_version;  // none: by policy
  std::string ciphers;                    // of TLS 1.2; empty: by policy
  std::string ciphersuites;               // of TLS 1.3; empty: by policy
  std::vector<Certificate> certificates;
  std::string default_certificate;  // a name, for SNI that matches none; empty: the first
  bool reject_unknown_sni = false;
  std::vector<std::string> alpn;  // empty: by protocol
  ClientCertificates client_auth;
  Location location;
};

// ---- of a cluster

struct ClusterTls {
  std::string sni;  // empty: the backend's host name; none for addresses
  std::string ca;   // PEM, several; empty: the system's
  bool verify = true;
  std::string verify_name;  // a host, or an IP address without brackets; default: sni
  std::string cert;         // PEM, weir's own; empty: none
  std::string key;          // PEM; default: cert
  TlsVersion min_version = TlsVersion::tls_1_2;
  std::vector<std::string> alpn;  // empty: none
  Location location;
};

// ---- of the process

// The keys that session tickets are encrypted with.
struct TlsTickets {
  std::string file;                          // 80 bytes each, newest first; empty: made by weir
  Duration rotate = std::chrono::hours(12);  // of those that weir makes
};

}  // namespace weir::config

// TlsServer: TLS of a listener: certificates by server name (SNI), versions and ciphers, client
// authentication, and session tickets.
//
// Made by load() on the thread that loads configurations; immutable once it is in a snapshot. Any
// worker calls accept(). The server name selects the rules of client authentication. They are in
// the session id context, so that a ticket from one site is refused where other rules hold. A
// request for a host whose rules differ from those of its connection must not be served.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/tls_model.h"
#include "tls/tls_loading.h"
#include "tls/tls_stream.h"
#include "tls/tls_tickets.h"

namespace weir {

// A certificate, for `weir check`, metrics and the log.
struct CertificateInfo {
  std::string name;                // in the configuration
  std::vector<std::string> hosts;  // that it is for
  int64_t not_after = 0;           // seconds since 1970
  config::Location location;
};

// The rules of client authentication.
struct ClientRules {
  uintptr_t id = 0;  // 0: no certificate is requested
  config::ClientFields forward = config::ClientFields::none;
  bool operator==(const ClientRules&) const = default;
};

class TlsServer {
 public:
  // Reads every file of `spec`. Null: all errors were reported. `before`: the listener's TlsServer
  // in force, whose certificates are presented until the new ones are valid; null: none.
  static std::shared_ptr<TlsServer> load(const config::ListenerTls& spec,
                                         const std::vector<std::string>& alpn, TlsLoading& loading,
                                         const TlsServer* before = nullptr);
  ~TlsServer();

  // Called before the first accept(). The keys outlive the server.
  void use_tickets(TicketKeys& keys);
  // TLS for an accepted connection; null: no memory.
  std::unique_ptr<TlsStream> accept() const;

  const std::vector<CertificateInfo>& certificates() const { return infos_; }
  // At least one site requests a certificate.
  bool requests_client_certificates() const { return asks_clients_; }
  // The rules for clients of this host, which is in lower case.
  const ClientRules& rules_for(std::string_view host) const;
  // Covers all settings and files.
  const std::string& fingerprint() const { return fingerprint_; }
  // The validity of its files.
  const std::vector<FileValidity>& validities() const { return validities_; }

 private:
  struct Offer;  // one certificate
  struct Site;   // presented for a name: of each kind of key the best certificate
  struct CertificateReader;
  struct Sites;  // makes the sites

  TlsServer();
  const Site* site_for(std::string_view host) const;
  static int on_client_hello(struct ssl_st*, int* alert, void* server);
  static int on_status(struct ssl_st*, void* server);
  static int on_alpn(struct ssl_st*, const unsigned char** out, unsigned char* out_size,
                     const unsigned char* offered, unsigned offered_size, void* server);

  struct Content;
  std::unique_ptr<Content> content_;
  std::map<std::string, const Site*, std::less<>> exact_;
  std::map<std::string, const Site*, std::less<>> wildcard_;  // without "*."
  const Site* default_ = nullptr;
  bool reject_unknown_sni_ = false;
  bool asks_clients_ = false;
  std::string alpn_;  // in wire format
  std::vector<FileValidity> validities_;
  std::vector<CertificateInfo> infos_;
  std::string fingerprint_;
};

}  // namespace weir

// TlsServer: what a listener shows to clients that speak TLS: certificates by the name they ask
// for, versions and ciphers, whose certificates it accepts, and tickets.
//
// Made by load() on the thread that loads configurations, immutable once it is in a snapshot;
// accept() on any worker. One policy for each TlsServer: choosing a certificate by name never
// changes who is let in. Its session id context is made of that policy, so that a ticket of one
// policy is worth nothing under another.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/tls_model.h"
#include "net/tls_stream.h"
#include "net/tls_tickets.h"

namespace weir {

// What a certificate says of itself, for `weir check`, metrics and the log.
struct CertificateInfo {
  std::string name;                // of the configuration
  std::vector<std::string> hosts;  // it is for these
  int64_t not_after = 0;           // seconds since 1970
  config::Location location;
};

class TlsServer {
 public:
  // Reads every file of `spec`. The error names the file; `at` is then where that is configured.
  static Result<std::shared_ptr<TlsServer>> load(const config::ListenerTls& spec,
                                                 const std::vector<std::string>& alpn,
                                                 config::Location& at);
  ~TlsServer();

  // Before it is used. The keys outlive it.
  void use_tickets(TicketKeys& keys);
  // TLS for a connection that was accepted; null: no memory for it.
  std::unique_ptr<TlsStream> accept() const;

  const std::vector<CertificateInfo>& certificates() const { return infos_; }
  // Of all that was read: differs when a file does.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  struct Site;    // certificates for the same names, of different kinds of keys
  struct Loader;  // fills it
  // That a certificate is still valid, in its authority's words (RFC 6066 8).
  struct Staple {
    const void* certificate;  // an X509
    std::string response;
    int64_t until;  // seconds since 1970; handed out no longer
  };

  TlsServer();
  const Site* site_for(std::string_view host) const;
  static int on_client_hello(struct ssl_st*, int* alert, void* server);
  static int on_status(struct ssl_st*, void* server);
  static int on_alpn(struct ssl_st*, const unsigned char** out, unsigned char* out_size,
                     const unsigned char* offered, unsigned offered_size, void* server);

  std::vector<std::unique_ptr<Site>> sites_;
  std::map<std::string, const Site*, std::less<>> exact_;
  std::map<std::string, const Site*, std::less<>> wildcard_;  // without "*."
  const Site* default_ = nullptr;
  bool reject_unknown_sni_ = false;
  std::string alpn_;  // as on the wire
  std::vector<Staple> staples_;
  std::vector<CertificateInfo> infos_;
  std::string fingerprint_;
};

}  // namespace weir

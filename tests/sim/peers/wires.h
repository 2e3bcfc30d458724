// Wires: all connections of the peers of one history, and their common TLS state: certificates and
// sessions for resumption.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "peers/wire.h"
#include "support/tls_peer.h"

namespace weir::sim {

class Wires {
 public:
  // From now on OpenSSL's randomness comes from `seed`, too.
  Wires(Network& network, uint64_t seed);
  ~Wires();
  Wires(const Wires&) = delete;
  Wires& operator=(const Wires&) = delete;

  std::shared_ptr<Wire> open(std::shared_ptr<Endpoint> endpoint, const TlsBehavior& behavior);
  const std::vector<std::shared_ptr<Wire>>& all() const { return all_; }

  // The certificate and the authorities of weir: files of the process.
  static const test::IssuedFiles& certificate();
  static const std::string& authority();
  static constexpr const char* kHost = "sim.test";

 private:
  friend class Wire;
  void make_contexts();
  SslPtr make_tls(const TlsBehavior& behavior);
  static int on_new_session(SSL* tls, SSL_SESSION* session);
  static int on_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                     const unsigned char* in, unsigned in_size, void*);

  Network& network_;
  SslContextPtr client_, servers_[2];  // the second one for HTTP/2
  SSL_SESSION* known_[2] = {};         // of TLS 1.3 and of 1.2
  std::vector<std::shared_ptr<Wire>> all_;
};

}  // namespace weir::sim

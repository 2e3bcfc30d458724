// ClientPolicy: which clients a TLS site lets in, by their certificates. Made by load() on the
// thread that loads configurations; immutable afterwards. Apply it and it may go.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/tls_model.h"
#include "net/openssl.h"

namespace weir {

class ClientPolicy {
 public:
  // Reads the files that `spec` names, which must outlive it.
  static Result<ClientPolicy> load(const config::ClientCertificates& spec);

  // In place of the certificates of the system: only those authorities count.
  void apply(SSL_CTX* context) const;
  // Of all that decides, with what the files hold now.
  std::string fingerprint() const;
  // Of all that decides, as it is configured; 0: anybody is let in. Files may be renewed without
  // making this another policy.
  uintptr_t rules() const;
  config::ClientFields forward() const { return spec_->forward; }

 private:
  explicit ClientPolicy(const config::ClientCertificates& spec) : spec_(&spec) {}
  std::string configured() const;

  const config::ClientCertificates* spec_;
  std::vector<X509Ptr> authorities_;
  std::vector<CrlPtr> revoked_;
};

}  // namespace weir

// ClientPolicy: client authentication of a TLS site. Made by load() on the thread that loads
// configurations; immutable afterwards. apply() copies what a context needs, so that the policy may
// be destroyed afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/tls_model.h"
#include "tls/openssl.h"

namespace weir {

class ClientPolicy {
 public:
  // Reads the files that `spec` names, which must outlive it. Nullopt: the errors were reported, at
  // `at`. `before`: the lists of the configuration in force. Those that are valid now are used
  // until the lists of the file are valid.
  static std::optional<ClientPolicy> load(const config::ClientCertificates& spec,
                                          TlsLoading& loading, const config::Location& at,
                                          std::span<const CrlPtr> before);

  // Requests no certificate.
  static ClientPolicy none();

  // Replaces the authorities of the system.
  void apply(SSL_CTX* context) const;
  // Covers all settings, and the contents of the files.
  std::string fingerprint() const;
  // Covers all settings, without the contents of the files; 0: requests no certificate.
  uintptr_t rules() const;
  config::ClientFields forward() const { return spec_->forward; }
  const std::vector<FileValidity>& validities() const { return validities_; }
  const std::vector<CrlPtr>& revoked() const { return revoked_; }

 private:
  explicit ClientPolicy(const config::ClientCertificates& spec) : spec_(&spec) {}
  std::string configured() const;

  const config::ClientCertificates* spec_;
  std::vector<X509Ptr> authorities_;
  std::vector<CrlPtr> revoked_;
  std::vector<FileValidity> validities_;
};

// Adds the list to `lists`, which own a reference; false: they had it already.
bool add_list(std::vector<CrlPtr>& lists, X509_CRL* list);
// The time in which the file has a valid list of every authority.
FileValidity validity_of(std::span<const CrlPtr> lists, const std::string& path,
                         const config::Location& at);
// The time in which at least one of them is valid.
FileValidity validity_of(std::span<const X509Ptr> authorities, const std::string& path,
                         const config::Location& at);

}  // namespace weir

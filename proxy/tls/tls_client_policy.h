// ClientPolicy: client authentication of a TLS site. Made by load() on the thread that loads
// configurations; immutable afterwards. apply() copies what a context needs: it may be destroyed
// then.
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
  // Reads the files that `spec` names, which must outlive it. Nullopt: what is wrong was reported,
  // at `at`. `before`: lists of the configuration so far. Those that are valid now count until
  // those of the file do.
  static std::optional<ClientPolicy> load(const config::ClientCertificates& spec,
                                          TlsLoading& loading, const config::Location& at,
                                          std::span<const CrlPtr> before);

  // No certificate is asked for.
  static ClientPolicy none();

  // In place of the certificates of the system: only those authorities count.
  void apply(SSL_CTX* context) const;
  // Of all that decides, with what the files hold now.
  std::string fingerprint() const;
  // Of all that decides, as it is configured; 0: no certificate is asked for. The same when only
  // the content of files has changed.
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

// Adds the list to `lists`, which own a reference; false: it was among them.
bool add_list(std::vector<CrlPtr>& lists, X509_CRL* list);
// The time in which every authority has a list that counts, of the lists of one file.
FileValidity validity_of(std::span<const CrlPtr> lists, const std::string& path,
                         const config::Location& at);
// The time in which any of them is good.
FileValidity validity_of(std::span<const X509Ptr> authorities, const std::string& path,
                         const config::Location& at);

}  // namespace weir

// SystemTrust: the authorities that the system trusts. OpenSSL would read their files on a worker,
// during a handshake. weir reads all of them once for each load, like files of the configuration,
// so that a reload sees their changes. Loader's thread.
#pragma once

#include <string>
#include <vector>

#include "tls/openssl.h"

namespace weir {

struct SystemTrust {
  StorePtr store{X509_STORE_new()};  // of all authorities; contexts share it
  size_t authorities = 0;
  std::string digest;              // of all contents
  std::vector<std::string> paths;  // to watch: files, and a file in each folder

  // Reads $SSL_CERT_FILE and $SSL_CERT_DIR, or the defaults of OpenSSL. Files that cannot be read
  // are reported, at `at`, and left out.
  static const SystemTrust& of(TlsLoading& loading, const config::Location& at);
};

}  // namespace weir

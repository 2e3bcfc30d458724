#include "tls/tls_system_trust.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/ascii.h"

namespace weir {
namespace {

// "3513523f.0": a link that c_rehash(1) makes; OpenSSL reads no other names.
bool is_hash_name(std::string_view name) {
  constexpr size_t kHash = 8;
  const auto is_hex = [](char c) { return hex_value(c) >= 0; };
  return name.size() > kHash + 1 && name[kHash] == '.' &&
         std::all_of(name.begin(), name.begin() + kHash, is_hex) &&
         all_digits(name.substr(kHash + 1));
}

std::string place(const char* variable, const char* standard) {
  const char* const value = std::getenv(variable);
  return value != nullptr ? value : standard;
}

class Reading {
 public:
  Reading(TlsLoading& loading, const config::Location& at, SystemTrust& trust)
      : loading_(loading), at_(at), trust_(trust) {}

  void file(const std::string& path, bool must_exist) {
    const Result<std::string_view> content = loading_.read(path);
    if (!content && (!must_exist || loading_.stopped())) return;
    Result<std::vector<X509Ptr>> found = read_certificates(loading_, path);
    if (!found)
      return loading_.report(
          config::Code::W247, at_,
          fmt::format("authorities of the system are left out: {}", found.error().message));
    trust_.digest += loading_.digest(path);
    for (const X509Ptr& one : *found) X509_STORE_add_cert(trust_.store.get(), one.get());
    trust_.authorities += found->size();
  }
  void folders(std::string_view list) {
    while (!list.empty()) {
      const size_t end = std::min(list.find(':'), list.size());
      const std::string folder(list.substr(0, end));
      list.remove_prefix(std::min(end + 1, list.size()));
      if (folder.empty()) continue;
      trust_.paths.push_back(folder + "/.");
      for (const std::string& path : loading_.list(folder, is_hash_name)) {
        if (loading_.stopped()) return;
        file(path, true);
      }
    }
  }

 private:
  TlsLoading& loading_;
  const config::Location& at_;
  SystemTrust& trust_;
};

}  // namespace

const SystemTrust& SystemTrust::of(TlsLoading& loading, const config::Location& at) {
  if (loading.system_trust()) return *loading.system_trust();
  const auto trust = std::make_shared<SystemTrust>();
  CHECK(trust->store != nullptr);
  Reading reading(loading, at, *trust);
  const std::string file = place(X509_get_default_cert_file_env(), X509_get_default_cert_file());
  trust->paths.push_back(file);
  reading.file(file, std::getenv(X509_get_default_cert_file_env()) != nullptr);
  reading.folders(place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
  if (loading.stopped())
    loading.report(config::Code::E238, at,
                   "cannot read the authorities of the system: " + loading.reader().silence());
  else if (trust->authorities == 0)
    loading.report(config::Code::W247, at,
                   "the system has no authorities: no backend's certificate is accepted",
                   "install ca-certificates, or name a file with `ca`");
  loading.keep(trust);
  return *trust;
}

}  // namespace weir

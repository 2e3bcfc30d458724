#include "tls/tls_self_signed.h"

#include "base/check.h"
#include "base/network.h"
#include "tls/openssl.h"

namespace weir {
namespace {

constexpr long kDay = 86400;  // seconds
constexpr long kSkew = 3600;  // for clients whose clocks are behind
constexpr long kDays = 30;
constexpr int kSerialBytes = 16;

void extend(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const OpenSslPtr<X509_EXTENSION, X509_EXTENSION_free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  CHECK(extension != nullptr);
  X509_add_ext(certificate, extension.get(), -1);
}

std::string names_of(const std::vector<std::string>& hosts) {
  std::string names;
  for (const std::string& host : hosts)
    names +=
        (names.empty() ? "" : ",") + std::string(IpAddress().parse(host) ? "IP:" : "DNS:") + host;
  return names;
}

// Browsers refuse a second certificate of an issuer with the same serial number.
void number(X509* certificate) {
  unsigned char bytes[kSerialBytes];
  CHECK(RAND_bytes(bytes, sizeof(bytes)) == 1);
  bytes[0] &= 0x7f;  // positive
  const OpenSslPtr<BIGNUM, BN_free> number(BN_bin2bn(bytes, sizeof(bytes), nullptr));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

}  // namespace

std::string make_self_signed(const std::vector<std::string>& hosts) {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr certificate(X509_new());
  CHECK(key != nullptr && certificate != nullptr && !hosts.empty());
  X509_set_version(certificate.get(), 2);  // v3
  number(certificate.get());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kSkew);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kDays * kDay);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(hosts[0].c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  extend(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
  extend(certificate.get(), NID_ext_key_usage, "serverAuth");
  extend(certificate.get(), NID_subject_alt_name, names_of(hosts));
  CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  const BioPtr memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(memory.get(), certificate.get());
  PEM_write_bio_PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<size_t>(size)};
}

}  // namespace weir

#include "tls/tls_client_identity.h"

#include <algorithm>

#include "base/ascii.h"
#include "tls/openssl.h"

namespace weir {
namespace {

std::string hexadecimal(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += kHexDigits[static_cast<unsigned char>(byte) >> 4];
    text += kHexDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

bool fits(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return c > ' ' && c < 127 && std::string_view("\",;=\\").find(c) == std::string_view::npos;
  });
}

void add_names(std::string& to, const GENERAL_NAMES* names, int type, const char* key) {
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != type) continue;
    const std::string_view text = text_of(name->d.ia5);
    if (fits(text)) to.append(key).append(text);
  }
}

std::string base64(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size <= 0) return "";
  std::string text(static_cast<size_t>(size + 2) / 3 * 4 + 1, '\0');  // and a NUL
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), der, size);
  OPENSSL_free(der);
  text.pop_back();
  return text;
}

}  // namespace

std::string subject_of(const X509* certificate) {
  const BioPtr memory(BIO_new(BIO_s_mem()));
  if (X509_NAME_print_ex(memory.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
    return ERR_clear_error(), "";
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<size_t>(std::max(size, 0L))};
}

ClientIdentity ClientIdentity::of(const X509* certificate) {
  ClientIdentity identity;
  identity.xfcc = "Hash=" + hexadecimal(digest_of(certificate));
  if (const std::string subject = subject_of(certificate); !subject.empty())
    identity.xfcc += ";Subject=\"" + subject + '"';
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  add_names(identity.xfcc, names, GEN_URI, ";URI=");
  add_names(identity.xfcc, names, GEN_DNS, ";DNS=");
  GENERAL_NAMES_free(names);
  identity.client_cert = ":" + base64(certificate) + ":";
  return identity;
}

}  // namespace weir

#include "tls/tls_staple.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir {
namespace {

Error error(std::string message) {
  return Error{std::move(message), ""};
}

// The certificate of the signer: the authority, whose certificate the response may leave out (RFC
// 6960 4.2.1), or a responder with a certificate of the authority for this, which is in the
// response. Null: another signer. The certificate may have expired: so has the response then.
const X509* verified_signer(OCSP_BASICRESP* response, X509* authority) {
  const StorePtr store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), authority);
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  const OpenSslPtr<STACK_OF(X509), free_stack> signers(sk_X509_new_null());
  CHECK(sk_X509_push(signers.get(), authority) > 0);
  if (OCSP_basic_verify(response, signers.get(), store.get(), 0) != 1) return nullptr;
  X509* signer = nullptr;
  return OCSP_resp_get0_signer(response, &signer, signers.get()) == 1 ? signer : nullptr;
}

// The entry for the certificate. The authority chooses the digest that identifies a certificate.
OCSP_SINGLERESP* find_status(OCSP_BASICRESP* response, X509* certificate, X509* authority) {
  for (int i = 0; i < OCSP_resp_count(response); ++i) {
    OCSP_SINGLERESP* const single = OCSP_resp_get0(response, i);
    const OCSP_CERTID* const named = OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT* digest = nullptr;
    OCSP_id_get0_info(nullptr, &digest, nullptr, nullptr, const_cast<OCSP_CERTID*>(named));
    const EVP_MD* const known = EVP_get_digestbyobj(digest);
    if (known == nullptr) continue;
    const OpenSslPtr<OCSP_CERTID, OCSP_CERTID_free> ours(
        OCSP_cert_to_id(known, certificate, authority));
    if (ours && OCSP_id_cmp(ours.get(), named) == 0) return single;
  }
  return nullptr;
}

std::string bytes_of(OCSP_RESPONSE* response) {
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &der);
  CHECK(size > 0);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

}  // namespace

Result<TlsStaple> TlsStaple::read(TlsLoading& loading, const std::string& file,
                                  const std::vector<X509Ptr>& chain,
                                  const std::string& chain_file) {
  const Result<std::string_view> content = loading.read(file);
  if (!content) return content.error();
  if (chain.size() < 2)
    return error(fmt::format("`ocsp` needs the authority's certificate in '{}', after the server's",
                             chain_file));
  const BioPtr bytes = bio_of(*content);
  const OcspPtr response(d2i_OCSP_RESPONSE_bio(bytes.get(), nullptr));
  const OcspBasicPtr basic(response ? OCSP_response_get1_basic(response.get()) : nullptr);
  ERR_clear_error();
  if (!basic) return error(fmt::format("'{}' has no OCSP response; it must be DER", file));
  const X509* const signer = verified_signer(basic.get(), chain[1].get());
  if (signer == nullptr)
    return error(fmt::format("the OCSP response in '{}' is not signed by the authority: {}", file,
                             openssl_error()));
  OCSP_SINGLERESP* const single = find_status(basic.get(), chain[0].get(), chain[1].get());
  if (single == nullptr)
    return error(fmt::format("the OCSP response in '{}' is for another certificate", file));
  ASN1_GENERALIZEDTIME *from = nullptr, *until = nullptr;
  const int status = OCSP_single_get0_status(single, nullptr, nullptr, &from, &until);
  if (status != V_OCSP_CERTSTATUS_GOOD)
    return error(
        fmt::format("the OCSP response in '{}' says: {}", file, OCSP_cert_status_str(status)));
  if (until == nullptr)
    return error(
        fmt::format("the OCSP response in '{}' does not say until when it is good "
                    "(nextUpdate)",
                    file));
  // Clients check the signer's certificate, too; its last second is part of its validity.
  return TlsStaple{bytes_of(response.get()),
                   std::max(seconds_of(from), seconds_of(X509_get0_notBefore(signer))),
                   std::min(seconds_of(until), seconds_of(X509_get0_notAfter(signer)) + 1)};
}

}  // namespace weir

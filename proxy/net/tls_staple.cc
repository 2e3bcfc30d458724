#include "net/tls_staple.h"

#include <fmt/format.h>

namespace weir {
namespace {

constexpr long kClockSkew = 300;  // seconds

Error error(std::string message) {
  return Error{std::move(message), ""};
}

// Signed by the authority, or by who may do so for it.
bool is_signed(OCSP_BASICRESP* response, X509* authority) {
  const OpenSslPtr<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), authority);
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  return OCSP_basic_verify(response, nullptr, store.get(), 0) == 1;
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

Result<TlsStaple> TlsStaple::read(const std::string& file, const std::vector<X509Ptr>& chain,
                                  const std::string& chain_file) {
  if (chain.size() < 2)
    return error(fmt::format(
        "`ocsp` needs the authority's certificate in '{}', behind the server's", chain_file));
  Result<BioPtr> opened = open_file(file);
  if (!opened) return opened.error();
  const OcspPtr response(d2i_OCSP_RESPONSE_bio(opened->get(), nullptr));
  const OcspBasicPtr basic(response ? OCSP_response_get1_basic(response.get()) : nullptr);
  ERR_clear_error();
  if (!basic) return error(fmt::format("'{}' has no OCSP response; it must be DER", file));
  if (!is_signed(basic.get(), chain[1].get()))
    return error(fmt::format("the OCSP response in '{}' is not signed by the authority: {}", file,
                             openssl_error()));
  const OpenSslPtr<OCSP_CERTID, OCSP_CERTID_free> id(
      OCSP_cert_to_id(nullptr, chain[0].get(), chain[1].get()));
  int status = 0;
  ASN1_GENERALIZEDTIME *from = nullptr, *until = nullptr;
  if (OCSP_resp_find_status(basic.get(), id.get(), &status, nullptr, nullptr, &from, &until) != 1)
    return error(fmt::format("the OCSP response in '{}' is of another certificate", file));
  if (status != V_OCSP_CERTSTATUS_GOOD)
    return error(
        fmt::format("the OCSP response in '{}' says: {}", file, OCSP_cert_status_str(status)));
  const bool of_now = until != nullptr && OCSP_check_validity(from, until, kClockSkew, -1) == 1;
  ERR_clear_error();
  if (!of_now)
    return error(fmt::format("the OCSP response in '{}' is not of now: fetch a new one", file));
  return TlsStaple{chain[0].get(), bytes_of(response.get()), seconds_of(until)};
}

}  // namespace weir

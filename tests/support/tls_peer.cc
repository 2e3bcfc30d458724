#include "support/tls_peer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include <algorithm>
#include <fstream>

namespace weir::test {
namespace {

EVP_PKEY* make_key(bool rsa) {
  return rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
}

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* make_certificate(const std::string& name, EVP_PKEY* key, int serial, int from, int until) {
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from * 86400L);
  X509_gmtime_adj(X509_getm_notAfter(certificate), until * 86400L);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

// The bytes that were written into it.
std::string taken(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

X509* read(const std::string& file) {
  BIO* bio = BIO_new_file(file.c_str(), "r");
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

std::string pem(X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  return taken(bio);
}

std::string pem(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  return taken(bio);
}

}  // namespace

std::string IssuedFiles::in_one() const {
  const std::string path = key + ".both";
  std::ofstream both(path);
  for (const std::string& file : {cert, key}) both << std::ifstream(file).rdbuf();
  return path;
}

TestAuthority::TestAuthority(const std::string& name)
    : key_(make_key(false)), certificate_(make_certificate(name, key_, 1, -1, 3650)) {
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  extend(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate_, certificate_, NID_key_usage,
         "critical,keyCertSign,cRLSign,digitalSignature");
  X509_sign(certificate_, key_, EVP_sha256());
  file_ = write("ca.pem", pem(certificate_));
}

TestAuthority::TestAuthority(const IssuedFiles& files) : certificate_(read(files.cert)) {
  BIO* bio = BIO_new_file(files.key.c_str(), "r");
  key_ = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  file_ = files.cert;
}

TestAuthority::~TestAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

std::string TestAuthority::write(const std::string& what, const std::string& text) {
  const std::string path = folder_ / what;
  std::ofstream(path) << text;
  return path;
}

IssuedFiles TestAuthority::issue(const Wish& wish) {
  EVP_PKEY* key =
      wish.ed25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519") : make_key(wish.rsa);
  X509* certificate =
      make_certificate(wish.common_name, key, ++serial_, wish.from_days, wish.until_days);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
  std::string names;
  for (const std::string& host : wish.hosts)
    names += (names.empty() ? "" : ",") + (host.starts_with("IP:") ? host : "DNS:" + host);
  if (!names.empty()) extend(certificate, certificate_, NID_subject_alt_name, names);
  X509_time_adj_ex(X509_getm_notBefore(certificate), wish.from_days, wish.valid_in, nullptr);
  for (const auto& [name, value] : wish.extensions)
    extend(certificate, certificate_, OBJ_sn2nid(name.c_str()), value);
  if (wish.authority) extend(certificate, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(certificate, key_, EVP_sha256());
  IssuedFiles files{write(fmt::format("{}.pem", serial_), pem(certificate) + pem(certificate_)),
                    write(fmt::format("{}.key", serial_), pem(key))};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

std::string TestAuthority::revoke(const std::vector<IssuedFiles>& revoked, int until_days,
                                  int from_days) {
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(certificate_));
  ASN1_TIME* time =
      X509_gmtime_adj(nullptr, (std::min(0, until_days - 7) + from_days) * 86400L - 60);
  X509_CRL_set1_lastUpdate(list, time);
  X509_CRL_set1_nextUpdate(list, X509_gmtime_adj(time, until_days * 86400L));
  for (const IssuedFiles& files : revoked) {
    X509* certificate = read(files.cert);
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate));
    X509_REVOKED_set_revocationDate(entry, X509_gmtime_adj(time, -60));
    X509_CRL_add0_revoked(list, entry);
    X509_free(certificate);
  }
  X509_CRL_sign(list, key_, EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_CRL(bio, list);
  X509_CRL_free(list);
  ASN1_TIME_free(time);
  return write(fmt::format("{}.crl", ++serial_), taken(bio));
}

std::string TestAuthority::ocsp_response(const IssuedFiles& of, bool good, int from_days,
                                         int until_days) {
  X509* certificate = read(of.cert);
  OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
  ASN1_TIME* from = X509_gmtime_adj(nullptr, from_days * 86400L - 60);
  ASN1_TIME* until = X509_gmtime_adj(nullptr, until_days * 86400L);
  OCSP_CERTID* id = OCSP_cert_to_id(nullptr, certificate, certificate_);
  OCSP_basic_add1_status(basic, id, good ? V_OCSP_CERTSTATUS_GOOD : V_OCSP_CERTSTATUS_REVOKED,
                         OCSP_REVOKED_STATUS_UNSPECIFIED, good ? nullptr : from, from, until);
  OCSP_basic_sign(basic, certificate_, key_, EVP_sha256(), nullptr, 0);
  OCSP_RESPONSE* response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  BIO* bio = BIO_new(BIO_s_mem());
  i2d_OCSP_RESPONSE_bio(bio, response);
  OCSP_RESPONSE_free(response);
  OCSP_CERTID_free(id);
  OCSP_BASICRESP_free(basic);
  ASN1_TIME_free(from);
  ASN1_TIME_free(until);
  X509_free(certificate);
  return write(fmt::format("{}.ocsp", ++serial_), taken(bio));
}

std::string TestAuthority::ocsp_response(const IssuedFiles& of, const Response& response) {
  OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
  ASN1_TIME* from = X509_gmtime_adj(nullptr, -60);
  ASN1_TIME* until = X509_gmtime_adj(nullptr, 7 * 86400L);
  std::vector<IssuedFiles> all = response.others;
  all.push_back(of);
  for (const IssuedFiles& one : all) {
    X509* certificate = read(one.cert);
    OCSP_CERTID* id =
        OCSP_cert_to_id(response.sha256 ? EVP_sha256() : nullptr, certificate, certificate_);
    OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, nullptr, from, until);
    OCSP_CERTID_free(id);
    X509_free(certificate);
  }
  const TestAuthority& signer = response.signer != nullptr ? *response.signer : *this;
  OCSP_basic_sign(basic, signer.certificate_, signer.key_, EVP_sha256(), nullptr,
                  response.certificates ? 0 : OCSP_NOCERTS);
  OCSP_RESPONSE* made = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  BIO* bio = BIO_new(BIO_s_mem());
  i2d_OCSP_RESPONSE_bio(bio, made);
  OCSP_RESPONSE_free(made);
  OCSP_BASICRESP_free(basic);
  ASN1_TIME_free(from);
  ASN1_TIME_free(until);
  return write(fmt::format("{}.ocsp", ++serial_), taken(bio));
}

TlsPeer::TlsPeer(Socket socket, const Wish& wish) : socket_(std::move(socket)) {
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL may write to a closed connection
  context_ = SSL_CTX_new(wish.server ? TLS_server_method() : TLS_client_method());
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_, [](SSL* ssl, SSL_SESSION* session) {
    auto& self = *static_cast<TlsPeer*>(SSL_get_app_data(ssl));
    SSL_SESSION_free(self.session_);
    self.session_ = session;
    return 1;
  });
  if (wish.version != 0) {
    SSL_CTX_set_min_proto_version(context_, wish.version);
    SSL_CTX_set_max_proto_version(context_, wish.version);
  }
  if (wish.trust != nullptr) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), wish.trust->certificate());
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  }
  if (!wish.certificate.cert.empty()) {
    SSL_CTX_use_certificate_chain_file(context_, wish.certificate.cert.c_str());
    SSL_CTX_use_PrivateKey_file(context_, wish.certificate.key.c_str(), SSL_FILETYPE_PEM);
  }
  ssl_ = SSL_new(context_);
  SSL_set_app_data(ssl_, this);
  const int fd = socket_.fd();
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  SSL_set_fd(ssl_, fd);
  if (!wish.sni.empty()) SSL_set_tlsext_host_name(ssl_, wish.sni.c_str());
  if (!wish.signatures.empty()) SSL_set1_sigalgs_list(ssl_, wish.signatures.c_str());
  for (const std::string& protocol : wish.alpn)
    alpn_ += static_cast<char>(protocol.size()) + protocol;
  if (!alpn_.empty())
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(alpn_.data()),
                        static_cast<unsigned>(alpn_.size()));
  if (!alpn_.empty() && wish.server)
    SSL_CTX_set_alpn_select_cb(context_, &TlsPeer::choose_alpn, &alpn_);
  if (wish.asks_status) SSL_set_tlsext_status_type(ssl_, TLSEXT_STATUSTYPE_ocsp);
  if (wish.session != nullptr) SSL_set_session(ssl_, wish.session);
  if (wish.server)
    SSL_set_accept_state(ssl_);
  else
    SSL_set_connect_state(ssl_);
}

TlsPeer::~TlsPeer() {
  SSL_SESSION_free(session_);
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

TlsPeer::State TlsPeer::step_handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) return State::done;
  const int why = SSL_get_error(ssl_, result);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return State::going_on;
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  error_ = reason != nullptr ? reason : "closed";
  return State::failed;
}

bool TlsPeer::send(const std::string& bytes) {
  ERR_clear_error();
  for (size_t sent = 0; sent < bytes.size();) {
    size_t n = 0;
    const int result = SSL_write_ex(ssl_, bytes.data() + sent, bytes.size() - sent, &n);
    sent += n;
    if (result == 1) continue;
    if (SSL_get_error(ssl_, result) != SSL_ERROR_WANT_WRITE) return false;
    if (!wait_ready(socket_.fd(), 4 /* POLLOUT */)) return false;
  }
  return true;
}

std::string TlsPeer::receive() {
  std::string got;
  char chunk[16384];
  for (;;) {
    ERR_clear_error();
    size_t n = 0;
    const int result = SSL_read_ex(ssl_, chunk, sizeof chunk, &n);
    got.append(chunk, n);
    if (result == 1) continue;
    const int why = SSL_get_error(ssl_, result);
    if (why == SSL_ERROR_ZERO_RETURN)
      ended_ = true;
    else if (why != SSL_ERROR_WANT_READ)
      cut_off_ = true;
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    if (cut_off_ && reason != nullptr) error_ = reason;
    return got;
  }
}

void TlsPeer::close_notify() {
  ERR_clear_error();
  SSL_shutdown(ssl_);
}

std::string TlsPeer::peer_name() {
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr) return "";
  char name[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

std::string TlsPeer::stapled() {
  unsigned char* response = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(ssl_, &response);
  return size > 0 ? std::string(reinterpret_cast<char*>(response), static_cast<size_t>(size)) : "";
}

// The first of the server's protocols that the client offers, too.
int TlsPeer::choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                         const unsigned char* offered, unsigned offered_size, void* own) {
  const auto& list = *static_cast<const std::string*>(own);
  auto* chosen = const_cast<unsigned char*>(*out);
  const int found =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(list.data()),
                            static_cast<unsigned>(list.size()), offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

std::string TlsPeer::alpn() {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace weir::test

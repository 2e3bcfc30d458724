#define OPENSSL_SUPPRESS_DEPRECATED  // RAND_set_rand_method() has no successor that is as short
#include "peers/wires.h"

#include <cstring>

namespace weir::sim {
namespace {

using test::IssuedFiles;
using test::TestAuthority;

Random secrets(0);

int random_bytes(unsigned char* to, int size) {
  for (int i = 0; i < size; i += 8) {
    const uint64_t word = secrets.next();
    std::memcpy(to + i, &word, static_cast<size_t>(std::min(8, size - i)));
  }
  return 1;
}

const RAND_METHOD kFromSeed{nullptr, random_bytes, nullptr,
                            nullptr, random_bytes, [] { return 1; }};

// A signature of ECDSA has 70 to 72 bytes; the bytes on the network need the same size in every
// run. The key of the certificate is Ed25519, whose signatures have a fixed size.
bool has_usual_size(const X509* certificate) {
  const ASN1_BIT_STRING* signature = nullptr;
  X509_get0_signature(&signature, nullptr, certificate);
  return ASN1_STRING_length(signature) == 71;
}

X509Ptr first_of(const std::string& file) {
  TlsLoading loading;
  return std::move(read_certificates(loading, file)->front());
}

struct Parties {
  std::unique_ptr<TestAuthority> authority;
  IssuedFiles certificate;
};

const Parties& parties() {
  static const Parties made = [] {
    Parties parties;
    do parties.authority = std::make_unique<TestAuthority>();
    while (!has_usual_size(parties.authority->certificate()));
    do parties.certificate = parties.authority->issue({.hosts = {Wires::kHost}, .ed25519 = true});
    while (!has_usual_size(first_of(parties.certificate.cert).get()));
    return parties;
  }();
  return made;
}

}  // namespace

Wires::Wires(Network& network, uint64_t seed) : network_(network) {
  RAND_set_rand_method(&kFromSeed);
  parties();  // the same for every seed
  secrets = Random(mix(seed));
}

Wires::~Wires() {
  all_.clear();
  for (SSL_SESSION* session : known_) SSL_SESSION_free(session);
}

const IssuedFiles& Wires::certificate() {
  return parties().certificate;
}

const std::string& Wires::authority() {
  return parties().authority->file();
}

std::shared_ptr<Wire> Wires::open(std::shared_ptr<Endpoint> endpoint, const TlsBehavior& behavior) {
  all_.push_back(std::make_shared<Wire>(*this, std::move(endpoint), behavior));
  return all_.back();
}

int Wires::on_new_session(SSL* tls, SSL_SESSION* session) {
  auto& self = *static_cast<Wires*>(SSL_get_app_data(tls));
  SSL_SESSION*& known = self.known_[SSL_version(tls) == TLS1_2_VERSION];
  SSL_SESSION_free(known);
  known = session;
  return 1;
}

// A server of HTTP/2 accepts nothing else.
int Wires::on_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* in, unsigned in_size, void*) {
  static constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(&chosen, out_size, kHttp2, sizeof(kHttp2), in, in_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void Wires::make_contexts() {
  client_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_session_cache_mode(client_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(client_.get(), &Wires::on_new_session);
  for (SslContextPtr& server : servers_) {
    server.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_session_cache_mode(server.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_use_certificate_chain_file(server.get(), certificate().cert.c_str());
    SSL_CTX_use_PrivateKey_file(server.get(), certificate().key.c_str(), SSL_FILETYPE_PEM);
  }
  SSL_CTX_set_alpn_select_cb(servers_[1].get(), &Wires::on_alpn, nullptr);
}

SslPtr Wires::make_tls(const TlsBehavior& behavior) {
  if (behavior.role == TlsBehavior::Role::none) return nullptr;
  if (!client_) make_contexts();
  const bool server = behavior.role == TlsBehavior::Role::server;
  SslPtr tls(SSL_new(server ? servers_[behavior.http2].get() : client_.get()));
  const int version = behavior.old ? TLS1_2_VERSION : TLS1_3_VERSION;
  SSL_set_min_proto_version(tls.get(), version);
  SSL_set_max_proto_version(tls.get(), version);
  SSL_set_app_data(tls.get(), this);
  if (server) {
    SSL_set_accept_state(tls.get());
  } else {
    SSL_set_connect_state(tls.get());
    SSL_set_tlsext_host_name(tls.get(), kHost);
    static constexpr unsigned char kOffered[] = "\2h2\10http/1.1";
    if (behavior.http2) SSL_set_alpn_protos(tls.get(), kOffered, sizeof(kOffered) - 1);
    SSL_SESSION* const known = known_[behavior.old];
    if (behavior.resumes && known != nullptr) SSL_set_session(tls.get(), known);
  }
  return tls;
}

}  // namespace weir::sim

#include "tls/tls_server.h"

#include <array>
#include <ctime>

#include "preamble/client_hello.h"
#include "tls/tls_site.h"

namespace weir {
TlsServer::TlsServer() : content_(std::make_unique<Content>()) {}
TlsServer::~TlsServer() = default;

void TlsServer::use_tickets(TicketKeys& keys) {
  for (const SslContextPtr& context : content_->contexts) keys.install(context.get());
}

std::unique_ptr<TlsStream> TlsServer::accept() const {
  clear_openssl_errors();
  SslPtr ssl(SSL_new(default_->context(std::time(nullptr))));
  if (!ssl) return ERR_clear_error(), nullptr;
  SSL_set_accept_state(ssl.get());
  return std::make_unique<TlsStream>(ssl.release());
}

const TlsServer::Site* TlsServer::site_for(std::string_view host) const {
  if (const auto found = exact_.find(host); found != exact_.end()) return found->second;
  const size_t dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0) return nullptr;
  const auto found = wildcard_.find(host.substr(dot + 1));
  return found != wildcard_.end() ? found->second : nullptr;
}

// A wildcard certificate covers one label in place of the '*' (RFC 6125 6.4.3), a wildcard route
// any number of labels. A host below the names of a site has the rules of that site, so that no
// request reaches a route without its client authentication.
const ClientRules& TlsServer::rules_for(std::string_view host) const {
  const Site* site = site_for(host);
  for (size_t dot; site == nullptr && (dot = host.find('.')) != std::string_view::npos;) {
    host.remove_prefix(dot + 1);
    if (const auto found = wildcard_.find(host); found != wildcard_.end()) site = found->second;
  }
  return (site != nullptr ? site : default_)->rules;
}

// The earliest callback that has the server name: OpenSSL has not chosen the version and has not
// decrypted a ticket yet.
int TlsServer::on_client_hello(SSL* ssl, int* alert, void* server) {
  const auto& self = *static_cast<const TlsServer*>(server);
  const unsigned char* extension = nullptr;
  size_t size = 0;
  std::array<char, kMaxServerName> memory;
  std::string_view host;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size) == 1) {
    host = read_server_name({reinterpret_cast<const char*>(extension), size}, memory);
    if (host.empty()) {
      *alert = SSL_AD_DECODE_ERROR;
      return SSL_CLIENT_HELLO_ERROR;
    }
  }
  const Site* site = self.site_for(host);
  if (site == nullptr && self.reject_unknown_sni_) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  // Also for the default site: this may be the second ClientHello, with another name.
  SSL_CTX* const context = (site != nullptr ? site : self.default_)->context(std::time(nullptr));
  if (SSL_set_SSL_CTX(ssl, context) == nullptr) {
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
  }
  // SSL_set_SSL_CTX() does not change these two.
  SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context), nullptr);
  SSL_set_verify_depth(ssl, SSL_CTX_get_verify_depth(context));
  return SSL_CLIENT_HELLO_SUCCESS;
}

int TlsServer::on_status(SSL* ssl, void* server) {
  const int64_t now = std::time(nullptr);
  const auto& staples = static_cast<const TlsServer*>(server)->content_->staples;
  const auto [first, last] = staples.equal_range(SSL_get_certificate(ssl));
  for (auto at = first; at != last; ++at) {
    const TlsStaple& staple = at->second;
    if (!staple.holds(now)) continue;
    void* copy = OPENSSL_memdup(staple.response.data(), staple.response.size());  // libssl frees it
    if (copy == nullptr) break;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(staple.response.size()));
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

// The order of the server decides. Without a common protocol the handshake fails (RFC 7301 3.2).
int TlsServer::on_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                       const unsigned char* offered, unsigned offered_size, void* server) {
  const std::string& ours = static_cast<const TlsServer*>(server)->alpn_;
  unsigned char* selected = nullptr;
  const int found = SSL_select_next_proto(
      &selected, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
      static_cast<unsigned>(ours.size()), offered, offered_size);
  *out = selected;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace weir

// TLS 1.3 of the load's connections: OpenSSL on a socket that does not block. It verifies no
// certificate: the benchmark measures the proxy.
#pragma once

#include <fcntl.h>
#include <openssl/ssl.h>

#include <cstdlib>

#include "loopback.h"

// The session that all connections resume.
class SecureContext {
 public:
  explicit SecureContext(bool resumes) : resumes_(resumes) {
    SSL_CTX_set_app_data(context_, this);
    SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION);  // 1.2 resumes at half the cost
    if (!resumes) return;
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_, [](SSL* ssl, SSL_SESSION* session) {
      auto& self = *static_cast<SecureContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
      SSL_SESSION_free(self.session_);
      self.session_ = session;
      return 1;
    });
  }

  SSL* connect(int fd) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    SSL* ssl = SSL_new(context_);
    if (ssl == nullptr || SSL_set_fd(ssl, fd) != 1) die("SSL_new");
    if (session_ != nullptr) SSL_set_session(ssl, session_);
    SSL_set_connect_state(ssl);
    return ssl;
  }
  // True once the handshake is complete.
  bool step_handshake(SSL* ssl) {
    if (SSL_do_handshake(ssl) != 1) {
      if (SSL_get_error(ssl, -1) != SSL_ERROR_WANT_READ) refuse("the handshake failed");
      return false;
    }
    // The first connection of a run has no session to resume.
    if (resumes_ && SSL_session_reused(ssl) == 0 && ++whole_ > kWholeHandshakes)
      refuse("sessions are not resumed");
    return true;
  }
  static void close(SSL* ssl) {
    SSL_set_shutdown(ssl,
                     SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // else its session is dropped
    SSL_free(ssl);
  }

 private:
  static constexpr int kWholeHandshakes = 1000;  // before the first ticket

  [[noreturn]] static void refuse(const char* why) {
    std::fprintf(stderr, "TLS: %s\n", why);
    std::exit(1);
  }

  SSL_CTX* context_ = SSL_CTX_new(TLS_client_method());
  SSL_SESSION* session_ = nullptr;
  bool resumes_;
  int whole_ = 0;
};

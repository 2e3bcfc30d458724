// TestAuthority: certificates for a test, in files. TlsPeer: the other side of weir's TLS, over a
// Socket, in steps that do not block, so that the loop under test can turn in between. One thread.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "support/socket.h"
#include "support/temp_folder.h"

namespace weir::test {

struct IssuedFiles {
  std::string cert;  // PEM, followed by the certificate of the authority
  std::string key;
  std::string in_one() const;  // a file of both
};

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "weir test authority");
  ~TestAuthority();

  struct Wish {
    std::vector<std::string> hosts = {};  // "IP:127.0.0.1" for an address
    std::string common_name = "test";
    bool rsa = false;
    bool ed25519 = false;
    int from_days = -1;
    int until_days = 30;
    bool authority = false;  // may issue certificates itself
    int valid_in = 0;        // seconds, added to from_days
    // Further extensions, as in openssl.cnf: {"tlsfeature", "status_request"}.
    std::vector<std::pair<std::string, std::string>> extensions = {};
  };
  // An authority whose certificate another authority has issued.
  explicit TestAuthority(const IssuedFiles& files);
  IssuedFiles issue(const Wish& wish);
  // A file with a revocation list; valid in the given days.
  std::string revoke(const std::vector<IssuedFiles>& revoked, int until_days = 7,
                     int from_days = 0);
  // A file with an OCSP response for a certificate; valid in the given days.
  std::string ocsp_response(const IssuedFiles& of, bool good = true, int from_days = 0,
                            int until_days = 7);
  struct Response {
    bool certificates = true;               // includes the certificate of the signer
    bool sha256 = false;                    // identifies the certificate by this digest
    const TestAuthority* signer = nullptr;  // another authority with this one's delegation
    std::vector<IssuedFiles> others = {};   // further certificates in the response, before the one
  };
  std::string ocsp_response(const IssuedFiles& of, const Response& response);
  const std::string& file() const { return file_; }  // its own certificate
  X509* certificate() const { return certificate_; }

 private:
  std::string write(const std::string& what, const std::string& text);
  EVP_PKEY* key_;
  X509* certificate_;
  TempFolder folder_;
  std::string file_;
  int serial_ = 1;
};

class TlsPeer {
 public:
  struct Wish {
    std::string sni = {};
    std::vector<std::string> alpn = {};  // offered, or as a server agreed to; the preferred first
    std::string signatures = {};  // that the peer supports, as OpenSSL names them; empty: all
    int version = 0;              // TLS1_2_VERSION: only that
    const TestAuthority* trust = nullptr;
    IssuedFiles certificate = {};
    SSL_SESSION* session = nullptr;
    bool server = false;
    bool asks_status = false;  // requests an OCSP response; see stapled()
  };
  TlsPeer(Socket socket, const Wish& wish);
  ~TlsPeer();
  TlsPeer(const TlsPeer&) = delete;

  enum class State { going_on, done, failed };
  State step_handshake();  // a step of the handshake
  bool send(const std::string& bytes);
  // The received bytes; "" if none are there now. ended() reports the end.
  std::string receive();
  bool ended() const { return ended_; }      // close_notify came
  bool cut_off() const { return cut_off_; }  // a FIN or a reset without it
  void close_notify();
  SSL* ssl() { return ssl_; }
  Socket& socket() { return socket_; }
  std::string peer_name();  // common name of the other side's certificate
  std::string alpn();
  std::string stapled();  // DER; "" when there was none
  std::string error() const { return error_; }
  SSL_SESSION* session() { return session_; }  // the last ticket; null: none

 private:
  static int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                         const unsigned char* offered, unsigned offered_size, void* own);

  Socket socket_;
  std::string alpn_;  // in wire format
  SSL_CTX* context_;
  SSL* ssl_;
  SSL_SESSION* session_ = nullptr;
  bool ended_ = false;
  bool cut_off_ = false;
  std::string error_;
};

}  // namespace weir::test

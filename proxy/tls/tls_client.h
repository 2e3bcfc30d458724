// TlsClient: TLS to the backends of a cluster: verification of their certificates, a certificate of
// weir's own, and sessions to resume.
//
// Made by load() on the thread that loads configurations; owned by a snapshot, shared by workers.
// connect() and keeping sessions: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/tls_model.h"
#include "tls/tls_loading.h"
#include "tls/tls_stream.h"

struct ssl_ctx_st;
struct ssl_session_st;

namespace weir {

struct Identity;

class TlsClient {
 public:
  // Null: the errors were reported. `before`: the cluster's TlsClient in force, whose certificate
  // is used until the new one is valid; null: none.
  static std::shared_ptr<TlsClient> load(const config::ClusterTls& spec, TlsLoading& loading,
                                         const TlsClient* before = nullptr);
  ~TlsClient();

  // TLS to a backend. `host`: the IP address or host in its address. `address`: the key of the
  // sessions that may be resumed; empty: none. Null: there is no name to verify the certificate by,
  // or no memory.
  std::unique_ptr<TlsStream> connect(const std::string& host, const std::string& address) {
    return connect(host, address, alpn_);
  }
  // The same, but offers HTTP/1.1 only (ALPN).
  std::unique_ptr<TlsStream> connect_http1(const std::string& host, const std::string& address);
  // For a check: resumes no session, and offers its own protocol (ALPN) only. any: those that
  // connections of the cluster offer.
  enum class CheckProtocol : uint8_t { any, http1, http2 };
  std::unique_ptr<TlsStream> connect_to_check(const std::string& host, CheckProtocol protocol);

  // Covers all settings and files.
  const std::string& fingerprint() const { return fingerprint_; }
  // The validity of its files.
  const std::vector<FileValidity>& validities() const { return validities_; }

 private:
  explicit TlsClient(const config::ClusterTls& spec) : spec_(spec) {}
  std::unique_ptr<TlsStream> connect(const std::string& host, const std::string& address,
                                     std::string_view alpn);
  bool trust(TlsLoading& loading);
  bool identify(TlsLoading& loading, const TlsClient* before);
  bool use_stand_in(struct ssl_st* ssl) const;
  static int on_new_session(struct ssl_st*, ssl_session_st*);

  const config::ClusterTls spec_;
  ssl_ctx_st* context_ = nullptr;
  std::string alpn_;  // in wire format
  std::string fingerprint_;
  std::vector<FileValidity> validities_;
  std::shared_ptr<const Identity> identity_;         // weir's own; null: none
  std::shared_ptr<const Identity> stand_in_;         // before that is valid; null: none
  int64_t stand_in_until_ = 0;                       // seconds since 1970
  std::mutex mutex_;                                 // guards sessions_; once in a handshake
  std::map<std::string, ssl_session_st*> sessions_;  // by address; entries stay
};

}  // namespace weir

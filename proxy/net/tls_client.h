// TlsClient: how a cluster's backends are spoken to in TLS: who they must be, and sessions to come
// back to.
//
// Made by load() on the thread that loads configurations; owned by a snapshot, shared by workers.
// connect() and keeping sessions: any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "config/tls_model.h"
#include "net/tls_stream.h"

struct ssl_ctx_st;
struct ssl_session_st;

namespace weir {

class TlsClient {
 public:
  // The error names the file.
  static Result<std::shared_ptr<TlsClient>> load(const config::ClusterTls& spec);
  ~TlsClient();

  // TLS to a backend. `host` is what its address names, an IP address or a host; `address` is the
  // backend whose sessions may be resumed: none when it is empty. Null: there is no name to verify
  // it by, or no memory.
  std::unique_ptr<TlsStream> connect(const std::string& host, const std::string& address);

  const std::string& fingerprint() const { return fingerprint_; }

 private:
  explicit TlsClient(const config::ClusterTls& spec) : spec_(spec) {}
  Result<void> trust();
  Result<void> identify();
  static int on_new_session(struct ssl_st*, ssl_session_st*);

  const config::ClusterTls spec_;
  ssl_ctx_st* context_ = nullptr;
  std::string alpn_;  // as on the wire
  std::string fingerprint_;
  std::mutex mutex_;                                 // guards sessions_; once in a handshake
  std::map<std::string, ssl_session_st*> sessions_;  // by address; entries stay
};

}  // namespace weir

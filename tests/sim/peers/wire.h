// Wire: the connection of a peer, with TLS over it or without; its calls are those of an Endpoint.
//
// TLS is OpenSSL over two buffers in memory. Its output goes to the endpoint at once, if necessary
// beyond the size of its buffer, so no output waits in between. A FIN without a close_notify is a
// truncation: recv() fails as after a reset.
#pragma once

#include <memory>
#include <string_view>

#include "network/endpoint.h"
#include "tls/openssl.h"

namespace weir::sim {

struct TlsBehavior {
  enum class Role : uint8_t { none, client, server };
  enum class TlsEnd : uint8_t { close_notify, none, partial_record };  // before the FIN
  Role role = Role::none;
  bool old = false;                 // TLS 1.2
  bool resumes = false;             // with the session of an earlier connection
  uint64_t key_update_every = 0;    // writes; 0: never
  bool requests_key_update = true;  // of the other side, then
  uint64_t silent_after = ~0ull;    // bytes of its handshake, then nothing more
  bool garbage = false;             // in place of its first message
  TlsEnd tls_end = TlsEnd::close_notify;
  bool http2 = false;  // by ALPN
};

class Wires;

class Wire {
 public:
  Wire(Wires& wires, std::shared_ptr<Endpoint> endpoint, const TlsBehavior& behavior);

  // Continues the handshake. True: without TLS, or when it is complete.
  bool step_handshake();
  ssize_t recv(char* to, size_t size);
  ssize_t send(const char* from, size_t size);
  void shutdown_write();
  void close();
  void abort();

  Endpoint& endpoint() { return *endpoint_; }
  const Endpoint& endpoint() const { return *endpoint_; }
  const TlsBehavior& behavior() const { return behavior_; }
  // True if this side ends with a close_notify, which an attacker cannot forge.
  bool ends_in_order() const {
    return !tls_ || behavior_.tls_end == TlsBehavior::TlsEnd::close_notify;
  }
  // Its outcome.
  bool has_tls() const { return tls_ != nullptr; }
  // The handshake, if any, is complete on this side; since opened_at().
  bool open() const { return opened_at_ != kNever; }
  TimePoint opened_at() const { return opened_at_; }
  std::string_view alpn() const;           // "": none was agreed
  bool silent() const { return silent_; }  // before the handshake was complete
  bool resumed() const { return open() && tls_ && SSL_session_reused(tls_.get()) == 1; }
  // After its last byte.
  bool sent_end() const { return tls_ ? sent_end_ : endpoint_->fin_queued(); }
  // It sent a FIN without a close_notify.
  bool cut() const { return endpoint_->fin_queued() && !sent_end(); }
  bool received_cut() const { return received_cut_; }  // the other's FIN without a close_notify
  TimePoint began() const { return began_; }
  TimePoint ended_at() const {
    return ended_at_;
  }  // when it received the end of the other side; kNever
  TimePoint left_at() const { return left_at_; }  // when it closed or reset; kNever

 private:
  bool flush();
  bool feed(size_t size);
  void send_garbage();
  void end_tls();
  void fail(int error);

  Wires& wires_;
  const std::shared_ptr<Endpoint> endpoint_;
  const TlsBehavior behavior_;
  const TimePoint began_;
  SslPtr tls_;  // null: none
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  uint64_t handshake_sent_ = 0;
  uint64_t writes_ = 0;
  int error_ = 0;  // of its reading
  bool silent_ = false;
  bool sent_end_ = false;
  bool received_cut_ = false;
  TimePoint opened_at_ = kNever;
  TimePoint ended_at_ = kNever;
  TimePoint left_at_ = kNever;
};

}  // namespace weir::sim

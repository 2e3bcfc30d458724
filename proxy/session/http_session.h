// HttpSession: a client connection with HTTP: with HTTP/1 one request after another, with HTTP/2
// many at a time.
//
//   (opening) → idle ⇄ busy → (lingering) → over
//                  └──→ http2 ──┘
//
// opening: with TLS or the PROXY protocol, before anything else. idle: nothing of a request has
// come; it holds no buffer and no exchange. busy: an Http1Client has the transport. http2: an
// Http2Client has it, because the TLS handshake has agreed on "h2", or because the first bytes were
// the preface of HTTP/2 (RFC 9113 3.3). lingering: the last response is out, with our FIN; what
// still comes is discarded, so that the client can read it (RFC 9112 9.6). Every end goes through
// end().
#pragma once

#include "session/http1_client.h"
#include "session/http2_client.h"
#include "session/session.h"

namespace weir {

class HttpSession final : public Session, private TransportReader, private Deadline {
 public:
  HttpSession(SessionOwner& owner, Http1Clients& clients, Http2Requests& requests, Start start);

  // Takes over the accepted descriptor. The session may be over when this returns.
  void begin(int fd);

  bool quiet() const override {
    return stage_ == Stage::idle || (stage_ == Stage::http2 && http2_->idle());
  }
  bool awaits_answer() const override {
    return stage_ == Stage::busy || (stage_ == Stage::http2 && http2_->streams() > 0);
  }
  bool delivered() const override { return client_.unacknowledged() == 0; }
  TimePoint last_active() const override;
  WaitingFor waiting_for() const override;
  void close_quiet(EndReason reason) override;
  bool may_be_told(bool tunnels) override {
    return stage_ == Stage::http2 && !http2_->told() && (tunnels || !http2_->has_tunnel());
  }
  void on_reload() override;
  void cut(EndReason reason) override;
  void abort(EndReason reason) override;
  void settle() override;
  View view() const override;

  // For its Http1Client and its Http2Client: see ClientSide.
  ClientConnection connection() {
    return {client_, client_.tls(), &client_address_, &cells_, &private_, &current()};
  }
  ClientConfiguration configuration() const { return {snapshot_, *listener_}; }
  bool on_head();
  bool last_request() const { return owner_.draining() || used_up(); }
  bool served_before() const { return requests_ > 1; }
  void on_exchange_over(AfterExchange after, std::optional<EndReason> failure);
  // The first bytes of the connection may be those of HTTP/2 without TLS.
  bool may_be_http2() const;
  // The last call of its Http2Client. `closed`: the client is gone, nothing can be sent.
  void on_http2_over(EndReason reason, bool closed);
  TimePoint max_age_deadline() const;

 private:
  struct Bytes {
    uint64_t received, sent;
  };
  // behind: a reload found a request under way. gone: the configuration in force has not its
  // listener, or no HTTP/2 for it: the connection ends after this request.
  enum class Standing : uint8_t { current, behind, gone };
  enum class Stage : uint8_t { opening, idle, busy, http2, lingering, over };

  ~HttpSession() override { close(); }
  void close() override;
  void on_readable() override;
  void on_deadline() override;
  void on_opened() override;
  void on_opening_failed(EndReason reason) override;

  void await_request();
  void begin_http2(std::string_view first);
  bool renew();
  TimePoint idle_deadline() const;
  bool used_up() const;
  void begin_exchange(std::string_view begun);
  void give_back_exchange();
  void linger(EndReason reason);
  void linger_on();
  void discard();
  void end(EndReason reason, DrainEnd how);
  Bytes moved() const;

  Http1Clients& clients_;
  Http2Requests& http2_requests_;
  Transport client_;
  Http1Client* request_ = nullptr;      // while busy
  std::unique_ptr<Http2Client> http2_;  // from the stage http2 on
  PrivateConnections private_;
  TimePoint idle_since_{};
  TimePoint linger_until_ = kNever;
  TimePoint patience_until_ = kNever;  // for a client that is slow to take its last answer
  uint64_t received_ = 0;
  uint64_t sent_ = 0;
  uint64_t settled_received_ = 0;
  uint64_t settled_sent_ = 0;
  uint32_t requests_ = 0;
  uint32_t answered_ = 0;  // of them, when it last became idle
  Stage stage_ = Stage::idle;
  bool raced_ = false;
  Standing standing_;
  EndReason reason_{};  // while lingering
};

}  // namespace weir

// HttpSession: a client connection with HTTP, one request after another.
//
//   (opening) → idle ⇄ busy → (lingering) → over
//
// opening: with TLS or the PROXY protocol, before anything else. idle: nothing of a request has
// come; it holds no buffer and no exchange. busy: an Http1Client has the transport. lingering: the
// last response is out, with our FIN; what still comes is discarded, so that the client can read it
// (RFC 9112 9.6). Every end goes through end().
#pragma once

#include "session/http1_client.h"
#include "session/session.h"

namespace weir {

class HttpSession final : public Session, private TransportReader, private Deadline {
 public:
  HttpSession(SessionOwner& owner, Http1Clients& clients, Start start);

  // Takes over the accepted descriptor. The session may be over when this returns.
  void begin(int fd);

  bool quiet() const override { return stage_ == Stage::idle; }
  bool awaits_answer() const override { return stage_ == Stage::busy; }
  bool delivered() const override { return client_.unacknowledged() == 0; }
  TimePoint last_active() const override;
  WaitingFor waiting_for() const override;
  void close_quiet(EndReason reason) override;
  void cut(EndReason reason) override;
  void abort(EndReason reason) override;
  void settle() override;
  View view() const override;

  // For its Http1Client: see ClientSide.
  ClientConnection connection() {
    return {client_, client_.tls(), &client_address_, &cells_, &private_, &current()};
  }
  ClientConfiguration configuration() const { return {snapshot_, *listener_}; }
  bool on_head() {
    const ListenerSpec* const before = listener_;
    ++requests_;
    renew();
    return listener_ != before;
  }
  bool last_request() const;
  bool served_before() const { return requests_ > 1; }
  // The preface of HTTP/2 may come in place of the first request.
  bool may_be_http2() const { return false; }
  void on_exchange_over(AfterExchange after, std::optional<EndReason> failure);

 private:
  struct Bytes {
    uint64_t received, sent;
  };
  enum class Stage : uint8_t { opening, idle, busy, lingering, over };

  ~HttpSession() override { close(); }
  void close() override;
  void on_readable() override;
  void on_deadline() override;
  void on_opened() override;
  void on_opening_failed(EndReason reason) override;

  void await_request();
  TimePoint idle_deadline() const;
  TimePoint max_age_deadline() const;
  void begin_exchange(std::string_view begun);
  void give_back_exchange();
  void linger(EndReason reason);
  void linger_on();
  void discard();
  void end(EndReason reason, DrainEnd how);
  Bytes moved() const;

  Http1Clients& clients_;
  Transport client_;
  Http1Client* request_ = nullptr;  // while busy
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
  EndReason reason_{};  // while lingering
};

}  // namespace weir

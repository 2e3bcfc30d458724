// Opening: the steps before the protocol of a session: the PROXY header, from proxies that are
// configured to send one, and the TLS handshake. Handshakes: the budget of one worker.
//
//   (proxy_header) → (handshake, or client_hello where TLS is passed through) → over
//
// Owner: a Session, by Owned, until it is over. Thread: the worker's. Header and handshake have one
// deadline each. The header is peeked before it is read, so that no byte after it is read here. A
// handshake costs a millisecond of computing: a turn makes only a few steps of handshakes, and
// yields the rest, so that live traffic keeps its latency.
#pragma once

#include <string_view>

#include "config/model.h"
#include "event/event_loop.h"
#include "event/owned.h"
#include "metrics/cells.h"
#include "net/transport.h"

namespace weir {

class Session;

class Handshakes {
 public:
  // Whether another step may be made in this turn; counts it.
  bool may_step(uint64_t turn) {
    if (turn != turn_) steps_ = 0, turn_ = turn;
    return steps_++ < kStepsPerTurn;
  }
  uint64_t under_way() const { return under_way_; }

 private:
  friend class Opening;
  static constexpr int kStepsPerTurn = 8;
  uint64_t turn_ = 0;
  int steps_ = 0;
  uint64_t under_way_ = 0;
};

class Opening final : public Retirable,
                      private TransportReader,
                      private TransportWriter,
                      private Yielding,
                      private Deadline {
 public:
  // All outlive it. It calls on_opened() or on_opening_failed() of the session.
  Opening(Session& session, Handshakes& handshakes, Transport& client);
  void start(bool expects_header);

 private:
  enum class Stage : uint8_t { proxy_header, handshake, client_hello, over };

  ~Opening() override { close(); }
  void close() override;
  void on_readable() override { go_on(); }
  void on_writable() override { go_on(); }
  void on_resume() override { go_on(); }
  void on_deadline() override;
  void go_on();
  void read_header();
  void behind_header();
  void read_hello();
  void begin_handshake();
  void handshake();
  void succeed();
  void fail_tls(TlsError error, EndReason reason, std::string_view why);
  void log_refused_client(std::string_view why) const;
  void fail(EndReason reason);
  void until(const config::Timeout& timeout);

  Session& session_;
  Handshakes& handshakes_;
  Transport& client_;
  Stage stage_ = Stage::proxy_header;
};

}  // namespace weir

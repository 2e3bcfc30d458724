// TlsHandshake: the handshake with a client that has connected, before its session says a word.
// Handshakes: those of one worker.
//
// Owner: a Session, by Owned, until it is over. Thread: the worker's. A handshake costs a
// millisecond of computing: only a few steps of them are made in a turn, and the rest after the
// others have been served, so that live traffic keeps its latency.
#pragma once

#include "event/event_loop.h"
#include "event/owned.h"
#include "metrics/cells.h"
#include "net/transport.h"

namespace weir {

class Handshakes {
 public:
  // One more step in this turn? Its place is taken.
  bool may_step(uint64_t turn) {
    if (turn != turn_) steps_ = 0, turn_ = turn;
    return steps_++ < kStepsPerTurn;
  }
  uint64_t under_way() const { return under_way_; }

 private:
  friend class TlsHandshake;
  static constexpr int kStepsPerTurn = 8;
  uint64_t turn_ = 0;
  int steps_ = 0;
  uint64_t under_way_ = 0;
};

class TlsHandshakeOwner {
 public:
  // Over: it has succeeded, or that is why not. The owner may let go of it.
  virtual void on_handshake() = 0;
  virtual void on_handshake_failed(EndReason reason) = 0;

 protected:
  ~TlsHandshakeOwner() = default;
};

class TlsHandshake final : public Retirable,
                           private TransportReader,
                           private TransportWriter,
                           private Yielding,
                           private Deadline {
 public:
  // All outlive it.
  TlsHandshake(EventLoop& loop, Handshakes& others, Transport& client, ListenerCells& cells,
               TlsHandshakeOwner& owner);
  // `until`: kNever for no limit. It may be over when this returns.
  void start(TimePoint until);

 private:
  ~TlsHandshake() override { close(); }
  void close() override;
  void on_readable() override { step(); }
  void on_writable() override { step(); }
  void on_resume() override { step(); }
  void on_deadline() override;
  void step();
  void fail(TlsError error, EndReason reason);

  Handshakes& others_;
  Transport& client_;
  ListenerCells& cells_;
  TlsHandshakeOwner& owner_;
  bool over_ = false;
};

}  // namespace weir

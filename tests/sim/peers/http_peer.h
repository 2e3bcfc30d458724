// HttpPeer: the common part of clients and backends of any version of HTTP: a connection that it
// reads and writes in small parts, at its own pace.
#pragma once

#include <memory>
#include <string>

#include "peers/ledger.h"
#include "peers/wire.h"

namespace weir::sim {

struct HttpBehavior {
  size_t chunk = 4096;             // bytes of a read or a write, at most
  Duration pace = 1ms;             // between two actions, maximum
  Duration pause = 0ms;            // a rest now and then, at most
  uint64_t read_at_most = ~0ull;   // then it stops reading
  uint64_t send_at_most = ~0ull;   // then it stops sending
  Duration abort_after = 3000s;    // resets
  Duration give_up_after = 3000s;  // closes
};

class HttpPeer : public std::enable_shared_from_this<HttpPeer> {
 public:
  HttpPeer(Ledger& ledger, const HttpBehavior& behavior, std::shared_ptr<Wire> wire);
  virtual ~HttpPeer() = default;
  void start();
  bool over() const { return over_; }
  virtual std::string state() const = 0;

 protected:
  enum class End : uint8_t { none, fin, reset };

  virtual void act() = 0;  // after the bytes that have come
  virtual void take(std::string_view) = 0;
  virtual void on_end(End how) = 0;  // of the input from the other side
  virtual void on_own_end() = 0;     // it aborts, or gives up

  void send(std::string_view bytes) { to_send_.push(bytes); }
  uint64_t sent() const { return sent_; }                      // bytes taken by the socket
  uint64_t queued() const { return sent_ + to_send_.size(); }  // with bytes that wait
  bool may_read() const { return received_ < behavior_.read_at_most; }
  bool all_sent() const { return to_send_.empty(); }
  void drop_unsent() { to_send_.clear(); }
  Duration age() const { return now() - began_; }
  TimePoint now() const { return network_.now(); }
  void leave();
  void abort();

  Ledger& ledger_;
  Network& network_;
  const HttpBehavior behavior_;
  std::shared_ptr<Wire> wire_;
  const TimePoint began_;
  End end_ = End::none;
  bool over_ = false;

 private:
  void step();
  void schedule(Duration within);
  bool read_some();
  bool write_some();

  ByteQueue to_send_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  uint64_t visit_ = 0;   // the scheduled call
  bool soon_ = false;    // the call comes at its pace, and not only for a deadline
  bool failed_ = false;  // a write or a read has failed
};

}  // namespace weir::sim

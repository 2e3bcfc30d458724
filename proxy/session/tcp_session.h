// TcpSession: a TCP connection and its backend's, joined by a pipe.
//
//   (opening) → connecting → relaying → (lingering | delivering) → over
//
// opening: with TLS or the PROXY protocol, before a backend is looked for. connecting: no byte of
// the client is read, so the next backend can be tried. relaying: the pipe moves bytes; half-closes
// are passed on. lingering: weir has sent its FINs and discards further bytes, until both FINs have
// come or the time is up. delivering: one side has failed; the bytes that were received before are
// delivered, then both sides are reset. One deadline serves all timeouts. Only the functions on_*()
// here decide to close a connection.
#pragma once

#include <memory>

#include "net/last_bytes.h"
#include "session/session.h"
#include "upstream/connect.h"

namespace weir {

class TcpSession final : public Session,
                         private ConnectObserver,
                         private PipeObserver,
                         private TransportReader,
                         private Deadline {
 public:
  TcpSession(SessionOwner& owner, Start start);

  // Takes over the accepted descriptor. The session may be over when this returns.
  void begin(int fd);

  bool quiet() const override;
  bool awaits_answer() const override { return pipe_.awaits_answer(); }
  TimePoint last_active() const override;
  WaitingFor waiting_for() const override;
  bool delivered() const override;
  void close_quiet(EndReason reason) override;
  void cut(EndReason reason) override;
  void abort(EndReason reason) override;
  void settle() override;
  View view() const override;

 private:
  enum class Stage : uint8_t { opening, connecting, relaying, lingering, delivering, over };
  enum class Side : uint8_t { none, client, backend };

  ~TcpSession() override { close(); }
  void close() override;

  void on_connect() override;
  std::string_view write_proxy_header(std::span<char> memory) override;
  void on_pipe() override;
  void on_readable() override;
  void on_deadline() override;
  void on_opened() override;
  void on_opening_failed(EndReason reason) override;
  size_t cluster() const override { return cluster_; }
  void choose_cluster(size_t cluster) override { cluster_ = cluster; }
  void on_client_address(const Address& client, const Address& reached) override;

  void relay();
  void fail(Side side);
  void deliver(EndReason reason);
  void go_on_delivering();
  const config::Timeout& patience() const;
  void linger(EndReason reason, TimePoint until);
  void linger_with_client(EndReason reason);
  void end(EndReason reason, DrainEnd how);
  void discard();
  bool discard_from(Transport& transport);

  void arm();
  TimePoint idle_deadline() const;
  TimePoint max_age_deadline() const;
  void log_end(EndReason reason) const;

  Transport client_;
  Transport backend_;
  Pipe pipe_;
  Connect connect_;
  size_t cluster_;  // of the snapshot
  std::unique_ptr<const Address>
      reached_;  // the address that the client connected to, from a PROXY header
  LastBytes last_bytes_;
  TimePoint linger_until_ = kNever;
  uint64_t settled_up_ = 0;
  uint64_t settled_down_ = 0;
  Stage stage_ = Stage::connecting;
  Side first_closed_ = Side::none;
  EndReason reason_{};  // while lingering or delivering
};

}  // namespace weir

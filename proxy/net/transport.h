// Transport: a connected (or connecting) stream socket, registered once and edge-triggered; with
// TLS over it after start_tls(). Reading and writing are the same with and without TLS.
//
// Owner: a session or a pool, by value; its address does not change. Thread: its loop's. It may be
// opened again after close(). Readiness is latched: readable() stays true until a read would block.
// A reader that leaves bytes unread gets no further event for them and has to resume by itself
// (trap T6). Each direction has an observer. Invariant: closed ⇒ no further callback; only close()
// closes the descriptor, and it unregisters it first (trap T3).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/address.h"
#include "base/tcp_keepalive.h"
#include "event/event_loop.h"
#include "tls/tls_stream.h"

namespace weir {

class TransportReader {
 public:
  // Bytes, the end or an error can be read.
  virtual void on_readable() = 0;

 protected:
  ~TransportReader() = default;
};

class TransportWriter {
 public:
  // The socket can be written to again; or connect(2) has succeeded or failed.
  virtual void on_writable() = 0;

 protected:
  ~TransportWriter() = default;
};

struct [[nodiscard]] Io {
  enum class Status : uint8_t {
    ok,
    blocked,      // nothing to read, or no room to write, now
    eof,          // the peer's FIN
    unsupported,  // splice(2) does not work here, or there is TLS; nothing was moved
    failed,       // Transport::error() says why
  };
  Status status;
  size_t bytes = 0;
};

// Options of a TCP connection before it is made.
struct ConnectOptions {
  const char* congestion_control = "";  // "": the system's
  TcpKeepalive keepalive = TcpKeepalive::off();
  Duration user_timeout{};  // for the acknowledgement of what was sent; 0: the system's
};

struct KernelPipe;

class Transport : private Recheck, private Yielding {
 public:
  enum class Connecting : uint8_t { done, pending, failed };

  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  ~Transport() { close(); }

  // Takes over an accepted descriptor. False: the kernel refused the registration; the descriptor
  // is closed with a reset, since the client has received nothing.
  [[nodiscard]] bool open(EventLoop& loop, int fd);
  // Begins to connect; error() says why it failed. Pending ends with the writer's on_writable() and
  // finish_connecting().
  [[nodiscard]] Connecting connect(EventLoop& loop, const Address& to,
                                   const ConnectOptions& options);
  [[nodiscard]] Connecting finish_connecting();

  // From now on bytes go through TLS, whose handshake comes first. Of an open transport.
  void start_tls(std::unique_ptr<TlsStream> tls);
  // Goes on with it; pending: call it again when the transport has become readable or writable.
  [[nodiscard]] Connecting handshake();
  const TlsStream* tls() const { return tls_.get(); }  // null: none

  void set_reader(TransportReader* reader) { reader_ = reader; }
  void set_writer(TransportWriter* writer) { writer_ = writer; }

  Io read(std::span<char> to);
  // Reads bytes and leaves them in the socket; before TLS only. Events come only for new bytes.
  Io peek(std::span<char> to);
  Io write(std::span<const char> from);
  // Writes a head and the bytes that follow it together.
  Io write(std::span<const char> head, std::span<const char> body);
  // Moves bytes between the socket and a kernel pipe without copying. From the socket: `blocked`
  // means only that splice(2) moves no bytes now. It stops before urgent data, and at an error that
  // has bytes before it; read() tells whether the source is empty, at its end or failed.
  Io splice_into(KernelPipe& pipe, size_t size);
  Io splice_from(KernelPipe& pipe);

  // Sends the FIN, and with TLS the close_notify before it, after the bytes that were written.
  void shutdown_write();
  // The socket has no room for the close_notify: the writer is called when both are sent.
  bool fin_waits() const { return fin_waits_; }
  void close();  // idempotent; with TLS sends the close_notify, if all records are sent
  void abort();  // close with an RST: unsent bytes are dropped, and the peer sees an error

  bool is_open() const { return fd_ >= 0; }
  bool readable() const { return readable_; }
  // The next read may find more bytes: a short read also stops before urgent data.
  void expect_more() { readable_ = true; }
  bool writable() const { return writable_; }
  bool peer_closed() const { return peer_closed_; }
  // The peer sends no more bytes: its FIN has come, or with TLS its close_notify comes next.
  bool ended_by_peer();
  // The peer ended without the close_notify of TLS: the bytes that came may be a truncated stream.
  bool cut_off() const { return cut_off_; }
  // For a side that is not read from: asks the kernel for an error, if the last event may have been
  // one.
  bool has_pending_error();
  int error() const { return error_; }  // errno of the first failure; 0: none
  bool was_reset() const;
  size_t unacknowledged() const;  // bytes that were sent and not acknowledged
  Address local_address() const;  // weir's end of the connection

 private:
  static void on_event(void* transport, Readiness ready) noexcept;
  void handle(Readiness ready);
  bool on_recheck() override;
  void on_resume() override;
  void resume_next_turn();
  void schedule_recheck();
  void await_tls();
  Io read_tls(std::span<char> to);
  Io write_tls(std::span<const char> from);
  template <size_t kSize>
  Io write_joined(std::span<const char> head, std::span<const char> body);
  void note_end();
  Io failed();
  Io write_failed();
  Io written(ssize_t n, size_t wanted);

  static constexpr size_t kJoined = 2048;
  static constexpr size_t kJoinedTls = 16384;  // one record and one call for head and body

  EventLoop* loop_ = nullptr;
  IoWatch watch_;
  std::unique_ptr<TlsStream> tls_;
  TransportReader* reader_ = nullptr;
  TransportWriter* writer_ = nullptr;
  int fd_ = -1;
  int error_ = 0;
  bool readable_ = false;
  bool writable_ = false;
  bool peer_closed_ = false;
  bool suspicious_ = false;  // the last event may have been an error
  bool cut_off_ = false;
  bool fin_waits_ = false;  // for room for the close_notify
  uint32_t read_at_ = 0;    // ms; of the last read when that may have been so
};

}  // namespace weir

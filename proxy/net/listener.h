// Listener: the accept loop of one listening socket. It only hands descriptors over.
//
// Owner: a worker, by Owned<Listener>; thread: its loop's. The socket comes open and bound from the
// control thread (control/listen_socket.h). At most kAcceptsPerTurn connections a turn, so that a
// flood does not starve the sessions that exist. Asking an empty queue is a call for nothing: a
// turn asks for as many as the last one found, or for twice as many when it found all it asked for.
// Out of descriptors: one waiting connection is accepted with the reserve descriptor and refused,
// then accepting pauses for a moment; the others wait in the kernel's queue.
#pragma once

#include <sys/socket.h>

#include "base/tcp_keepalive.h"
#include "event/event_loop.h"
#include "event/timer.h"

namespace weir {

class AcceptObserver {
 public:
  // A connection; the observer owns `fd` now.
  virtual void on_accept(int fd, const sockaddr* client, socklen_t length) = 0;
  // The process has no descriptors left; `fd` is a connection that waited, to be refused.
  virtual void on_out_of_descriptors(int fd, const sockaddr* client, socklen_t length) = 0;

 protected:
  ~AcceptObserver() = default;
};

class Listener final : public Retirable {
 public:
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr Duration kPause = 100ms;

  Listener(EventLoop& loop, int fd, AcceptObserver& observer);

  // Accepts what waits in the queue, whatever its length, then closes the socket: closing first
  // would reset every one of them (the listener of drain).
  void accept_all_and_close();
  void close() override;  // resets what waits in the queue
  bool is_open() const { return fd_ >= 0; }
  void set_backlog(int backlog);  // how many may wait to be accepted from now on
  // Of connections made from now on. Of a TCP socket.
  void set_keepalive(const TcpKeepalive& keepalive);

 private:
  enum class Accepted : uint8_t { one, none, out_of_descriptors };

  ~Listener() override { close(); }
  static void on_readable(void* listener, Readiness) noexcept;
  Accepted accept_one();
  void start();
  // False: nobody was waiting; accept(2) asks for a descriptor before it looks into the queue.
  bool use_reserve();

  AcceptObserver& observer_;
  int fd_;
  int reserve_;
  int batch_ = 1;  // accepts in the next turn
  IoWatch watch_;
  Timer resume_;
};

}  // namespace weir

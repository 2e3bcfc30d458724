// Listener: the accept loop of one listening socket, of workers and of the admin server. It only
// passes descriptors on.
//
// Owner: a worker or the admin server, by Owned<Listener>; thread: its loop's. The socket comes
// open and bound from the control thread (control/listen_socket.h). A turn of the loop accepts a
// bounded number of connections, so that a flood does not starve the sessions that exist. accept(2)
// on an empty queue costs a system call: a turn accepts as many connections as the last one, or
// twice as many if the last one did not empty the queue.
// Out of descriptors: one waiting connection is accepted with the reserve descriptor. If the
// observer refuses it, the listener pauses; the other connections wait in the kernel's queue.
#pragma once

#include <sys/socket.h>

#include "base/tcp_keepalive.h"
#include "event/event_loop.h"
#include "event/timer.h"

namespace weir {

class AcceptObserver {
 public:
  // A connection; the observer owns `fd` from now on.
  virtual void on_accept(int fd, const sockaddr* client, socklen_t length) = 0;
  // The process has no descriptors left: `fd` was accepted with the reserve. True: the observer
  // serves the connection. False: it has closed `fd`, and the listener pauses.
  virtual bool on_out_of_descriptors(int fd, const sockaddr* client, socklen_t length) = 0;
  // The reserve is in use. The observer may close a descriptor, so that a connection that waits can
  // be accepted as with the reserve; false: it has closed none.
  virtual bool free_descriptor() { return false; }

 protected:
  ~AcceptObserver() = default;
};

class Listener final : public Retirable {
 public:
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr Duration kPause = 100ms;

  Listener(EventLoop& loop, int fd, AcceptObserver& observer,
           int accepts_per_turn = kAcceptsPerTurn);

  // Accepts what waits in the queue, whatever its length, then closes the socket: closing first
  // would reset every one of them (the listener of drain).
  void accept_all_and_close();
  void close() override;  // resets what waits in the queue
  bool is_open() const { return fd_ >= 0; }
  // False: it pauses, or the kernel has refused to watch the socket and will be asked again.
  bool accepting() const { return watch_.active(); }
  // Opens the reserve again, if it is in use: a descriptor has been closed.
  void restore_reserve();
  void set_backlog(int backlog);  // how many may wait to be accepted from now on
  // Of connections made from now on. Of a TCP socket.
  void set_keepalive(const TcpKeepalive& keepalive);

 private:
  enum class Accepted : uint8_t { one, refused, none, out_of_descriptors };

  ~Listener() override { close(); }
  static void on_readable(void* listener, Readiness) noexcept;
  Accepted accept_one();
  void start();
  void out_of_descriptors();
  Accepted use_reserve();
  void pause();

  AcceptObserver& observer_;
  int fd_;
  int reserve_;
  const int accepts_per_turn_;
  int batch_ = 1;  // accepts in the next turn
  IoWatch watch_;
  Timer resume_;
};

}  // namespace weir

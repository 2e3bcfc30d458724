// Endpoint: one end of a TCP connection. It follows the rules of TCP that matter to a proxy:
// received bytes are read before a reset is reported, and a FIN before the reset hides it; after
// the other side's FIN a reset is EPIPE; closing with unread bytes is a reset; bytes that arrive at
// a closed socket are answered with a reset; a FIN comes after all bytes that were written; a write
// edge comes only after a blocked write, when a third of the buffer is free. The application's
// calls answer as in section 2 of the manual: -1 and errno.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <functional>
#include <memory>

#include "base/address.h"
#include "network/byte_queue.h"
#include "network/network.h"

namespace weir::sim {

class Endpoint : public std::enable_shared_from_this<Endpoint> {
 public:
  Endpoint(Network& network, size_t send_buffer, size_t window)
      : network_(network), send_buffer_(send_buffer), window_(window) {}

  // The application.
  ssize_t recv(char* to, size_t size);
  ssize_t send(const char* from, size_t size);
  // Sends all bytes, also beyond the buffer. False: see errno.
  bool send_whole(std::string_view bytes);
  void shutdown_write();
  void close();
  void abort();  // close with a reset
  int take_error() { return std::exchange(error_, 0); }
  uint32_t mask();  // EPOLL*
  size_t readable() const { return received_.size(); }
  size_t room_to_send() const { return send_buffer_ - std::min(send_buffer_, queue_.size()); }
  size_t unacknowledged() const { return queue_.size() + (fin_queued_ && !fin_sent_ ? 1 : 0); }
  bool connecting() const { return connecting_; }
  bool fin_queued() const { return fin_queued_; }
  bool fin_received() const { return fin_received_; }
  bool gone() const { return gone_; }
  bool failed() const { return error_ != 0; }
  // Urgent data precedes the next byte to read: splice(2) stops there, recv(2) continues.
  bool urgent() const { return urgent_; }
  void set_urgent(bool urgent) { urgent_ = urgent; }

  // A writer waits for space: an edge will come.
  void want_space() { no_space_ = true; }
  // Called whenever epoll would be woken.
  void set_waker(std::function<void()> waker) { waker_ = std::move(waker); }
  // A wake-up without news after a while, which makes a false EAGAIN or a short read legal.
  void wake_later();

  // The network.
  static void join(const std::shared_ptr<Endpoint>& a, const std::shared_ptr<Endpoint>& b);
  void begin_connecting() { connecting_ = true; }
  void fail_connecting(int error);
  void set_remote(const Address& remote) { remote_ = remote; }
  const Address& remote() const { return remote_; }
  // When this end's own side sent a reset; kNever: it did not.
  TimePoint reset_sent_at() const { return reset_sent_at_; }

 private:
  void schedule();
  void deliver();
  void take_bytes(std::string_view bytes);
  void take_fin();
  void take_reset();
  void send_reset();
  void wake() {
    if (waker_) waker_();
  }
  size_t room() const { return window_ - std::min(window_, received_.size()); }
  bool has_space() const { return room_to_send() * 3 >= send_buffer_; }

  Network& network_;
  const size_t send_buffer_;
  const size_t window_;
  std::weak_ptr<Endpoint> peer_;
  std::function<void()> waker_;
  Address remote_;
  ByteQueue received_;
  ByteQueue queue_;  // to be sent
  TimePoint reset_sent_at_ = kNever;
  int error_ = 0;
  bool connecting_ = false;
  bool moving_ = false;  // a delivery is under way
  bool no_space_ = false;
  bool fin_queued_ = false;
  bool fin_sent_ = false;
  bool fin_received_ = false;
  bool urgent_ = false;
  bool orphan_ = false;  // the application has closed it
  bool gone_ = false;    // reset, by either side
};

}  // namespace weir::sim

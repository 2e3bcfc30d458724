#include "network/endpoint.h"

#include <sys/epoll.h>

namespace weir::sim {
namespace {

ssize_t fail_transfer(int error) {
  errno = error;
  return -1;
}

}  // namespace

ssize_t Endpoint::recv(char* to, size_t size) {
  if (!received_.empty()) {
    const size_t n = received_.pop_into(to, size);
    if (auto peer = peer_.lock()) peer->schedule();  // the window has opened
    return static_cast<ssize_t>(n);
  }
  if (fin_received_) return 0;
  if (error_ != 0) return fail_transfer(take_error());
  return gone_ ? 0 : fail_transfer(EAGAIN);
}

ssize_t Endpoint::send(const char* from, size_t size) {
  if (connecting_) return fail_transfer(EAGAIN);
  if (error_ != 0) return fail_transfer(take_error());
  if (gone_ || fin_queued_) return fail_transfer(EPIPE);
  const size_t n = std::min(size, room_to_send());
  if (n < size) no_space_ = true;
  if (n == 0) return fail_transfer(EAGAIN);
  queue_.push({from, n});
  schedule();
  return static_cast<ssize_t>(n);
}

bool Endpoint::send_whole(std::string_view bytes) {
  if (error_ != 0) return fail_transfer(take_error()) == 0;
  if (gone_ || fin_queued_) return fail_transfer(EPIPE) == 0;
  queue_.push(bytes);
  schedule();
  return true;
}

void Endpoint::shutdown_write() {
  if (gone_ || fin_queued_) return;
  fin_queued_ = true;
  schedule();
}

void Endpoint::close() {
  if (std::exchange(orphan_, true)) return;
  waker_ = nullptr;
  if (gone_) return;
  if (connecting_ || peer_.expired()) {
    gone_ = true;
    return;
  }
  if (!received_.empty()) return send_reset();
  network_.keep(shared_from_this());
  shutdown_write();
  if (fin_sent_ && fin_received_) network_.drop(shared_from_this());
}

void Endpoint::abort() {
  if (std::exchange(orphan_, true)) return;
  waker_ = nullptr;
  if (!gone_) send_reset();
}

uint32_t Endpoint::mask() {
  if (connecting_) return 0;
  const bool no_more_reads = fin_received_ || gone_;
  const bool no_more_writes = fin_queued_ || gone_;
  uint32_t mask = 0;
  if (no_more_reads && no_more_writes) mask |= EPOLLHUP;
  if (no_more_reads) mask |= EPOLLIN | EPOLLRDHUP;
  if (!received_.empty()) mask |= EPOLLIN;
  if (no_more_writes || has_space())
    mask |= EPOLLOUT;
  else
    no_space_ = true;
  if (error_ != 0) mask |= EPOLLERR;
  return mask;
}

void Endpoint::wake_later() {
  network_.after(network_.latency(), [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->wake();
  });
}

void Endpoint::join(const std::shared_ptr<Endpoint>& a, const std::shared_ptr<Endpoint>& b) {
  a->peer_ = b;
  b->peer_ = a;
  for (Endpoint* end : {a.get(), b.get()}) {
    if (end->gone_) end->send_reset();  // it was closed while connecting
    end->connecting_ = false;
    end->wake();
  }
}

void Endpoint::fail_connecting(int error) {
  if (gone_) return;
  connecting_ = false;
  gone_ = true;
  error_ = error;
  wake();
}

void Endpoint::schedule() {
  const bool something = !queue_.empty() || (fin_queued_ && !fin_sent_);
  if (moving_ || gone_ || !something) return;
  moving_ = true;
  network_.after(network_.latency(), [self = shared_from_this()] { self->deliver(); });
}

void Endpoint::deliver() {
  moving_ = false;
  if (gone_) return;
  auto to = peer_.lock();
  if (!to) return take_reset();
  if (to->gone_) return;  // its reset is in transit
  const size_t n = std::min(
      {queue_.size(), to->room(), 1 + network_.random().below(network_.conditions().segment)});
  if (n > 0) {
    if (to->orphan_) return to->send_reset();
    to->take_bytes(queue_.view().substr(0, n));
    queue_.pop(n);
    if (no_space_ && has_space()) no_space_ = false, wake();
  }
  // The FIN comes with the last bytes or after them.
  if (queue_.empty() && fin_queued_ && !fin_sent_ && (n == 0 || network_.chance(500))) {
    fin_sent_ = true;
    to->take_fin();
    if (orphan_ && fin_received_) network_.drop(shared_from_this());
  }
  if (queue_.empty() || to->room() > 0) schedule();
}

void Endpoint::take_bytes(std::string_view bytes) {
  received_.push(bytes);
  wake();
}

void Endpoint::take_fin() {
  fin_received_ = true;
  wake();
  if (orphan_ && fin_sent_) network_.drop(shared_from_this());
}

void Endpoint::take_reset() {
  if (gone_ || (fin_sent_ && fin_received_)) return;
  gone_ = true;
  queue_.clear();
  error_ = fin_received_ && !fin_queued_ ? EPIPE : ECONNRESET;
  wake();
  network_.drop(shared_from_this());
}

// Bytes that were sent before the reset arrive before it; the rest of the queue is dropped.
void Endpoint::send_reset() {
  gone_ = true;
  reset_sent_at_ = network_.now();
  const size_t left = network_.random().below(queue_.size() + 1);
  std::string on_the_way(queue_.view().substr(0, left));
  const bool with_fin = left == queue_.size() && fin_queued_ && !fin_sent_ && network_.chance(300);
  queue_.clear();
  network_.after(network_.latency(), [peer = peer_, bytes = std::move(on_the_way), with_fin] {
    auto to = peer.lock();
    if (!to || to->gone_) return;
    if (!to->orphan_ && bytes.size() <= to->room() && !bytes.empty()) to->take_bytes(bytes);
    if (with_fin && bytes.size() <= to->room()) to->take_fin();
    to->take_reset();
  });
  network_.drop(shared_from_this());
}

}  // namespace weir::sim

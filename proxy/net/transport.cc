#include "net/transport.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "net/kernel_pipe.h"
#include "net/sys.h"

namespace weir {
namespace {

constexpr uint32_t kSilence = 500;  // ms, before it is looked at again

// Wraps around after 49 days; differences do not mind.
uint32_t milliseconds(TimePoint at) {
  return static_cast<uint32_t>(at.time_since_epoch() / 1ms);
}

}  // namespace

bool Transport::open(EventLoop& loop, int fd) {
  DCHECK(!is_open());
  loop_ = &loop;
  fd_ = fd;
  error_ = 0;
  readable_ = peer_closed_ = suspicious_ = false;
  writable_ = true;  // of a fresh socket; a failed send would say otherwise
  if (watch_.start<&Transport::on_event>(loop.poller(), fd, IoWatch::Mode::edge, this)) return true;
  error_ = errno;
  abort();
  return false;
}

Transport::Connecting Transport::connect(EventLoop& loop, const Address& to,
                                         const char* congestion_control) {
  const int fd = sys::socket(to.socket_family());
  if (fd < 0) return error_ = errno, Connecting::failed;
  if (to.is_ip()) {
    const int on = 1;
    sys::set_option(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (*congestion_control != '\0')
      sys::set_option(fd, IPPROTO_TCP, TCP_CONGESTION, congestion_control,
                      static_cast<socklen_t>(std::strlen(congestion_control)));
  }
  sockaddr_storage address;
  const socklen_t length = to.to_sockaddr(address);
  const int result = sys::connect(fd, reinterpret_cast<const sockaddr*>(&address), length);
  const int error = errno;
  if (result < 0 && error != EINPROGRESS && error != EINTR) {
    sys::close(fd);
    error_ = error;
    return Connecting::failed;
  }
  if (!open(loop, fd)) return Connecting::failed;
  if (result == 0) return Connecting::done;
  writable_ = false;
  return Connecting::pending;
}

Transport::Connecting Transport::finish_connecting() {
  if (!writable_) return Connecting::pending;
  error_ = sys::take_error(fd_);
  return error_ == 0 ? Connecting::done : Connecting::failed;
}

void Transport::on_event(void* transport, Readiness ready) noexcept {
  static_cast<Transport*>(transport)->handle(ready);
}

void Transport::handle(Readiness ready) {
  // Every event names all that is ready, so a readable edge says "writable" too: only news is
  // passed on.
  const bool newly_writable = ready.writable && !writable_;
  peer_closed_ |= ready.closed;
  readable_ |= ready.readable || ready.closed;
  writable_ |= ready.writable;
  suspicious_ = ready.readable && ready.writable && !ready.closed;
  if (newly_writable && writer_ != nullptr) writer_->on_writable();
  if ((ready.readable || ready.closed) && is_open() && reader_ != nullptr) reader_->on_readable();
}

Io Transport::failed() {
  if (error_ == 0) error_ = errno;
  return {Io::Status::failed};
}

Io Transport::read(std::span<char> to) {
  const ssize_t n = sys::recv(fd_, to.data(), to.size());
  if (n > 0) {
    // A short read has emptied the socket and spares the EAGAIN, unless the FIN's edge has come
    // already: it will not come again (trap T4).
    if (static_cast<size_t>(n) < to.size() && !peer_closed_) {
      readable_ = false;
      look_again_soon();
    }
    return {Io::Status::ok, static_cast<size_t>(n)};
  }
  if (n == 0) return error_ == 0 ? Io{Io::Status::eof} : Io{Io::Status::failed};
  if (errno != EAGAIN) return failed();
  readable_ = false;
  return {Io::Status::blocked};
}

// The event that named these bytes may have been a reset right behind them: libevent says of both
// only "readable, writable", and there will be no other event. Asking the kernel after each read
// would cost a system call per request; asking once the connection has fallen silent costs none.
void Transport::look_again_soon() {
  if (!suspicious_) return;
  read_at_ = milliseconds(loop_->now());
  loop_->look_again(*this);
}

bool Transport::on_second_look() {
  if (milliseconds(loop_->now()) - read_at_ < kSilence) return true;
  readable_ = true;  // or not: whoever reads now finds out
  if (reader_ != nullptr) reader_->on_readable();
  return false;
}

Io Transport::write(std::span<const char> from) {
  return written(sys::send(fd_, from.data(), from.size()), from.size());
}

Io Transport::write(std::span<const char> head, std::span<const char> body) {
  if (body.empty()) return write(head);
  if (head.empty()) return write(body);
  // Copying so little costs less than the kernel's reading of a list.
  std::array<char, kJoined> joined;
  if (head.size() + body.size() <= joined.size()) {
    std::copy(head.begin(), head.end(), joined.begin());
    std::copy(body.begin(), body.end(), joined.begin() + static_cast<ptrdiff_t>(head.size()));
    return write({joined.data(), head.size() + body.size()});
  }
  const iovec parts[2] = {{const_cast<char*>(head.data()), head.size()},
                          {const_cast<char*>(body.data()), body.size()}};
  return written(sys::send_two(fd_, parts), head.size() + body.size());
}

Io Transport::written(ssize_t n, size_t wanted) {
  if (n >= 0) {
    if (static_cast<size_t>(n) < wanted) writable_ = false;
    return {Io::Status::ok, static_cast<size_t>(n)};
  }
  if (errno != EAGAIN) return write_failed();
  writable_ = false;
  return {Io::Status::blocked};
}

// Reading tells at once what came before that, or that nothing did: its event may be over (T4).
Io Transport::write_failed() {
  readable_ = true;
  return failed();
}

Io Transport::splice_into(KernelPipe& pipe, size_t size) {
  const bool was_empty = pipe.held == 0;
  const ssize_t n = sys::splice(fd_, pipe.write_end, size);
  if (n > 0) {
    pipe.held += static_cast<size_t>(n);
    return {Io::Status::ok, static_cast<size_t>(n)};
  }
  if (n == 0) return error_ == 0 ? Io{Io::Status::eof} : Io{Io::Status::failed};
  if (errno == EINVAL || errno == ENOSYS) return {Io::Status::unsupported};
  if (errno != EAGAIN) return failed();
  if (was_empty) readable_ = false;  // else the pipe may have run out of slots
  return {Io::Status::blocked};
}

Io Transport::splice_from(KernelPipe& pipe) {
  const ssize_t n = sys::splice(pipe.read_end, fd_, pipe.held);
  if (n > 0) {
    pipe.held -= static_cast<size_t>(n);
    return {Io::Status::ok, static_cast<size_t>(n)};
  }
  if (n < 0 && errno != EAGAIN) return write_failed();
  writable_ = false;
  return {Io::Status::blocked};
}

void Transport::shutdown_write() {
  if (is_open()) sys::shutdown_write(fd_);
}

void Transport::close() {
  if (!is_open()) return;
  watch_.stop();
  cancel_second_look();
  sys::close(fd_);
  fd_ = -1;
  readable_ = writable_ = false;
}

void Transport::abort() {
  if (!is_open()) return;
  const linger now{1, 0};
  sys::set_option(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close();
}

bool Transport::failed_unseen() {
  if (!suspicious_) return false;
  suspicious_ = false;
  if (error_ == 0) error_ = sys::take_error(fd_);
  return error_ != 0;
}

bool Transport::was_reset() const {
  return error_ == ECONNRESET || error_ == EPIPE;
}

bool Transport::has_unacknowledged() const {
  return is_open() && sys::unacknowledged(fd_) > 0;
}

}  // namespace weir

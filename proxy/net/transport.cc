#include "net/transport.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "net/keepalive.h"
#include "net/kernel_pipe.h"
#include "os/sys.h"

namespace weir {
namespace {

constexpr uint32_t kSilence = 500;  // ms, before a recheck

// Wraps around after 49 days; differences stay right.
uint32_t milliseconds(TimePoint at) {
  return static_cast<uint32_t>(at.time_since_epoch() / 1ms);
}

}  // namespace

bool Transport::open(EventLoop& loop, int fd) {
  DCHECK(!is_open());
  loop_ = &loop;
  fd_ = fd;
  error_ = 0;
  readable_ = peer_closed_ = suspicious_ = cut_off_ = fin_waits_ = false;
  writable_ = true;  // a new socket is writable; a send that fails clears this
  if (watch_.start<&Transport::on_event>(loop.poller(), fd, IoWatch::Mode::edge, this)) return true;
  error_ = errno;
  abort();
  return false;
}

Transport::Connecting Transport::connect(EventLoop& loop, const Address& to,
                                         const ConnectOptions& options) {
  const int fd = sys::socket(to.socket_family());
  if (fd < 0) return error_ = errno, Connecting::failed;
  if (to.is_ip()) {
    sys::set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (*options.congestion_control != '\0')
      sys::set_option(fd, IPPROTO_TCP, TCP_CONGESTION, options.congestion_control,
                      static_cast<socklen_t>(std::strlen(options.congestion_control)));
    if (options.keepalive.enabled()) set_keepalive(fd, options.keepalive);
    if (options.user_timeout > Duration::zero())
      sys::set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                      static_cast<int>(options.user_timeout / 1ms));
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
  // Every event names all that is ready, so a readable edge reports "writable", too: only a change
  // is passed on.
  const bool newly_writable = ready.writable && !writable_;
  peer_closed_ |= ready.closed;
  readable_ |= ready.readable || ready.closed;
  writable_ |= ready.writable;
  suspicious_ = ready.readable && ready.writable && !ready.closed;
  if (tls_ != nullptr && (ready.readable || ready.closed)) tls_->on_readable(ready.closed);
  if (newly_writable && fin_waits_) shutdown_write();
  if (newly_writable && writer_ != nullptr) writer_->on_writable();
  if ((ready.readable || ready.closed) && is_open() && reader_ != nullptr) reader_->on_readable();
}

Io Transport::failed() {
  if (error_ == 0) error_ = errno;
  return {Io::Status::failed};
}

void Transport::start_tls(std::unique_ptr<TlsStream> tls) {
  DCHECK(is_open() && tls_ == nullptr);
  tls_ = std::move(tls);
  tls_->attach(fd_);
  if (peer_closed_) tls_->on_readable(true);  // the edge of the FIN is over (trap T4)
}

Transport::Connecting Transport::handshake() {
  const TlsStream::Status status = tls_->handshake(loop_->turn());
  switch (status) {
    case TlsStream::Status::ok: return readable_ = true, Connecting::done;
    case TlsStream::Status::wants_read: return await_tls(), Connecting::pending;
    case TlsStream::Status::exhausted: return resume_next_turn(), Connecting::pending;
    case TlsStream::Status::wants_write: return writable_ = false, Connecting::pending;
    case TlsStream::Status::ended:
    case TlsStream::Status::cut_off: cut_off_ = true; break;
    case TlsStream::Status::failed: break;
  }
  error_ = tls_->error() != 0 ? tls_->error() : EPROTO;
  return Connecting::failed;
}

// A reset may follow a part of a record without an event of its own, as it may follow a whole one.
void Transport::await_tls() {
  readable_ = false;
  if (!tls_->found_empty()) schedule_recheck();
}

// The socket has more to read; other connections come first (trap T5).
void Transport::resume_next_turn() {
  readable_ = false;
  loop_->yield(*this);
}

void Transport::on_resume() {
  readable_ = true;
  if (reader_ != nullptr) reader_->on_readable();
}

// As without TLS, a read without a readable event asks the kernel.
Io Transport::read_tls(std::span<char> to) {
  if (!readable_) tls_->ask_again();
  const auto [status, bytes] = tls_->read(to, loop_->turn(), loop_->now());
  switch (status) {
    case TlsStream::Status::ok:
      readable_ = !tls_->drained();
      schedule_recheck();  // also when it is not drained: the rest may stay unread for long
      return {Io::Status::ok, bytes};
    case TlsStream::Status::wants_write:
    case TlsStream::Status::wants_read: return await_tls(), Io{Io::Status::blocked};
    case TlsStream::Status::exhausted: return resume_next_turn(), Io{Io::Status::blocked};
    case TlsStream::Status::cut_off: cut_off_ = true; [[fallthrough]];
    case TlsStream::Status::ended: return error_ == 0 ? Io{Io::Status::eof} : failed();
    case TlsStream::Status::failed: break;
  }
  error_ = tls_->error() != 0 ? tls_->error() : EPROTO;
  return {Io::Status::failed};
}

// Writes as many records as the socket takes.
Io Transport::write_tls(std::span<const char> from) {
  size_t written = 0;
  while (written < from.size()) {
    const auto [status, bytes] = tls_->write(from.subspan(written), loop_->now());
    written += bytes;
    if (status == TlsStream::Status::ok) continue;
    if (status != TlsStream::Status::wants_write && status != TlsStream::Status::wants_read) {
      if (error_ == 0) error_ = tls_->error() != 0 ? tls_->error() : EPROTO;
      readable_ = true;  // as in write_failed()
      tls_->ask_again();
      return {Io::Status::failed};
    }
    writable_ = false;
    return {written > 0 ? Io::Status::ok : Io::Status::blocked, written};
  }
  return {Io::Status::ok, written};
}

Io Transport::read(std::span<char> to) {
  if (tls_ != nullptr) return read_tls(to);
  const ssize_t n = sys::recv(fd_, to.data(), to.size());
  if (n > 0) {
    // A short read has emptied the socket: the read that would return EAGAIN is not needed. But the
    // edge of a FIN that has come already does not come again (trap T4).
    if (static_cast<size_t>(n) < to.size() && !peer_closed_) readable_ = false;
    schedule_recheck();
    return {Io::Status::ok, static_cast<size_t>(n)};
  }
  if (n == 0) return error_ == 0 ? Io{Io::Status::eof} : Io{Io::Status::failed};
  if (errno != EAGAIN) return failed();
  readable_ = false;
  return {Io::Status::blocked};
}

Io Transport::peek(std::span<char> to) {
  DCHECK(tls_ == nullptr);
  const ssize_t n = sys::peek(fd_, to.data(), to.size());
  if (n > 0) return {Io::Status::ok, static_cast<size_t>(n)};
  if (n == 0) return error_ == 0 ? Io{Io::Status::eof} : Io{Io::Status::failed};
  if (errno != EAGAIN) return failed();
  readable_ = false;
  return {Io::Status::blocked};
}

// The event for these bytes may also have reported a reset after them: libevent reports both as
// "readable, writable", and no other event follows. Bytes after urgent data, before which a read
// stops, have no event either. Asking the kernel after each read would cost a system call per
// request; asking when the connection has been silent for a while costs almost none.
void Transport::schedule_recheck() {
  if (!suspicious_) return;
  read_at_ = milliseconds(loop_->now());
  loop_->schedule_recheck(*this);
}

bool Transport::on_recheck() {
  if (milliseconds(loop_->now()) - read_at_ < kSilence) return true;
  readable_ = true;  // an assumption, which the read checks
  if (tls_ != nullptr) tls_->ask_again();
  if (reader_ != nullptr) reader_->on_readable();
  return false;
}

Io Transport::write(std::span<const char> from) {
  if (tls_ != nullptr) return write_tls(from);
  return written(sys::send(fd_, from.data(), from.size()), from.size());
}

template <size_t kSize>
Io Transport::write_joined(std::span<const char> head, std::span<const char> body) {
  std::array<char, kSize> joined;
  std::copy(head.begin(), head.end(), joined.begin());
  std::copy(body.begin(), body.end(), joined.begin() + static_cast<ptrdiff_t>(head.size()));
  return write({joined.data(), head.size() + body.size()});
}

Io Transport::write(std::span<const char> head, std::span<const char> body) {
  if (body.empty()) return write(head);
  if (head.empty()) return write(body);
  // Copying few bytes costs less than a system call with a list.
  if (head.size() + body.size() <= kJoined) return write_joined<kJoined>(head, body);
  if (tls_ != nullptr) {
    if (head.size() + body.size() <= kJoinedTls) return write_joined<kJoinedTls>(head, body);
    const Io first = write_tls(head);
    if (first.status != Io::Status::ok || first.bytes != head.size()) return first;
    const Io second = write_tls(body);
    if (second.status == Io::Status::failed) return second;
    return {Io::Status::ok, first.bytes + second.bytes};
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

// The peer may have sent bytes before the failure, and their event may be over (trap T4): a read
// tells.
Io Transport::write_failed() {
  readable_ = true;
  return failed();
}

Io Transport::splice_into(KernelPipe& pipe, size_t size) {
  if (tls_ != nullptr) return {Io::Status::unsupported};
  const ssize_t n = sys::splice(fd_, pipe.write_end, size);
  if (n > 0) {
    pipe.held += static_cast<size_t>(n);
    schedule_recheck();
    return {Io::Status::ok, static_cast<size_t>(n)};
  }
  if (n < 0 && (errno == EINVAL || errno == ENOSYS)) return {Io::Status::unsupported};
  if (n < 0 && errno != EAGAIN && errno != ENOMEM) {
    if (error_ == 0) error_ = errno;
    note_end();
  }
  return {Io::Status::blocked};
}

Io Transport::splice_from(KernelPipe& pipe) {
  DCHECK(tls_ == nullptr);
  const ssize_t n = sys::splice(pipe.read_end, fd_, pipe.held);
  if (n > 0) {
    pipe.held -= static_cast<size_t>(n);
    return {Io::Status::ok, static_cast<size_t>(n)};
  }
  if (n < 0 && errno != EAGAIN) return write_failed();
  writable_ = false;
  return {Io::Status::blocked};
}

bool Transport::ended_by_peer() {
  if (peer_closed_) return true;
  if (tls_ == nullptr || !readable_) return false;
  switch (tls_->look_ahead(loop_->turn(), loop_->now())) {
    case TlsStream::Status::ok: return false;  // it has sent more bytes
    case TlsStream::Status::wants_write:
    case TlsStream::Status::wants_read: return await_tls(), false;
    case TlsStream::Status::exhausted: return resume_next_turn(), false;
    case TlsStream::Status::cut_off: cut_off_ = true; return true;
    case TlsStream::Status::ended: return true;
    case TlsStream::Status::failed: break;
  }
  error_ = tls_->error() != 0 ? tls_->error() : EPROTO;
  return true;
}

void Transport::shutdown_write() {
  if (!is_open()) return;
  fin_waits_ = tls_ != nullptr && tls_->send_close_notify() == TlsStream::Status::wants_write;
  if (fin_waits_)
    writable_ = false;
  else
    sys::shutdown_write(fd_);
}

void Transport::close() {
  if (!is_open()) return;
  if (tls_ != nullptr) {
    // Unsent records are dropped with the connection. A close_notify without them would make a
    // truncated stream look complete.
    if (!tls_->has_unsent()) tls_->send_close_notify();
    tls_.reset();
  }
  watch_.stop();
  cancel_recheck();
  cancel_yield();
  sys::close(fd_);
  fd_ = -1;
  readable_ = writable_ = false;
}

void Transport::abort() {
  if (!is_open()) return;
  tls_.reset();  // no close_notify: the peer must see a truncated stream
  const linger now{1, 0};
  sys::set_option(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close();
}

bool Transport::has_pending_error() {
  if (!suspicious_) return false;
  suspicious_ = false;
  if (error_ == 0) error_ = sys::take_error(fd_);
  if (error_ != 0) note_end();
  return error_ != 0;
}

// The kernel reports an error once. read() returns the bytes that were received before it, however
// short the reads are, and then the end.
void Transport::note_end() {
  peer_closed_ = readable_ = true;
  if (tls_ != nullptr) tls_->on_readable(true);
}

bool Transport::was_reset() const {
  return error_ == ECONNRESET || error_ == EPIPE || cut_off_;
}

Address Transport::local_address() const {
  sockaddr_storage storage{};
  const socklen_t length = sys::local_name(fd_, storage);
  return Address::from(reinterpret_cast<const sockaddr*>(&storage), length);
}

size_t Transport::unacknowledged() const {
  return is_open() ? static_cast<size_t>(std::max(sys::unacknowledged(fd_), 0)) : 0;
}

}  // namespace weir

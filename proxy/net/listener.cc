#include "net/listener.h"

#include <algorithm>

#include "net/keepalive.h"
#include "os/sys.h"

namespace weir {

Listener::Listener(EventLoop& loop, int fd, AcceptObserver& observer)
    : Retirable(loop),
      observer_(observer),
      fd_(fd),
      reserve_(sys::open_reserve()),
      resume_(loop, [this] { start(); }) {
  start();
}

void Listener::start() {
  if (!watch_.active() &&
      !watch_.start<&Listener::on_readable>(loop().poller(), fd_, IoWatch::Mode::level_read, this))
    resume_.set_in(kPause);
}

void Listener::on_readable(void* listener, Readiness) noexcept {
  auto& self = *static_cast<Listener*>(listener);
  for (int found = 0; found < self.batch_ && self.is_open(); ++found) {
    switch (self.accept_one()) {
      case Accepted::one: break;
      case Accepted::none: self.batch_ = std::max(found, 1); return;
      case Accepted::out_of_descriptors:
        if (!self.use_reserve()) return;
        self.watch_.stop();
        self.resume_.set_in(kPause);
        return;
    }
  }
  self.batch_ = std::min(2 * self.batch_, kAcceptsPerTurn);
}

Listener::Accepted Listener::accept_one() {
  sockaddr_storage client;
  socklen_t length = sizeof(client);
  const int fd = sys::accept(fd_, reinterpret_cast<sockaddr*>(&client), &length);
  if (fd >= 0) {
    observer_.on_accept(fd, reinterpret_cast<const sockaddr*>(&client), length);
    return Accepted::one;
  }
  switch (errno) {
    case EAGAIN: return Accepted::none;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return Accepted::out_of_descriptors;
    default: return Accepted::one;  // this connection has died in the queue; the next one has not
  }
}

// Gives up the reserve for one connection: refusing somebody tells the others' operator more than
// silence.
bool Listener::use_reserve() {
  if (reserve_ >= 0) sys::close(reserve_);
  sockaddr_storage client;
  socklen_t length = sizeof(client);
  auto* address = reinterpret_cast<sockaddr*>(&client);
  const int fd = sys::accept(fd_, address, &length);
  if (fd >= 0) observer_.on_out_of_descriptors(fd, address, length);
  reserve_ = sys::open_reserve();
  return fd >= 0;
}

void Listener::set_backlog(int backlog) {
  if (is_open()) sys::listen(fd_, backlog);
}

void Listener::set_keepalive(const TcpKeepalive& keepalive) {
  if (is_open()) weir::set_keepalive(fd_, keepalive);
}

void Listener::accept_all_and_close() {
  // More than a full queue cannot be there; a client that keeps connecting must not keep us here.
  constexpr int kAtMost = 1 << 16;
  Accepted accepted = Accepted::one;
  for (int i = 0; i < kAtMost && is_open() && accepted != Accepted::none; ++i) {
    accepted = accept_one();
    if (accepted == Accepted::out_of_descriptors && !use_reserve()) break;
  }
  close();
}

void Listener::close() {
  resume_.cancel();
  watch_.stop();
  if (fd_ >= 0) sys::close(fd_);
  if (reserve_ >= 0) sys::close(reserve_);
  fd_ = reserve_ = -1;
}

}  // namespace weir

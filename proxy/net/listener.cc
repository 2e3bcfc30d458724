#include "net/listener.h"

#include <algorithm>
#include <utility>

#include "base/system_error.h"
#include "net/keepalive.h"
#include "os/sys.h"

namespace weir {

Listener::Listener(EventLoop& loop, int fd, AcceptObserver& observer, int accepts_per_turn)
    : Retirable(loop),
      observer_(observer),
      fd_(fd),
      reserve_(sys::open_reserve()),
      accepts_per_turn_(accepts_per_turn),
      resume_(loop, [this] { start(); }) {
  start();
}

// Also after a pause, when there may be descriptors again.
void Listener::start() {
  restore_reserve();
  if (!watch_.active() &&
      !watch_.start<&Listener::on_readable>(loop().poller(), fd_, IoWatch::Mode::level_read, this))
    resume_.set_in(kPause);
}

void Listener::on_readable(void* listener, Readiness) noexcept {
  auto& self = *static_cast<Listener*>(listener);
  for (int found = 0; found < self.batch_ && self.is_open(); ++found) {
    switch (self.accept_one()) {
      case Accepted::one:
      case Accepted::refused: break;
      case Accepted::none: self.batch_ = std::max(found, 1); return;
      case Accepted::out_of_descriptors:
        // accept(2) needs a descriptor before it looks into the queue. Only the first call of a
        // turn fails because of a connection that waits.
        if (found == 0) self.out_of_descriptors();
        return;
    }
  }
  self.batch_ = std::min(2 * self.batch_, self.accepts_per_turn_);
}

Listener::Accepted Listener::accept_one() {
  sockaddr_storage client;
  socklen_t length = sizeof(client);
  const int fd = sys::accept(fd_, reinterpret_cast<sockaddr*>(&client), &length);
  if (fd >= 0) {
    observer_.on_accept(fd, reinterpret_cast<const sockaddr*>(&client), length);
    return Accepted::one;
  }
  if (errno == EAGAIN) return Accepted::none;
  // Any other error concerns a connection that has failed in the queue, not the next one.
  return is_out_of_resources(errno) ? Accepted::out_of_descriptors : Accepted::one;
}

void Listener::out_of_descriptors() {
  switch (use_reserve()) {
    case Accepted::one:
    case Accepted::none: return;
    case Accepted::refused:
    case Accepted::out_of_descriptors: return pause();
  }
}

// Refusing one connection tells its client, and weir's log, more than leaving all of them in the
// queue. None: no connection waits.
Listener::Accepted Listener::use_reserve() {
  if (reserve_ >= 0)
    sys::close(std::exchange(reserve_, -1));
  else if (!observer_.free_descriptor())
    return Accepted::out_of_descriptors;
  sockaddr_storage client;
  socklen_t length = sizeof(client);
  auto* address = reinterpret_cast<sockaddr*>(&client);
  const int fd = sys::accept(fd_, address, &length);
  const int error = errno;
  const bool served = fd >= 0 && observer_.on_out_of_descriptors(fd, address, length);
  restore_reserve();
  if (fd >= 0) return served ? Accepted::one : Accepted::refused;
  return is_out_of_resources(error) ? Accepted::out_of_descriptors : Accepted::none;
}

void Listener::restore_reserve() {
  if (is_open() && reserve_ < 0) reserve_ = sys::open_reserve();
}

void Listener::pause() {
  if (!is_open()) return;
  watch_.stop();
  resume_.set_in(kPause);
}

void Listener::set_backlog(int backlog) {
  if (is_open()) sys::listen(fd_, backlog);
}

void Listener::set_keepalive(const TcpKeepalive& keepalive) {
  if (is_open()) weir::set_keepalive(fd_, keepalive);
}

void Listener::accept_all_and_close() {
  // No queue is longer. A client that keeps connecting must not keep this loop running.
  constexpr int kAtMost = 1 << 16;
  Accepted accepted = Accepted::one;
  for (int i = 0; i < kAtMost && is_open() && accepted != Accepted::none; ++i) {
    accepted = accept_one();
    if (accepted != Accepted::out_of_descriptors) continue;
    const Accepted with_reserve = use_reserve();
    if (with_reserve != Accepted::one && with_reserve != Accepted::refused) break;
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

#include "support/http_backend.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace weir {
namespace {

void reset_at_close(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

}  // namespace

HttpBackend::HttpBackend(Answer answer) : answer_(std::move(answer)) {
  start();
}

HttpBackend::~HttpBackend() {
  stop();
}

void HttpBackend::start() {
  if (acceptor_.fd() < 0) acceptor_.start();
  stopping_ = false;
  wake_.reset(::eventfd(0, EFD_CLOEXEC));
  acceptor_thread_ = std::thread([this, listener = acceptor_.fd()] { accept_all(listener); });
}

void HttpBackend::stop() {
  if (!acceptor_thread_.joinable()) return;
  stopping_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] ssize_t n = ::write(wake_.get(), &one, sizeof(one));
  acceptor_thread_.join();
  acceptor_.stop();
  {
    std::lock_guard lock(mutex_);
    for (int fd : open_) {
      reset_at_close(fd);
      ::shutdown(fd, SHUT_RD);  // wakes its thread, which closes it
    }
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void HttpBackend::accept_all(int listener) {
  pollfd wanted[] = {{listener, POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  while (!stopping_) {
    ::poll(wanted, 2, -1);
    for (int fd; !stopping_ && (fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      ++accepted_;
      {
        std::lock_guard lock(mutex_);
        open_.insert(fd);
      }
      threads_.emplace_back([this, fd] { serve(Socket(fd)); });
    }
  }
}

void HttpBackend::serve(Socket socket) {
  const int fd = socket.fd();
  HttpPeer peer(std::move(socket));
  while (!stopping_) {
    HttpMessage request = peer.read_head(1h);
    if (request.head.empty()) break;
    ++requests_;
    if (!answer_(peer, request)) break;
  }
  std::lock_guard lock(mutex_);
  open_.erase(fd);
  peer.socket().close();
}

void end_with_reset(HttpPeer& peer) {
  reset_at_close(peer.socket().fd());
}

}  // namespace weir

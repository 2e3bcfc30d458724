#include "backends.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>

#include "loopback.h"

namespace {

constexpr std::size_t kSmallBody = 100;
constexpr std::size_t kMediumBody = 1 << 20;  // of which HTTP/2 has many at the same time
constexpr std::size_t kLargeBody = 64'000'000;
constexpr std::size_t kRequestLimit = 16 * 1024;

enum class Kind { echo, source, http };

struct Peer {
  int fd = -1;
  bool listens = false;
  Kind kind = Kind::echo;
  std::string request{};      // HTTP: the received part of it
  std::size_t body_left = 0;  // HTTP: of /medium or /large, to be sent
};

void listen_on(int epoll, int port, Kind kind) {
  auto* listener = new Peer{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), true, kind};
  const int one = 1;
  ::setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in address = loopback(port);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(listener->fd, generic, sizeof address) != 0) die("bind");
  if (::listen(listener->fd, 4096) != 0) die("listen");
  watch(epoll, EPOLL_CTL_ADD, listener->fd, {EPOLLIN, {.ptr = listener}});
}

void accept_one(int epoll, const Peer& listener) {
  const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  set_no_delay(fd);
  watch(epoll, EPOLL_CTL_ADD, fd, {EPOLLIN, {.ptr = new Peer{fd, false, listener.kind}}});
}

std::string answer_head(std::size_t length) {
  return "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: " +
         std::to_string(length) + "\r\n\r\n";
}

// Both are short, and the client has read the response before: they fit into the socket.
bool send_whole(const Peer& peer, std::string_view bytes) {
  return ::send(peer.fd, bytes.data(), bytes.size(), kNow) == static_cast<ssize_t>(bytes.size());
}

// The next fields tell whether the connection stays open.

bool answer(int epoll, Peer& peer, std::string_view bytes) {
  static const std::string small = answer_head(kSmallBody) + std::string(kSmallBody, 'x');
  static const std::string medium = answer_head(kMediumBody);
  static const std::string large = answer_head(kLargeBody);
  peer.request += bytes;
  if (!peer.request.ends_with("\r\n\r\n")) return peer.request.size() < kRequestLimit;
  const bool is_medium = peer.request.starts_with("GET /medium ");
  const bool is_large = peer.request.starts_with("GET /large ");
  peer.request.clear();
  if (!is_medium && !is_large) return send_whole(peer, small);
  peer.body_left = is_large ? kLargeBody : kMediumBody;
  watch(epoll, EPOLL_CTL_MOD, peer.fd, {EPOLLIN | EPOLLOUT, {.ptr = &peer}});
  return send_whole(peer, is_large ? large : medium);
}

bool send_more(int epoll, Peer& peer) {
  for (int turn = 0; turn < 8; ++turn) {
    const bool endless = peer.kind == Kind::source;
    const std::size_t size = endless ? g_buffer.size() : std::min(g_buffer.size(), peer.body_left);
    const ssize_t sent = ::send(peer.fd, g_buffer.data(), size, kNow);
    if (sent < 0) return errno == EAGAIN;
    if (endless) continue;
    peer.body_left -= static_cast<std::size_t>(sent);
    if (peer.body_left > 0) continue;
    watch(epoll, EPOLL_CTL_MOD, peer.fd, {EPOLLIN, {.ptr = &peer}});
    return true;
  }
  return true;
}

bool serve(int epoll, Peer& peer, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0 && !send_more(epoll, peer)) return false;
  if ((events & ~std::uint32_t{EPOLLOUT}) == 0) return true;
  const ssize_t got = ::recv(peer.fd, g_buffer.data(), g_buffer.size(), MSG_DONTWAIT);
  if (got <= 0) return got < 0 && errno == EAGAIN;
  const std::string_view bytes(g_buffer.data(), static_cast<std::size_t>(got));
  switch (peer.kind) {
    case Kind::echo: return send_whole(peer, bytes);
    case Kind::source:
      watch(epoll, EPOLL_CTL_MOD, peer.fd, {EPOLLIN | EPOLLOUT, {.ptr = &peer}});
      return true;
    case Kind::http: return answer(epoll, peer, bytes);
  }
  return false;
}

}  // namespace

void run_backends(const BackendPorts& ports) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  listen_on(epoll, ports.echo, Kind::echo);
  listen_on(epoll, ports.source, Kind::source);
  listen_on(epoll, ports.http, Kind::http);
  std::array<epoll_event, 256> events{};
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      auto* peer = static_cast<Peer*>(event.data.ptr);
      if (peer->listens) {
        accept_one(epoll, *peer);
      } else if (!serve(epoll, *peer, event.events)) {
        ::close(peer->fd);
        delete peer;
      }
    }
  }
}

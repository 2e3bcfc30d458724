// Two connected stream sockets of the kernel. Both ends are non-blocking.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace weir::test {

struct SocketPair {
  UniqueFd a, b;
};

inline SocketPair unix_pair(int send_buffer = 0) {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  if (send_buffer > 0)
    for (int end : ends)
      ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Over loopback TCP: has resets, windows and splice(2) of the real thing. Without Nagle's
// algorithm, as all connections of weir: bytes that it delays would be lost with a reset.
inline SocketPair tcp_pair() {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  UniqueFd a(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(a.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  UniqueFd b(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  EXPECT_GE(b.get(), 0);
  ::fcntl(a.get(), F_SETFL, O_NONBLOCK);
  const int on = 1;
  for (const int fd : {a.get(), b.get()})
    EXPECT_EQ(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
  return {std::move(a), std::move(b)};
}

inline void reset_on_close(int fd) {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

// Everything that can be read now, appended; -1 in `error` → errno. Returns true at the end of the
// stream.
inline bool read_all(int fd, std::string& into, int* error = nullptr) {
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
    if (n > 0)
      into.append(buffer, static_cast<size_t>(n));
    else if (n == 0)
      return true;
    else
      return error != nullptr && errno != EAGAIN ? *error = errno, false : false;
  }
}

inline void send_all(int fd, std::string_view bytes) {
  ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

}  // namespace weir::test

// The door to the kernel: every system call of the data path, as an inline function that retries
// EINTR. The simulation puts its own sys.h first on the include path. Errors are -1 and errno, as
// in section 2 of the manual.
#pragma once

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace weir::sys {

template <typename Call>
inline auto retry(Call call) {
  decltype(call()) result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

// Non-blocking and close-on-exec, like every descriptor of weir.
inline int accept(int fd, sockaddr* address, socklen_t* length) {
  return retry([=] { return ::accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC); });
}
inline int socket(int family) {
  return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}
// On a listening socket only the length of its queue changes.
inline int listen(int fd, int backlog) {
  return ::listen(fd, backlog);
}
inline int connect(int fd, const sockaddr* address, socklen_t length) {
  return ::connect(fd, address,
                   length);  // after EINTR it continues in the background, like EINPROGRESS
}
#if defined(WEIR_ASAN) || defined(WEIR_TSAN)
// The sanitizers know what libc's functions touch.
inline ssize_t recv(int fd, void* to, size_t size) {
  return retry([=] { return ::recv(fd, to, size, 0); });
}
inline ssize_t send(int fd, const void* from, size_t size) {
  return retry([=] { return ::send(fd, from, size, MSG_NOSIGNAL); });
}
#else
// Without libc, whose recv and send are cancellation points: two atomic operations a call, and weir
// cancels no thread.
inline ssize_t recv(int fd, void* to, size_t size) {
  return retry([=] { return ::syscall(SYS_recvfrom, fd, to, size, 0, nullptr, nullptr); });
}
inline ssize_t send(int fd, const void* from, size_t size) {
  return retry([=] { return ::syscall(SYS_sendto, fd, from, size, MSG_NOSIGNAL, nullptr, 0); });
}
#endif
// The same; the bytes stay in the receive queue.
inline ssize_t peek(int fd, void* to, size_t size) {
  return retry([=] { return ::recv(fd, to, size, MSG_PEEK); });
}
// Sends a head and the bytes that follow it in one message.
inline ssize_t send_two(int fd, const iovec (&parts)[2]) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = 2;
  return retry([&] { return ::sendmsg(fd, &message, MSG_NOSIGNAL); });
}
// From or to a pipe, at most `size` bytes. There is no MSG_NOSIGNAL here: SIGPIPE is ignored by the
// process.
inline ssize_t splice(int from, int to, size_t size) {
  return retry([=] {
    return ::splice(from, nullptr, to, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  });
}
// Makes a pipe of `capacity` bytes, or of fewer if the user's limit demands it; -1 on failure.
inline int pipe(int ends[2], int capacity) {
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return -1;
  ::fcntl(ends[1], F_SETPIPE_SZ, capacity);
  return 0;
}
inline int shutdown_write(int fd) {
  return ::shutdown(fd, SHUT_WR);
}
inline int close(int fd) {
  return ::close(fd);
}
inline int set_option(int fd, int level, int name, const void* value, socklen_t size) {
  return ::setsockopt(fd, level, name, value, size);
}
inline int set_option(int fd, int level, int name, int value) {
  return set_option(fd, level, name, &value, sizeof(value));
}
// The pending error of a socket, which this clears; 0: none.
inline int take_error(int fd) {
  int error = 0;
  socklen_t size = sizeof(error);
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}
// Bytes in the send queue that the peer has not acknowledged.
inline int unacknowledged(int fd) {
  int bytes = 0;
  return ::ioctl(fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}
// The local address of a socket; returns its length, 0 on failure.
inline socklen_t local_name(int fd, sockaddr_storage& name) {
  socklen_t length = sizeof(name);
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) == 0 ? length : 0;
}
// Opens a descriptor to be closed when accept(2) finds no other.
inline int open_reserve() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace weir::sys

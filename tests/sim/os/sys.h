// The simulation's door to the kernel: the same functions as proxy/os/sys.h, answered by
// tests/sim/network/kernel.cc.
#pragma once

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace weir::sys {

int accept(int fd, sockaddr* address, socklen_t* length);
int socket(int family);
int listen(int fd, int backlog);
int connect(int fd, const sockaddr* address, socklen_t length);
ssize_t recv(int fd, void* to, size_t size);
ssize_t peek(int fd, void* to, size_t size);
ssize_t send(int fd, const void* from, size_t size);
ssize_t send_two(int fd, const iovec (&parts)[2]);
ssize_t splice(int from, int to, size_t size);
int pipe(int ends[2], int capacity);
int shutdown_write(int fd);
int close(int fd);
int set_option(int fd, int level, int name, const void* value, socklen_t size);
inline int set_option(int fd, int level, int name, int value) {
  return set_option(fd, level, name, &value, sizeof(value));
}
int take_error(int fd);
int unacknowledged(int fd);
socklen_t local_name(int fd, sockaddr_storage& name);
int open_reserve();

}  // namespace weir::sys

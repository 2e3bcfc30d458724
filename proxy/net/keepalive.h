// Sets the TCP keepalive of a socket. Any thread.
#pragma once

#include "base/tcp_keepalive.h"

namespace weir {

// Of a TCP socket: one that listens, whose accepted sockets inherit it, or one that is connected or
// will be. Off: one system call, else four. False and errno: the kernel refused one of them.
bool set_keepalive(int fd, const TcpKeepalive& keepalive);

}  // namespace weir

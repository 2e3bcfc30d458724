// Sets the TCP keepalive of a socket. Any thread.
#pragma once

#include "base/tcp_keepalive.h"

namespace weir {

// `fd`: a TCP socket that listens (accepted sockets inherit the setting), is connected or will be.
// Off takes one system call, on takes four. False and errno: the kernel refused one of them.
bool set_keepalive(int fd, const TcpKeepalive& keepalive);

}  // namespace weir

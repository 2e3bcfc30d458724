// Opens listening sockets. Control thread: a bind error must be known before a configuration is
// published.
#pragma once

#include <string>

#include "base/address.h"
#include "base/result.h"
#include "base/tcp_keepalive.h"
#include "base/unique_fd.h"
#include "control/unix_socket_file.h"

namespace weir {

struct ListenOptions {
  int backlog = 4096;               // the kernel cuts it to net.core.somaxconn
  std::string congestion_control;   // empty: the system's
  bool reuse_port = true;           // several sockets on one address, one for each worker
  SocketPermissions permissions{};  // of a UNIX socket
  TcpKeepalive keepalive{};
  friend bool operator==(const ListenOptions&, const ListenOptions&) = default;
};

// A bound, listening, non-blocking socket. Accepted sockets inherit TCP_NODELAY, the congestion
// control and the keepalive that are set here. "[::]" takes IPv4 too, and is "0.0.0.0" where there
// is no IPv6: local_address() tells. The file of a UNIX socket: bind_unix_socket().
Result<UniqueFd> open_listening_socket(const Address& address, const ListenOptions& options);
// The same in two steps, for several sockets at once. bind_socket() alone also tests whether an
// address is free.
Result<UniqueFd> bind_socket(const Address& address, const ListenOptions& options);
Result<void> start_listening(int fd, const Address& address, const ListenOptions& options);

// The address that a socket is bound to: with the port that the kernel chose for port 0.
Address local_address(int fd);

}  // namespace weir
